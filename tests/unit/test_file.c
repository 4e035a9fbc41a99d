/* SPDX-License-Identifier: MIT */
/*
 * test_file.c: mapped files: faults, fault-around, write-notify and writeback.
 */
#include "store.h"

/* ---- making ------------------------------------------------------------------ */

static void test_create(void **state)
{
	struct unit *u = *state;
	struct quire_file_options opts = {.size = sizeof(opts), .kind = QUIRE_FILE_EXTERNAL};
	struct store *s = new_store();
	struct quire_file *file = NULL;
	uint64_t dev, ino;

	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL); /* no frame callback */
	opts.kind = 9;
	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL);
	opts.size = 8;
	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL);
	file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	assert_string_equal(quire_file_name(file), "/a/file");
	quire_file_id(file, &dev, &ino);
	assert_int_equal(dev, 8);
	assert_int_equal(ino, 4711);
	assert_ptr_equal(quire_file_priv(file), s);
	assert_int_equal(quire_file_size(file), STORE_PAGES * UPAGE);
	finish(u, file, s, 0);
}

/* By which address space, from the first mapping to the last. */
static void test_mapped_by(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	struct quire_mm *child;
	uint64_t at;

	assert_false(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_mmap(u->mm, 0, 3 * UPAGE, QPROT_READ, QMAP_SHARED, file, 0, &at), 0);
	assert_true(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_munmap(u->mm, at + UPAGE, UPAGE), 0);
	assert_true(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_munmap(u->mm, at, 3 * UPAGE), 0);
	assert_false(quire_file_mapped_by(file, u->mm));
	assert_true(quire_file_mapped_by(file, child));
	quire_mm_put(child);
	assert_false(quire_file_mapped_by(file, child));
	finish(u, file, s, 0);
}

/* ---- page cache -------------------------------------------------------------- */

static void test_cache_reads_once(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED), b = map_all(u, file, QMAP_PRIVATE);
	struct quire_fault f;

	expect(u, a + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(s->reads, 1);
	f = expect(u, b + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(s->reads, 1);
	assert_int_equal(f.pte & QUIRE_PTE_FRAME_MASK,
			 quire_pte(u->mm, a + 3 * UPAGE) & QUIRE_PTE_FRAME_MASK);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	assert_int_equal(s->reads, STORE_PAGES);
	assert_int_equal(quire_munmap(u->mm, b, STORE_PAGES * UPAGE), 0);
	finish(u, file, s, a);
}

static void test_fault_around(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	/* In the VMA from page 2 on; window of 16 pages. */
	uint64_t base = 0x10000000, a;
	struct quire_mm_stats st;
	struct quire_fault f;

	a = unit_map_file(u->mm, base, STORE_PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	unit_map_file(u->mm, base + 2 * UPAGE, 20 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file,
		      2 * UPAGE);
	f = expect(u, base + 5 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 15); /* 2 .. 17 but itself: 16 pages from where the VMA begins */
	assert_int_equal(quire_pte(u->mm, base + UPAGE), 0);
	assert_int_equal(quire_pte(u->mm, base + 18 * UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, base + 2 * UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, base + 17 * UPAGE), 0);
	/* A write maps nothing else. */
	f = expect(u, base + 20 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 0);
	f = expect(u, base + 21 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 2); /* 18, 19: 16 and 17 are there */
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 20);
	finish(u, file, s, a);
}

static void test_write_notify(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct quire_fault f;

	f = expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_SPURIOUS);
	unit_store(u->mm, a + 8, 123);
	unit_store(u->mm, a + 9 * UPAGE + 8, 124);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_ASYNC), 0);
	assert_int_equal(s->writes, 0);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 9 * UPAGE + 8), 124);
	/* Clean again: nothing to write, and the next write is noted. */
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	unit_verify(u);
	finish(u, file, s, a);
}

static void test_writeback_errors(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + UPAGE, 1);
	s->write_err = -EIO;
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), -EIO);
	s->write_err = 0;
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + UPAGE), 1);
	finish(u, file, s, a);
}

/* ---- pages that the host may still store to */

#define LENT_PAGES 600ull /* more than are gathered at once */

static unsigned written;

static bool discard(void *ctx, uint64_t first, uint64_t count)
{
	(void)ctx;
	(void)first;
	(void)count;
	return false;
}

