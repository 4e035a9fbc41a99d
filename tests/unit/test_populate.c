/* SPDX-License-Identifier: MIT */
/*
 * test_populate.c: MADV_POPULATE_* over pages of all kinds side by side, on machines with and
 * without a TLB to flush, and on one whose memory runs out on the way.
 */
#include "unit.h"

#define PAGES 700 /* more than one table, and not a multiple of a run */
#define AT (1ull << 32)
#define SEED 5

static void without_tlb(struct unit *u)
{
	unit_port(u);
	u->port.tlb_flush = NULL;
	unit_machine_mm(u, NULL, NULL);
}

static bool writable(struct quire_mm *mm, uint64_t page)
{
	uint64_t pte = quire_pte(mm, AT + page * UPAGE);

	return (pte & QUIRE_PTE_PRESENT) && (pte & QUIRE_PTE_WRITE) && (pte & QUIRE_PTE_DIRTY);
}

/* Page by page: untouched, only read, written before the fork (shared now), written after it. */
static unsigned kind_of(uint64_t page)
{
	return (unsigned)((page * 2654435761u >> 7) ^ page / 50) % 4;
}

static void touch_kind(struct quire_mm *mm, unsigned kind)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		if (kind_of(i) != kind)
			continue;
		if (kind == 1)
			unit_load(mm, AT + i * UPAGE);
		else
			unit_store(mm, AT + i * UPAGE, unit_word(i, SEED));
	}
}

static uint64_t content_of(uint64_t page)
{
	return kind_of(page) < 2 ? 0 : unit_word(page, SEED);
}

static void expect_content(struct quire_mm *mm, bool child)
{
	for (uint64_t i = 0; i < PAGES; i++)
		assert_int_equal(unit_load(mm, AT + i * UPAGE),
				 child && kind_of(i) == 3 ? 0 : content_of(i));
}

static void populate_mixture(struct unit *u, bool child_stays)
{
	struct quire_mm *child;

	unit_map(u->mm, AT, PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	touch_kind(u->mm, 1);
	touch_kind(u->mm, 2);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	touch_kind(u->mm, 3);
	if (!child_stays)
		quire_mm_put(child);
	assert_int_equal(quire_madvise(u->mm, AT, PAGES * UPAGE, QMADV_POPULATE_WRITE), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		assert_true(writable(u->mm, i));
	assert_int_equal(unit_rss(u->mm), PAGES);
	expect_content(u->mm, false);
	if (child_stays) {
		expect_content(child, true);
		quire_mm_put(child);
	}
	unit_verify(u);
}

static void mixtures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct unit u;

		if (i % 2)
			without_tlb(&u);
		else
			unit_up(&u, NULL, NULL);
		populate_mixture(&u, i / 2);
		unit_down(&u);
	}
}

/* A file of zeros with some pages in it, and an end within what is mapped. */
static void populate_shmem(struct unit *u, int advice)
{
	struct quire_file *file = unit_shmem(u, (PAGES - 3) * UPAGE, true);

	unit_map_file(u->mm, AT, PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	touch_kind(u->mm, 2);
	assert_int_equal(quire_madvise(u->mm, AT, PAGES * UPAGE, advice), -QEFAULT);
	assert_int_equal(unit_rss(u->mm), PAGES - 3);
	assert_int_equal(quire_pte(u->mm, AT + (PAGES - 3) * UPAGE), 0);
	for (uint64_t i = 0; i < PAGES - 3; i++)
		assert_int_equal(unit_load(u->mm, AT + i * UPAGE),
				 kind_of(i) == 2 ? content_of(i) : 0);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, AT, PAGES * UPAGE), 0);
	quire_file_put(file);
}

static void shmem(void **state)
{
	populate_shmem(*state, QMADV_POPULATE_WRITE);
	populate_shmem(*state, QMADV_POPULATE_READ);
}

