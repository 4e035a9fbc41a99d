/* SPDX-License-Identifier: MIT */
/*
 * test_file_io.c: read, write and holes of files, and what callbacks may ask meanwhile.
 */
#include "store.h"

/* The embedder makes the hole; the core forgets what it had of it, but for private copies. */
static void test_punch_embedders_file(void **state)
{
	const enum quire_file_kind kinds[] = {QUIRE_FILE_PAGECACHE, QUIRE_FILE_EXTERNAL};
	struct unit *u = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct store *s = new_store();
		struct quire_file *f = new_file(u, kinds[i], s);
		uint64_t a = 0x100000, p = 0x200000;

		assert_int_equal(quire_mmap(u->mm, a, 8 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, f,
					    2 * UPAGE, &a),
				 0);
		assert_int_equal(quire_mmap(u->mm, p, 8 * UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED, f,
					    2 * UPAGE, &p),
				 0);
		expect(u, a + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		expect(u, a + 5 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		expect(u, p + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		s->write_err = -EIO;
		assert_int_equal(quire_madvise(u->mm, a, 2 * UPAGE, QMADV_REMOVE), -EIO);
		assert_true(quire_pte(u->mm, a + UPAGE));
		s->write_err = 0;
		assert_int_equal(quire_madvise(u->mm, a, 2 * UPAGE, QMADV_REMOVE), 0);
		assert_int_equal(s->punches, 2);
		assert_false(quire_pte(u->mm, a + UPAGE));
		assert_true(quire_pte(u->mm, a + 5 * UPAGE));
		assert_true(quire_pte(u->mm, p + UPAGE));
		assert_int_equal(s->bytes[3 * UPAGE], 0);
		assert_int_not_equal(s->bytes[4 * UPAGE], 0);
		unit_verify(u);
		quire_munmap(u->mm, a, 8 * UPAGE);
		quire_munmap(u->mm, p, 8 * UPAGE);
		quire_file_put(f);
		u->port.rcu_barrier(u->port.ctx);
		free(s);
	}
}

/* Another thread's sync meanwhile, and so the old content, if it could, after the zeros. */
static struct quire_file *synced_in_punch;

static int punch_and_sync(void *priv, uint64_t off, uint64_t len)
{
	int err = store_punch(priv, off, len);

	assert_int_equal(quire_file_sync(synced_in_punch), 0);
	return err;
}

static void test_sync_beside_a_hole(void **state)
{
	static const struct quire_file_ops ops = {
	    .read_page = store_read, .write_page = store_write, .punch_hole = punch_and_sync};
	struct store *s = new_store();
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = s, .writable = true};
	struct unit *u = *state;
	uint64_t a;

	o.kind = QUIRE_FILE_PAGECACHE;
	o.bytes = STORE_PAGES * UPAGE;
	assert_int_equal(quire_file_create(u->m, &o, &synced_in_punch), 0);
	a = map_all(u, synced_in_punch, QMAP_SHARED);
	for (uint64_t i = 0; i < 4; i++)
		unit_store(u->mm, a + i * UPAGE, 5);
	assert_int_equal(quire_madvise(u->mm, a + UPAGE, UPAGE, QMADV_REMOVE), 0);
	assert_int_equal(s->writes, 3); /* the others are written */
	assert_int_equal(quire_file_remove(synced_in_punch, 2 * UPAGE, UPAGE), 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(unit_load(u->mm, a + i * UPAGE), i == 1 || i == 2 ? 0 : 5);
	/* No hole was made: what was passed over is written later. */
	s->write_err = -EIO;
	unit_store(u->mm, a, 0x0606060606060606);
	assert_int_equal(quire_file_remove(synced_in_punch, 0, UPAGE), -EIO);
	s->write_err = 0;
	assert_int_equal(quire_file_sync(synced_in_punch), 0);
	assert_int_equal(s->bytes[0], 6);
	assert_int_equal(quire_file_remove(synced_in_punch, 8, UPAGE), -EINVAL);
	assert_int_equal(quire_file_remove(synced_in_punch, 0, 0), -EINVAL);
	finish(u, synced_in_punch, NULL, a);
	free(s);
}

static void test_read_write_shmem(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct quire_machine_stats st;
	char out[6000], in[6000];

	memset(in, 'x', sizeof(in));
	assert_int_equal(quire_file_read(file, 0, out, 100), 100);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.shmem_frames, 0); /* reading a hole makes no page */
	assert_int_equal(quire_file_write(file, 1000, in, sizeof(in)), sizeof(in));
	assert_int_equal(unit_load(u->mm, a + 1000), 0x7878787878787878);
	assert_int_equal(quire_file_read(file, 500, out, 1000), 1000);
	assert_int_equal(out[499], 0);
	assert_int_equal(out[500], 'x');
	/* Beyond the end: grows on write, ends on read. */
	assert_int_equal(quire_file_read(file, STORE_PAGES * UPAGE, out, 1), 0);
	assert_int_equal(quire_file_read(file, STORE_PAGES * UPAGE - 3, out, 10), 3);
	assert_int_equal(quire_file_write(file, STORE_PAGES * UPAGE + 5, in, 10), 10);
	assert_int_equal(quire_file_size(file), STORE_PAGES * UPAGE + 15);
	finish(u, file, NULL, a);
}

static void test_read_write_cached(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t word = 0;

	assert_int_equal(quire_file_read(file, 2 * UPAGE, &word, 8), 8);
	assert_int_equal(word, unit_word(2, 77));
	assert_int_equal(s->reads, 1);
	/* The rest of a page that is written in part comes from the file. */
	assert_int_equal(quire_file_write(file, 3 * UPAGE + 8, &word, 8), 8);
	assert_int_equal(s->reads, 2);
	assert_int_equal(quire_file_read(file, 3 * UPAGE, &word, 8), 8);
	assert_int_equal(word, unit_word(3, 77));
	finish(u, file, NULL, 0);
	assert_int_equal(s->writes, 1);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 3 * UPAGE + 8), unit_word(2, 77));
	free(s);
}