static void drop_line(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static int count_write(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	written++;
	return 0;
}

static unsigned pages_written(struct quire_file *file)
{
	written = 0;
	assert_int_equal(quire_file_sync(file), 0);
	return written;
}

#define MANY_PAGES 600ull /* more than are cleaned at once */

/* Pages here and there are cleaned by few flushes, and those alone. */
static void test_sync_in_runs(void **state)
{
	static const struct quire_file_ops ops = {.write_page = count_write};
	struct quire_file_options fo = {.size = sizeof(fo), .ops = &ops, .writable = true};
	struct unit *u = *state;
	struct quire_file *file;
	uint64_t a, before;

	fo.kind = QUIRE_FILE_PAGECACHE;
	fo.bytes = MANY_PAGES * UPAGE;
	assert_int_equal(quire_file_create(u->m, &fo, &file), 0);
	a = unit_map_file(u->mm, 0, MANY_PAGES * UPAGE, URW, QMAP_SHARED, file, 0);
	for (uint64_t i = 0; i < MANY_PAGES; i++)
		assert_int_equal(
		    quire_fault(u->mm, a + i * UPAGE, i % 3 ? QUIRE_READ : QUIRE_WRITE, NULL),
		    QUIRE_FAULT_OK);
	before = u->flushes;
	written = 0;
	assert_int_equal(quire_msync(u->mm, a + 300 * UPAGE, 30 * UPAGE, QMS_SYNC), 0);
	assert_int_equal(written, 10);
	assert_int_equal(u->flushes, before + 1);
	assert_int_equal(pages_written(file), MANY_PAGES / 3 - 10);
	assert_int_equal(u->flushes, before + 3);
	assert_int_equal(pages_written(file), 0);
	assert_int_equal(u->flushes, before + 3);
	for (uint64_t i = 0; i < MANY_PAGES; i++)
		assert_false(quire_pte(u->mm, a + i * UPAGE) & QUIRE_PTE_WRITE);
	assert_int_equal(quire_munmap(u->mm, a, MANY_PAGES * UPAGE), 0);
	quire_file_put(file);
}

/* The pages of one run lie under two tables of a mapping, which has a table for the second only. */
static void test_sync_beside_no_table(void **state)
{
	static const struct quire_file_ops ops = {.write_page = count_write};
	struct quire_file_options fo = {.size = sizeof(fo), .ops = &ops, .writable = true};
	uint64_t border = (1ull << 32) + 512 * UPAGE, word = 1;
	struct unit *u = *state;
	struct quire_file *file;

	fo.kind = QUIRE_FILE_PAGECACHE;
	fo.bytes = 4 * UPAGE;
	assert_int_equal(quire_file_create(u->m, &fo, &file), 0);
	unit_map_file(u->mm, border - 2 * UPAGE, 4 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	for (uint64_t i = 0; i < 2; i++)
		assert_int_equal(quire_file_write(file, i * UPAGE, &word, sizeof(word)),
				 sizeof(word));
	unit_store(u->mm, border, 1);
	assert_int_equal(pages_written(file), 3);
	assert_false(quire_pte(u->mm, border) & (QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY));
	assert_int_equal(quire_munmap(u->mm, border - 2 * UPAGE, 4 * UPAGE), 0);
	quire_file_put(file);
}

static void test_lent_pages_stay_dirty(void **state)
{
	static const struct quire_file_ops ops = {.write_page = count_write};
	struct quire_file_options fo = {.size = sizeof(fo),
					.kind = QUIRE_FILE_PAGECACHE,
					.ops = &ops,
					.writable = true,
					.bytes = LENT_PAGES * UPAGE};
	struct quire_file *file;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_port(&u);
	u.port.tlb_lent = unit_lent;
	u.port.ram_discard = discard;
	u.port.log = drop_line;
	unit_machine_mm(&u, NULL, NULL);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	a = unit_map_file(u.mm, 0, LENT_PAGES * UPAGE, URW, QMAP_SHARED, file, 0);
	unit_fill(u.mm, a, LENT_PAGES * UPAGE, 1);
	assert_int_equal(pages_written(file), LENT_PAGES);
	assert_int_equal(pages_written(file), 0);
	unit_fill(u.mm, a, LENT_PAGES * UPAGE, 2);
	u.lent = true;
	assert_int_equal(pages_written(file), LENT_PAGES);
	u.lent = false;
	assert_int_equal(pages_written(file), LENT_PAGES);
	unit_verify(&u);
	quire_file_put(file);
	unit_down(&u);
}

/* What was written through a mapping that is gone reaches the file with the last reference. */
static void test_last_put_writes_back(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + 4 * UPAGE, 99);
	quire_file_put(file);
	assert_int_equal(s->releases, 0);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	assert_int_equal(s->releases, 1); /* at once, and by who has unmapped it */
	assert_true(pthread_equal(s->releaser, pthread_self()));
	assert_true(pthread_equal(s->writer, pthread_self()));
	assert_int_equal(s->writes, 1);
	assert_int_equal(s->last_written, 4);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 4 * UPAGE), 99);
	unit_verify(u);
	free(s);
}

