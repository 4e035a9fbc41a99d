/* SPDX-License-Identifier: MIT */
/*
 * test_file_end.c: mapped files: truncation, and what lies beyond the end.
 */
#include "store.h"

static void test_truncate(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED), b = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm_stats st;

	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	unit_fill(u->mm, b, STORE_PAGES * UPAGE, 5);
	assert_int_equal(quire_file_truncate(file, 10 * UPAGE + 100), 0);
	unit_verify(u);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 11);
	assert_int_equal(st.rss_anon, 11); /* private copies beyond the end are gone, too */
	unit_expect_fill(u->mm, b, 11 * UPAGE, 5);
	expect_bus(u, a + 11 * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	expect_bus(u, b + 11 * UPAGE, QUIRE_WRITE, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(unit_load(u->mm, a + 10 * UPAGE), unit_word(10, 77));
	assert_int_equal(unit_load(u->mm, a + 10 * UPAGE + 104), 0);
	assert_int_equal(quire_munmap(u->mm, b, STORE_PAGES * UPAGE), 0);
	finish(u, file, s, a);
}

static void test_truncated_tail_is_zero(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	static const char kept[] = {1, 1, 1, 1, 0, 0, 0, 0};
	char bytes[8];

	unit_store(u->mm, a + 96, 0x0101010101010101);
	unit_store(u->mm, a + 104, 2);
	unit_store(u->mm, a + UPAGE, 3);
	assert_int_equal(quire_file_truncate(file, 100), 0);
	assert_int_equal(quire_file_truncate(file, 2 * UPAGE), 0);
	assert_int_equal(quire_read(u->mm, a + 96, bytes, sizeof(bytes)), sizeof(bytes));
	assert_memory_equal(bytes, kept, sizeof(kept));
	assert_int_equal(unit_load(u->mm, a + 104), 0);
	assert_int_equal(unit_load(u->mm, a + UPAGE), 0);
	finish(u, file, NULL, a);
}

/* What a sync beside has written since the embedder changed his file is written once more. */
static void test_zeroed_part_is_written(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + 104, 2);
	unit_store(u->mm, a + UPAGE + 104, 3);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(quire_file_punch(file, 100, 100), 0);
	assert_int_equal(quire_file_truncate(file, UPAGE + 100), 0);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 4);
	assert_int_equal(s->bytes[104], 0);
	assert_int_equal(s->bytes[UPAGE + 104], 0);
	finish(u, file, s, a);
}

/* The host's answers beyond the end: SIGBUS with BUS_ADRERR; inside the last page all is well. */
static void test_unaligned_end(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	assert_int_equal(quire_file_truncate(file, 1), 0);
	expect(u, a + 4000, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	expect_bus(u, a + UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(quire_file_truncate(file, 0), 0);
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	finish(u, file, NULL, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_truncate),
	    unit_test(test_truncated_tail_is_zero),
	    unit_test(test_zeroed_part_is_written),
	    unit_test(test_unaligned_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