/* How long the file is may be asked for while a page is read for a write: it has grown since. */
static struct quire_file *asked_in_read;

static int read_and_ask(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->size = STORE_PAGES * UPAGE;
	assert_int_equal(quire_file_size(asked_in_read), STORE_PAGES * UPAGE);
	return store_read(priv, pgoff, mem);
}

static void test_size_asked_in_read(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_and_ask,
						  .file_size = store_size};
	struct store *s = new_store();
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = s, .writable = true};
	struct unit *u = *state;
	uint64_t word = 5;

	o.kind = QUIRE_FILE_PAGECACHE;
	s->size = 2 * UPAGE;
	assert_int_equal(quire_file_create(u->m, &o, &asked_in_read), 0);
	assert_int_equal(quire_file_write(asked_in_read, 8, &word, 8), 8);
	assert_int_equal(quire_file_read(asked_in_read, 0, &word, 8), 8);
	assert_int_equal(word, unit_word(0, 77));
	finish(u, asked_in_read, NULL, 0);
	free(s);
}

static const struct quire_file_ops sized_ops = {.read_page = store_read,
						.write_page = store_write,
						.file_size = store_size,
						.release = store_release};

static struct quire_file *new_sized(struct unit *u, struct store *s, uint64_t size)
{
	struct quire_file_options o = {
	    .size = sizeof(o), .ops = &sized_ops, .priv = s, .writable = true};
	struct quire_file *file;

	o.kind = QUIRE_FILE_PAGECACHE;
	s->size = size;
	assert_int_equal(quire_file_create(u->m, &o, &file), 0);
	return file;
}

static void finish_sized(struct unit *u, struct quire_file *file, struct store *s, uint64_t a)
{
	finish(u, file, NULL, a);
	assert_int_equal(s->releases, 1);
	free(s);
}

/* Before a page is read in the embedder is asked whether it is in the file still. */
static void test_size_asked_before_read(void **state)
{
	struct store *s = new_store();
	struct unit *u = *state;
	struct quire_file *file = new_sized(u, s, 2 * UPAGE);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	s->size = UPAGE;
	expect_bus(u, a + UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(s->reads, 0);
	finish_sized(u, file, s, a);
}

/* A fault beyond the end as it is known maps what is before it, and then finds more. */
static void test_around_before_growth(void **state)
{
	struct store *s = new_store();
	struct unit *u = *state;
	struct quire_file *file = new_sized(u, s, UPAGE);
	uint64_t word, a = unit_map_file(u->mm, 0x10000000, STORE_PAGES * UPAGE, URW,
					 QMAP_SHARED | QMAP_FIXED, file, 0);
	struct quire_fault f;

	assert_int_equal(quire_file_read(file, 0, &word, sizeof(word)), sizeof(word));
	s->size = 2 * UPAGE;
	f = expect(u, a + UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(f.around, 1);
	finish_sized(u, file, s, a);
}

/* Where the file ends the embedder knows alone: what it has got since the core asked stays. */
static void test_truncate_beyond_old_size(void **state)
{
	struct store *s = new_store();
	struct unit *u = *state;
	struct quire_file *file = new_sized(u, s, 100);
	uint64_t a = map_all(u, file, QMAP_SHARED), word = 5;

	s->size = 3000;
	memcpy(s->bytes + 200, &word, sizeof(word));
	assert_int_equal(unit_fault(u->mm, a, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	s->size = 2 * UPAGE;
	assert_int_equal(quire_file_truncate(file, 2 * UPAGE), 0);
	assert_int_equal(unit_load(u->mm, a + 200), 5);
	assert_int_equal(quire_file_sync(file), 0);
	assert_memory_equal(s->bytes + 200, &word, sizeof(word));
	finish_sized(u, file, s, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_punch_embedders_file),   unit_test(test_sync_beside_a_hole),
	    unit_test(test_read_write_shmem),       unit_test(test_read_write_cached),
	    unit_test(test_size_asked_in_read),     unit_test(test_truncate_beyond_old_size),
	    unit_test(test_size_asked_before_read), unit_test(test_around_before_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