static void test_sync(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + UPAGE, 1);
	unit_store(u->mm, a + 9 * UPAGE, 2);
	s->write_err = -ENOSPC;
	assert_int_equal(quire_file_sync(file), -ENOSPC);
	assert_int_equal(s->writes, 2);
	s->write_err = 0;
	assert_int_equal(quire_file_sync(file), 0); /* what was refused has stayed dirty */
	assert_int_equal(s->writes, 4);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 9 * UPAGE), 2);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 4);
	unit_store(u->mm, a + UPAGE, 3); /* and a later store is seen */
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + UPAGE), 3);
	finish(u, file, s, a);
}

static char last_line[256];

static void note_line(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	if (level == QUIRE_LOG_WARN)
		snprintf(last_line, sizeof(last_line), "%s", line);
}

/* Nobody is left to be told of an error: it is said, and counted. */
static void test_last_put_loses_nothing_silently(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = UNIT_RAM};
	struct store *s = new_store();
	struct quire_machine_stats st;
	struct quire_file *file;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_port(&u);
	u.port.log = note_line;
	unit_machine_mm(&u, &o, NULL);
	file = new_file(&u, QUIRE_FILE_PAGECACHE, s);
	a = map_all(&u, file, QMAP_SHARED);
	unit_store(u.mm, a, 1);
	unit_store(u.mm, a + 3 * UPAGE, 1);
	s->write_err = -EIO;
	quire_file_put(file);
	quire_mm_exit(u.mm);
	assert_int_equal(s->releases, 1);
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.lost_pages, 2);
	assert_string_equal(last_line,
			    "/a/file: 2 dirty pages could not be written (error 5) and are lost");
	free(s);
	unit_down(&u);
}

static void test_private_copies(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm_stats st;

	/* Copied at once where nothing was mapped, replaced where something was. */
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	expect(u, a + UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	expect(u, a + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_int_equal(unit_load(u->mm, a + UPAGE), unit_word(1, 77));
	unit_store(u->mm, a, 5);
	unit_store(u->mm, a + UPAGE, 6);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_anon, 2);
	assert_int_equal(st.rss_file, 0);
	assert_int_equal(st.faults[QUIRE_KIND_FILE_MAJOR], 2);
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), 0);
	finish(u, file, NULL, a);
	assert_int_equal(s->writes, 0);
	free(s);
}

static void test_read_errors(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	char buf[8];

	s->read_err = -EIO;
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_IO);
	expect_bus(u, a, QUIRE_WRITE, QUIRE_REASON_IO);
	assert_int_equal(quire_file_read(file, 0, buf, 8), -EIO);
	s->read_err = -ENOMEM; /* the callback's, not ours: the embedder has failed */
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_IO);
	s->read_err = 0;
	expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(s->reads, 5);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 77));
	finish(u, file, s, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_create),
	    unit_test(test_mapped_by),
	    unit_test(test_cache_reads_once),
	    unit_test(test_fault_around),
	    unit_test(test_write_notify),
	    unit_test(test_writeback_errors),
	    unit_test(test_sync_in_runs),
	    unit_test(test_sync_beside_no_table),
	    cmocka_unit_test(test_lent_pages_stay_dirty),
	    unit_test(test_last_put_writes_back),
	    unit_test(test_sync),
	    cmocka_unit_test(test_last_put_loses_nothing_silently),
	    unit_test(test_private_copies),
	    unit_test(test_read_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
