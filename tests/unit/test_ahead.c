/* SPDX-License-Identifier: MIT */
/*
 * test_ahead.c: pages mapped ahead of a writer: when, how many, and that nobody is told of those
 * that it never used.
 */
#include "unit.h"

#define WINDOW 8u
#define AT 0x10000000ull /* begins a page table */
#define PAGES 64u
#define TOLD 1024u /* pages that the executor can tell of */

/* An executor that knows which pages it has used, from AT on, until their translations go. */
struct executor {
	struct unit u; /* first: the port's ctx */
	uint8_t used[TOLD];
	unsigned asked; /* pages, in all calls */
};

static void tlb_used(void *ctx, struct quire_mm *mm, void *cookie, uint64_t start, unsigned pages,
		     uint8_t *used)
{
	struct executor *x = ctx;
	uint64_t first = (start - AT) / UPAGE;

	(void)mm;
	(void)cookie;
	x->asked += pages;
	for (unsigned i = 0; i < pages; i++) {
		assert_int_equal(used[i], 0);
		used[i] = first + i < TOLD && x->used[first + i];
	}
}

static void tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		      const struct quire_tlb_range *ranges, unsigned n)
{
	struct executor *x = ctx;

	unit_flush(ctx, mm, cookie, ranges, n);
	for (unsigned i = 0; i < TOLD; i++) {
		uint64_t page = AT + i * UPAGE;

		for (unsigned k = 0; k < n; k++)
			if (ranges[k].start <= page && page < ranges[k].end)
				x->used[i] = 0;
	}
}

static struct executor *up(uint64_t ram_bytes, uint64_t ahead)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = ram_bytes, .fault_ahead_bytes = ahead};
	struct executor *x = calloc(1, sizeof(*x));

	unit_port(&x->u);
	x->u.port.tlb_used = tlb_used;
	x->u.port.tlb_flush = tlb_flush;
	unit_machine_mm(&x->u, &o, NULL);
	return x;
}

static int setup(void **state)
{
	*state = up(UNIT_RAM, WINDOW * UPAGE);
	return 0;
}

static int teardown(void **state)
{
	struct executor *x = *state;

	unit_down(&x->u);
	free(x);
	return 0;
}

#define ahead_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static uint64_t entry(struct executor *x, unsigned page)
{
	return quire_pte(x->u.mm, AT + page * UPAGE);
}

/* The page itself, as an executor sees it. */
static void *frame(struct executor *x, unsigned page)
{
	struct quire_pin pin;
	char *ram;

	assert_int_equal(quire_pin(x->u.mm, AT, QUIRE_READ, &pin), 0);
	ram = (char *)pin.mem - pin.frame * UPAGE;
	quire_unpin(x->u.m, &pin);
	return ram + (entry(x, page) & QUIRE_PTE_FRAME_MASK);
}

static bool is_ahead(struct executor *x, unsigned page)
{
	return (entry(x, page) & QUIRE_PTE_AHEAD) != 0;
}

static void map(struct executor *x, unsigned pages)
{
	unit_map(x->u.mm, AT, pages * UPAGE, URW, UANON | QMAP_FIXED);
}

/* As an executor that walks the tables: it asks only where the entry is not good. */
static void use(struct executor *x, unsigned page)
{
	const uint64_t good =
	    QUIRE_PTE_PRESENT | QUIRE_PTE_USER | QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY;

	if ((entry(x, page) & good) != good)
		assert_int_equal(unit_fault(x->u.mm, AT + page * UPAGE, QUIRE_WRITE, NULL), 0);
	x->used[page] = 1;
}

static void use_up_to(struct executor *x, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		use(x, i);
}

static struct quire_mm_stats stats(struct executor *x)
{
	struct quire_mm_stats st;

	quire_mm_stats(x->u.mm, &st);
	unit_verify(&x->u);
	return st;
}

/* ---- when, and how many -------------------------------------------------------- */

static void window_grows(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	use(x, 0);
	assert_int_equal(entry(x, 1), 0);
	use(x, 1); /* one below: one ahead */
	assert_true(is_ahead(x, 2) && !entry(x, 3));
	use(x, 2);
	use(x, 3); /* three */
	assert_true(is_ahead(x, 4) && is_ahead(x, 6) && !entry(x, 7));
	use_up_to(x, 8); /* at 7 the whole window, to 14 */
	assert_true(is_ahead(x, 8) && is_ahead(x, 14) && !entry(x, 15));
	use_up_to(x, 16); /* at 15 to its end, at 23 */
	assert_true(is_ahead(x, 23) && !entry(x, 24));
	use_up_to(x, 25);
	assert_true(is_ahead(x, 31) && !entry(x, 32));
	unit_verify(&x->u);
}