/* All that there is room for is done, in order, and the call fails. */
static void no_room(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = 300 * UPAGE};
	struct unit u;
	uint64_t rss;

	(void)state;
	unit_up(&u, &o, NULL);
	unit_map(u.mm, AT, PAGES * UPAGE, URW, UANON | QMAP_FIXED | QMAP_NORESERVE);
	assert_int_equal(quire_madvise(u.mm, AT, PAGES * UPAGE, QMADV_POPULATE_WRITE), -QENOMEM);
	rss = unit_rss(u.mm);
	assert_in_range(rss, 290, 299);
	for (uint64_t i = 0; i < rss; i++)
		assert_true(writable(u.mm, i));
	unit_down(&u);
}

/* Shared pages, under a table that is to be made: it must not come too late for the first. */
static void no_room_for_table(void **state)
{
	(void)state;
	for (unsigned left = 4; left < 40; left += 7) {
		struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = 300 * UPAGE};
		struct quire_machine_stats st;
		struct unit u;
		uint64_t before;

		unit_up(&u, &o, NULL);
		unit_map(u.mm, 2 * AT, 512 * UPAGE, URW, UANON | QMAP_FIXED | QMAP_NORESERVE);
		do {
			unit_store(u.mm, 2 * AT + unit_rss(u.mm) * UPAGE, 1);
			quire_machine_stats(u.m, &st);
		} while (st.free_frames > left);
		before = unit_rss(u.mm);
		unit_map(u.mm, AT, 64 * UPAGE, URW, USHARED | QMAP_FIXED | QMAP_NORESERVE);
		assert_int_equal(quire_madvise(u.mm, AT, 64 * UPAGE, QMADV_POPULATE_WRITE),
				 left < 64 ? -QENOMEM : 0);
		assert_true(unit_rss(u.mm) > before);
		assert_true(writable(u.mm, 0));
		unit_down(&u);
	}
}

/* Four windows of 16 pages: of each the first page is a fault, the others are there by then. */
static void cached_counts(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, 64 * UPAGE, true);
	struct quire_mm_stats before, st;

	unit_map_file(u->mm, AT, 64 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	assert_int_equal(quire_madvise(u->mm, AT, 64 * UPAGE, QMADV_POPULATE_WRITE), 0);
	unit_map_file(u->mm, AT, 64 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	quire_mm_stats(u->mm, &before);
	assert_int_equal(quire_madvise(u->mm, AT, 64 * UPAGE, QMADV_POPULATE_READ), 0);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.faults[QUIRE_KIND_FILE_MINOR] - before.faults[QUIRE_KIND_FILE_MINOR],
			 4);
	assert_int_equal(st.around_pages - before.around_pages, 60);
	assert_int_equal(st.faults[QUIRE_KIND_SPURIOUS] - before.faults[QUIRE_KIND_SPURIOUS], 60);
	assert_int_equal(quire_munmap(u->mm, AT, 64 * UPAGE), 0);
	quire_file_put(file);
}

/* Each allocation fails in turn: populating fails with -ENOMEM, or does without it. */
static void failures(void **state)
{
	struct unit *u = *state;

	for (uint64_t n = 0; n < 60; n++) {
		struct quire_machine_stats st;
		uint64_t point;
		int err;

		unit_map(u->mm, AT, 40 * UPAGE, URW, UANON | QMAP_FIXED);
		quire_machine_stats(u->m, &st);
		point = st.alloc_points + 1 + n;
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		err = quire_madvise(u->mm, AT, 40 * UPAGE, QMADV_POPULATE_WRITE);
		assert_true(!err || err == -QENOMEM);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
		assert_true(err || unit_rss(u->mm) == 40);
		unit_verify(u);
		assert_int_equal(quire_madvise(u->mm, AT, 40 * UPAGE, QMADV_POPULATE_WRITE), 0);
		assert_int_equal(quire_munmap(u->mm, AT, 40 * UPAGE), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mixtures), unit_test(shmem),
	    cmocka_unit_test(no_room),  cmocka_unit_test(no_room_for_table),
	    unit_test(cached_counts),   unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
