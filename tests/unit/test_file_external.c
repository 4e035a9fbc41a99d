/* SPDX-License-Identifier: MIT */
/*
 * test_file_external.c: mapped files whose frames are the embedder's.
 */
#include "store.h"

static void test_external_frames(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t base = 0x10000000, a;
	struct quire_mm_stats st;
	struct quire_fault f;

	a = unit_map_file(u->mm, base, STORE_PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	f = expect(u, a + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 15);
	assert_true(f.pte & QUIRE_PTE_EXTERNAL);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	assert_int_equal((f.pte & QUIRE_PTE_FRAME_MASK) / UPAGE, 0x100003);
	f = expect(u, a + 3 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	assert_true(f.pte & QUIRE_PTE_WRITE && f.pte & QUIRE_PTE_DIRTY);
	f = expect(u, a + 20 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 0);
	assert_true(f.pte & QUIRE_PTE_WRITE);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 17);
	assert_int_equal(unit_load(u->mm, a + 3 * UPAGE), unit_word(3, 77)); /* by copy_page */
	assert_false(unit_try_store(u->mm, a, 1));
	finish(u, file, s, a);
}

/* Callbacks of the other kind are not called: no entry of an external file names a page of RAM. */
static void test_external_is_not_written_back(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file_ops ops = ext_ops;
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = QUIRE_FILE_EXTERNAL,
					  .ops = &ops,
					  .priv = s,
					  .writable = true};
	struct quire_file *file;
	struct quire_fault f;
	uint64_t a;

	ops.read_page = store_read;
	ops.write_page = store_write;
	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	a = map_all(u, file, QMAP_SHARED);
	f = expect(u, a + 3 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(quire_pte(u->mm, a + 3 * UPAGE), f.pte);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	u->port.rcu_barrier(u->port.ctx);
	quire_file_put(file);
	assert_int_equal(s->releases, 1);
	assert_int_equal(s->writes + s->reads, 0);
	free(s);
}

static void test_external_private(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t a = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm *child;
	struct quire_mm_stats st;
	struct quire_fault f;

	expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	f = expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_false(f.pte & QUIRE_PTE_EXTERNAL);
	expect(u, a + 30 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_int_equal(s->copies, 2);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_anon, 2);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 77));
	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_store(child, a, 2);
	unit_store(u->mm, a, 3);
	assert_int_equal(unit_load(child, a), 2);
	assert_int_equal(unit_load(child, a + 30 * UPAGE), unit_word(30, 77));
	unit_verify(u);
	quire_mm_put(child);
	finish(u, file, s, a);
}

static void test_external_end(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t a = unit_map_file(u->mm, 0x10000000, (STORE_PAGES + 8) * UPAGE, URW,
				   QMAP_PRIVATE | QMAP_FIXED, file, 0);
	struct quire_pin pin;

	s->size = 5 * UPAGE - 100;
	expect(u, a + 2 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(quire_pte(u->mm, a + 5 * UPAGE), 0);
	expect_bus(u, a + 5 * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	expect_bus(u, a + 5 * UPAGE, QUIRE_WRITE, QUIRE_REASON_BEYOND_EOF);
	s->size = UINT64_MAX; /* then the callback knows where the end is */
	expect_bus(u, a + STORE_PAGES * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	s->read_err = -EIO;
	expect_bus(u, a + 20 * UPAGE, QUIRE_READ, QUIRE_REASON_IO);
	s->read_err = 0;
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &pin), -EFAULT);
	unit_store(u->mm, a + UPAGE, 1);
	s->size = UPAGE;
	assert_int_equal(quire_file_truncate(file, UPAGE), 0);
	assert_int_equal(quire_pte(u->mm, a + UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, a), 0);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, a, (STORE_PAGES + 8) * UPAGE), 0);
	finish(u, file, NULL, 0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_external_frames),
	    unit_test(test_external_is_not_written_back),
	    unit_test(test_external_private),
	    unit_test(test_external_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