static void not_downwards(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	for (unsigned i = PAGES; i-- > 0;)
		use(x, i);
	assert_int_equal(stats(x).ahead_pages, 0);
	assert_int_equal(stats(x).ahead_unused, 0);
}

static void not_for_reads(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	for (unsigned i = 0; i < 16; i++)
		unit_fault(x->u.mm, AT + i * UPAGE, QUIRE_READ, NULL);
	use(x, 16); /* below are zero pages */
	assert_int_equal(entry(x, 17), 0);
}

static void not_where_it_is_told_not_to(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	assert_int_equal(quire_madvise(x->u.mm, AT, 8 * UPAGE, QMADV_RANDOM), 0);
	use_up_to(x, 4);
	assert_int_equal(entry(x, 4), 0);
	assert_int_equal(quire_mlock(x->u.mm, AT + 16 * UPAGE, 8 * UPAGE, QMLOCK_ONFAULT), 0);
	use(x, 16);
	use(x, 17);
	assert_int_equal(entry(x, 18), 0);
	unit_verify(&x->u);
}

static void not_beyond_the_mapping(void **state)
{
	struct executor *x = *state;

	map(x, 9);
	unit_map(x->u.mm, AT + 9 * UPAGE, UPAGE, URW, USHARED | QMAP_FIXED);
	use_up_to(x, 8);
	assert_true(is_ahead(x, 8) && !entry(x, 9));
	unit_verify(&x->u);
}

static void not_over_what_is_there(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	unit_store(x->u.mm, AT + 10 * UPAGE, 77);
	use_up_to(x, 8);
	assert_true(is_ahead(x, 9) && !is_ahead(x, 10) && !entry(x, 11));
	assert_int_equal(unit_load(x->u.mm, AT + 10 * UPAGE), 77);
	unit_verify(&x->u);
}

/* Less than an eighth of RAM is free. */
static void not_when_memory_is_short(void **state)
{
	struct executor *x = up(1 << 20, WINDOW * UPAGE);

	(void)state;
	map(x, 256);
	unit_fill(x->u.mm, AT + 2 * UPAGE, 220 * UPAGE, 1);
	unit_store(x->u.mm, AT + 240 * UPAGE, 1);
	unit_store(x->u.mm, AT + 241 * UPAGE, 1);
	assert_int_equal(entry(x, 242), 0);
	unit_down(&x->u);
	free(x);
}

static void bad_sizes_are_refused(void **state)
{
	static const uint64_t bad[] = {1, 4095, 3 * UPAGE, 128 * UPAGE, UINT64_MAX};
	struct unit u;

	(void)state;
	unit_port(&u);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct quire_machine_options o = {
		    .size = sizeof(o), .ram_bytes = UNIT_RAM, .fault_ahead_bytes = bad[i]};

		assert_int_equal(quire_machine_create(&u.port, &o, &u.m), -QEINVAL);
	}
}

/* ---- what is told of them ------------------------------------------------------ */

static void counts_are_those_of_pages_used(void **state)
{
	struct executor *x = *state;
	struct quire_mm_stats st;

	map(x, PAGES);
	use_up_to(x, 20);
	assert_true(is_ahead(x, 23));
	st = stats(x);
	assert_int_equal(st.rss_anon, 20);
	assert_int_equal(st.peak_rss, 20);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 20);
	assert_true(st.ahead_pages > 10);
	assert_true(is_ahead(x, 20) && !is_ahead(x, 19) && (entry(x, 19) & QUIRE_PTE_ACCESSED));
	quire_settle(x->u.mm, 0, UINT64_MAX);
	st = stats(x);
	assert_int_equal(st.rss_anon, 20);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 20);
	assert_int_equal(st.ahead_unused, 4);
	assert_true(!entry(x, 20) && !entry(x, 23) && entry(x, 19));
	assert_true(x->asked > 0 && x->asked < PAGES);
}

