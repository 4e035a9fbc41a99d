/* SPDX-License-Identifier: MIT */
/*
 * test_rmap.c: from a page to all entries that map it.
 */
#include "core/file/file.h"
#include "entries.h"

#define BASE (1ull << 38)
#define LEN (8 * UPAGE)

/* Page 3 of the file: by a whole mapping, by a later part of it, split, and of a child. */
static void file_page(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct quire_mm *child;
	struct seen s;
	struct folio *folio;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_map_file(u->mm, BASE + LEN, 4 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 2 * UPAGE);
	unit_map_file(u->mm, BASE + 2 * LEN, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, BASE + 3 * UPAGE, 7);
	assert_int_equal(unit_load(u->mm, BASE + LEN + UPAGE), 7);
	unit_store(u->mm, BASE + 2 * LEN + 3 * UPAGE, 8); /* a private copy: not the file's */
	assert_int_equal(quire_mprotect(u->mm, BASE + 2 * UPAGE, 2 * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	folio = filecache_peek(file, 3);
	s = see_entries(u, folio, 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.flushes, 2);
	assert_true(has_seen(&s, u->mm, BASE + 3 * UPAGE) &&
		    has_seen(&s, u->mm, BASE + LEN + UPAGE));
	assert_int_equal(unit_load(child, BASE + 3 * UPAGE), 7);
	s = see_entries(u, folio, 0);
	assert_int_equal(s.n, 3);
	assert_true(has_seen(&s, child, BASE + 3 * UPAGE));
	s = see_entries(u, folio, 1);
	assert_int_equal(s.n, 1);
	assert_int_equal(quire_munmap(u->mm, BASE, LEN), 0);
	s = see_entries(u, folio, 0);
	assert_int_equal(s.n, 2);
	quire_mm_put(child);
	quire_file_put(file);
}

/* A private mapping maps the file's page as long as it only reads. */
static void file_page_read_privately(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct seen s;
	struct folio *folio;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_map_file(u->mm, BASE + LEN, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, BASE, 7);
	assert_int_equal(unit_load(u->mm, BASE + LEN), 7);
	folio = filecache_peek(file, 0);
	s = see_entries(u, folio, 0);
	assert_int_equal(s.n, 2);
	unit_store(u->mm, BASE + LEN, 8);
	s = see_entries(u, folio, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.addr[0], BASE);
	quire_file_put(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(file_page),
	    unit_test(file_page_read_privately),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