/* What the machine has of them, too. */
static void the_machine_tells_of_them(void **state)
{
	struct executor *x = *state;
	struct quire_machine_stats before, after;

	map(x, PAGES);
	use(x, 0);
	quire_machine_stats(x->u.m, &before);
	use_up_to(x, 17);
	quire_note_used(x->u.mm, 0, UINT64_MAX);
	quire_machine_stats(x->u.m, &after);
	assert_int_equal(after.ahead_frames, 7);
	assert_int_equal(after.anon_frames - after.ahead_frames, before.anon_frames + 16);
}

static void mincore_and_usage_tell_of_used_pages(void **state)
{
	struct executor *x = *state;
	struct quire_usage usage;
	uint8_t vec[PAGES];

	map(x, PAGES);
	use_up_to(x, 17);
	assert_int_equal(quire_mincore(x->u.mm, AT, PAGES * UPAGE, vec), 0);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(vec[i], i < 17);
	use_up_to(x, 19);
	quire_range_usage(x->u.mm, AT, AT + PAGES * UPAGE, &usage);
	assert_int_equal(usage.rss, 19 * UPAGE);
	assert_int_equal(usage.referenced, 19 * UPAGE);
	assert_int_equal(usage.private_dirty, 19 * UPAGE);
	unit_verify(&x->u);
}

/* Of a part: the rest is left for later. */
static void settling_a_part_leaves_the_rest(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	use_up_to(x, 17);
	quire_settle(x->u.mm, AT + 20 * UPAGE, 2 * UPAGE);
	assert_true(is_ahead(x, 19) && !entry(x, 20) && !entry(x, 21) && is_ahead(x, 22));
	unit_verify(&x->u);
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_true(!entry(x, 19) && !entry(x, 22));
	unit_verify(&x->u);
}

/* The executor may have lost sight of what it used: only zeros are taken back. */
static void content_is_kept_whatever_is_known(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	use_up_to(x, 15);
	assert_true(is_ahead(x, 8) && is_ahead(x, 14));
	*(char *)frame(x, 9) = 1;
	*((char *)frame(x, 14) + UPAGE - 1) = 1;
	memset(x->used, 0, sizeof(x->used));
	assert_int_equal(stats(x).rss_anon, 8 + 2);
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_int_equal(stats(x).rss_anon, 8 + 2);
	assert_true(!entry(x, 8) && entry(x, 9) && !entry(x, 13) && entry(x, 14));
	assert_int_equal(unit_load(x->u.mm, AT + 9 * UPAGE), 1);
	unit_verify(&x->u);
}

/* As stores past the core: by an executor's mapping. */
static void stores_of_executors_are_kept(void **state)
{
	struct executor *x = *state;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_true(is_ahead(x, 21));
	*((char *)frame(x, 21) + UPAGE - 1) = 9;
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_true(!entry(x, 20) && !entry(x, 22) && !is_ahead(x, 21));
	assert_int_equal(unit_load(x->u.mm, AT + 22 * UPAGE - 8) >> 56, 9);
	unit_verify(&x->u);
}

static void the_core_s_own_use_is_seen(void **state)
{
	struct executor *x = *state;
	struct quire_mm_stats st;
	struct quire_pin pin;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_true(is_ahead(x, 18) && is_ahead(x, 19) && is_ahead(x, 20));
	unit_store(x->u.mm, AT + 18 * UPAGE, 0);
	assert_int_equal(quire_pin(x->u.mm, AT + 20 * UPAGE, QUIRE_READ, &pin), 0);
	assert_int_equal(unit_load(x->u.mm, AT + 22 * UPAGE), 0);
	assert_true(!is_ahead(x, 18) && is_ahead(x, 19) && !is_ahead(x, 20) && !is_ahead(x, 22));
	st = stats(x);
	assert_int_equal(st.rss_anon, 17 + 3);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 17 + 3);
	assert_int_equal(st.faults[QUIRE_KIND_SPURIOUS], 0);
	quire_unpin(x->u.m, &pin);
}

/* ---- what settles, or does not mind -------------------------------------------- */

static void a_child_gets_used_pages_alone(void **state)
{
	struct executor *x = *state;
	struct quire_mm *child;
	struct quire_mm_stats st;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_int_equal(quire_mm_fork(x->u.mm, NULL, &child), 0);
	quire_mm_stats(child, &st);
	assert_int_equal(st.rss_anon, 17);
	assert_int_equal(stats(x).rss_anon, 17);
	use(x, 17); /* below are pages that may not be written: no guess */
	assert_int_equal(entry(x, 18), 0);
	quire_mm_put(child);
	unit_verify(&x->u);
}

static void moved_and_protected(void **state)
{
	struct executor *x = *state;
	uint64_t to = AT + PAGES * UPAGE, out;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_int_equal(quire_mprotect(x->u.mm, AT, 32 * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(x->u.mm, AT, 32 * UPAGE, URW), 0);
	assert_int_equal(stats(x).rss_anon, 17);
	assert_int_equal(quire_mremap(x->u.mm, AT, PAGES * UPAGE, PAGES * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out),
			 0);
	assert_int_equal(stats(x).rss_anon, 17);
}

/* Faults are those of pages that were used, whatever became of the others. */
static void unmapped_are_told_apart(void **state)
{
	struct executor *x = *state;
	struct quire_mm_stats st;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_int_equal(quire_madvise(x->u.mm, AT, 20 * UPAGE, QMADV_DONTNEED), 0);
	assert_int_equal(quire_munmap(x->u.mm, AT + 20 * UPAGE, 2 * UPAGE), 0);
	st = stats(x);
	assert_int_equal(st.rss_anon, 0);
	assert_int_equal(st.peak_rss, 17);
	assert_int_equal(st.ahead_unused, 5);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 17);
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_int_equal(stats(x).ahead_unused, 7); /* and 22, 23 */
}

/* A machine of 64 frames, all but what is unused ahead handed out. */
static void unused_pages_are_memory(void **state)
{
	struct executor *x = up(256 << 10, 16 * UPAGE);
	struct quire_machine_stats st;
	unsigned n = 0;

	(void)state;
	map(x, PAGES);
	use_up_to(x, 17);
	assert_true(is_ahead(x, 30));
	unit_map(x->u.mm, AT + PAGES * UPAGE, PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	while (!unit_fault(x->u.mm, AT + (2 * PAGES - ++n) * UPAGE, QUIRE_WRITE, NULL))
		;
	quire_machine_stats(x->u.m, &st);
	assert_int_equal(st.free_frames, 0);
	assert_int_equal(stats(x).rss_anon, 17 + n - 1);
	unit_down(&x->u);
	free(x);
}

/* A point that is to fail is one of what the program has asked for. */
static void guesses_are_no_allocation_points(void **state)
{
	struct executor *x = *state;
	struct quire_machine_stats st;
	struct quire_fault f;
	uint64_t point;

	map(x, PAGES);
	use_up_to(x, 15);
	quire_machine_stats(x->u.m, &st);
	point = st.alloc_points + 2;
	assert_int_equal(quire_machine_fail(x->u.m, &point, 1), 0);
	use_up_to(x, 24);
	assert_int_equal(unit_fault(x->u.mm, AT + 24 * UPAGE, QUIRE_WRITE, &f), QUIRE_FAULT_OOM);
	assert_int_equal(stats(x).rss_anon, 24);
}

/* ---- edges ----------------------------------------------------------------------- */

/* Whoever leaves out pages gets no more of them ahead. */
static void only_what_is_used_counts_as_written(void **state)
{
	struct executor *x = *state;

	map(x, 512);
	use_up_to(x, 16);
	for (unsigned i = 16; i < 512; i += 8)
		use(x, i);
	assert_int_equal(stats(x).rss_anon, 16 + (512 - 16) / 8);
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_true(stats(x).ahead_unused < 2 * WINDOW);
	unit_verify(&x->u);
}

/* The rest of the window would lie under the next table. */
static void not_beyond_the_table(void **state)
{
	struct executor *x = *state;

	map(x, 1024);
	for (unsigned i = 500; i < 512; i++)
		use(x, i);
	assert_int_equal(entry(x, 512), 0);
	unit_verify(&x->u);
	use(x, 512); /* what is below is under another table */
	assert_int_equal(entry(x, 513), 0);
	unit_verify(&x->u);
}

static void not_for_what_others_wrote(void **state)
{
	struct executor *x = *state;

	unit_map(x->u.mm, AT, 32 * UPAGE, URW | QPROT_EXEC, UANON | QMAP_FIXED);
	unit_map(x->u.mm, AT + 32 * UPAGE, 32 * UPAGE, URW, UANON | QMAP_FIXED);
	use_up_to(x, 32);
	use(x, 32);
	assert_int_equal(entry(x, 33), 0);
	unit_verify(&x->u);
}

/* Under one table and under two: what is known of one array is not taken for the other's. */
static void arrays_far_apart(void **state)
{
	struct executor *x = *state;

	map(x, 1024);
	for (unsigned i = 0; i < 17; i++) {
		use(x, i);
		use(x, 300 + i);
		use(x, 700 + i);
	}
	assert_true(is_ahead(x, 18) && is_ahead(x, 318) && is_ahead(x, 718));
	x->used[318] = 1;
	assert_int_equal(stats(x).rss_anon, 3 * 17 + 1);
	quire_settle(x->u.mm, 0, UINT64_MAX);
	assert_int_equal(stats(x).rss_anon, 3 * 17 + 1);
	assert_true(!entry(x, 18) && entry(x, 318) && !entry(x, 319) && !entry(x, 718));
}

/* What is told stays so when translations go: it was asked before. */
static void zeros_stay(void **state)
{
	struct executor *x = *state;
	uint64_t to = AT + 512 * UPAGE, out;

	map(x, PAGES);
	use_up_to(x, 15);
	assert_true(is_ahead(x, 14));
	assert_int_equal(quire_mprotect(x->u.mm, AT, 32 * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(x->u.mm, AT, 32 * UPAGE, URW), 0);
	assert_int_equal(stats(x).rss_anon, 15);
	use_up_to(x, 22);
	assert_int_equal(quire_madvise(x->u.mm, AT, 32 * UPAGE, QMADV_FREE), 0);
	assert_int_equal(stats(x).rss_anon, 22);
	use_up_to(x, 31);
	assert_int_equal(quire_mremap(x->u.mm, AT, PAGES * UPAGE, PAGES * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out),
			 0);
	assert_int_equal(stats(x).rss_anon, 31);
}

/* Memory that was never used is not charged for once it is read-only; one page is enough. */
static void charges_are_for_used_pages(void **state)
{
	struct executor *x = *state;
	struct quire_machine_stats st;

	map(x, PAGES);
	use_up_to(x, 17);
	assert_int_equal(quire_madvise(x->u.mm, AT, 17 * UPAGE, QMADV_DONTNEED), 0);
	assert_true(is_ahead(x, 20));
	assert_int_equal(quire_mprotect(x->u.mm, AT + 40 * UPAGE, UPAGE, QPROT_READ), 0);
	quire_machine_stats(x->u.m, &st);
	assert_int_equal(st.committed_pages, PAGES - 1);
	use(x, 20);
	assert_int_equal(quire_mprotect(x->u.mm, AT, 8 * UPAGE, QPROT_READ), 0);
	quire_machine_stats(x->u.m, &st);
	assert_int_equal(st.committed_pages, PAGES - 1);
	unit_verify(&x->u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ahead_test(window_grows),
	    ahead_test(not_downwards),
	    ahead_test(not_for_reads),
	    ahead_test(not_where_it_is_told_not_to),
	    ahead_test(not_beyond_the_mapping),
	    ahead_test(not_over_what_is_there),
	    cmocka_unit_test(not_when_memory_is_short),
	    cmocka_unit_test(bad_sizes_are_refused),
	    ahead_test(counts_are_those_of_pages_used),
	    ahead_test(mincore_and_usage_tell_of_used_pages),
	    ahead_test(settling_a_part_leaves_the_rest),
	    ahead_test(content_is_kept_whatever_is_known),
	    ahead_test(stores_of_executors_are_kept),
	    ahead_test(the_core_s_own_use_is_seen),
	    ahead_test(a_child_gets_used_pages_alone),
	    ahead_test(moved_and_protected),
	    ahead_test(unmapped_are_told_apart),
	    cmocka_unit_test(unused_pages_are_memory),
	    ahead_test(guesses_are_no_allocation_points),
	    ahead_test(the_machine_tells_of_them),
	    ahead_test(only_what_is_used_counts_as_written),
	    ahead_test(not_beyond_the_table),
	    ahead_test(not_for_what_others_wrote),
	    ahead_test(arrays_far_apart),
	    ahead_test(zeros_stay),
	    ahead_test(charges_are_for_used_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
