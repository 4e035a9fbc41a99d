/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim_moves.c: mremap to a place for which a table is needed, when memory is out.
 */
#include "reclaim.h"

static unsigned asked;
static uint64_t mapped_meanwhile;

/* Frees what fills memory, and maps a page as another thread may: wherever there is room. */
static bool free_and_map(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	(void)what;
	if (asked++)
		return false;
	assert_int_equal(quire_munmap(mm, FILLER, RAM_PAGES * UPAGE), 0);
	mapped_meanwhile = unit_map(mm, 0, UPAGE, URW, UANON);
	return true;
}

/* TARGET is the highest place for a mapping of one page. */
static void machine_below_target(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};
	struct quire_mm_options mo = {.size = sizeof(mo), .mmap_base = TARGET + UPAGE};

	asked = 0;
	mapped_meanwhile = 0;
	u->port.oom = free_and_map;
	unit_machine_mm(u, &o, &mo);
	/* A table of the middle level for TARGET and its neighbours. */
	unit_store(u->mm, unit_map(u->mm, TARGET + (64 << 20), UPAGE, URW, UANON | QMAP_FIXED), 1);
}

static void up_below_target(struct unit *u)
{
	unit_port(u);
	machine_below_target(u);
}

static void move_to_target(struct unit *u, uint64_t pages, int flags, int want)
{
	uint64_t out;

	assert_int_equal(quire_mremap(u->mm, SOURCE, pages * UPAGE, pages * UPAGE,
				      flags | QMREMAP_MAYMOVE | QMREMAP_FIXED, TARGET, &out),
			 want);
}

/* Room is asked for before anything is unmapped: what is mapped meanwhile stays. */
static void move_over_what_is_mapped(void **state)
{
	struct unit u;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED);
	fill_but(&u, 0);
	move_to_target(&u, 1, 0, 0);
	assert_int_equal(asked, 1);
	assert_int_not_equal(mapped_meanwhile, TARGET);
	assert_int_equal(quire_munmap(u.mm, mapped_meanwhile, UPAGE), 0);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	unit_down(&u);
}

/* The same where a tail goes: it is there until there is room for the rest. */
static void move_without_its_tail(void **state)
{
	struct unit u;
	uint64_t out;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, 2 * UPAGE, URW, UANON | QMAP_FIXED), 11);
	fill_but(&u, 0);
	assert_int_equal(quire_mremap(u.mm, SOURCE, 2 * UPAGE, UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, TARGET, &out),
			 0);
	assert_int_equal(asked, 1);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	unit_down(&u);
}

/* The table that the target has is as good as another. */
static void move_over_what_has_a_table(void **state)
{
	struct unit u;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_store(u.mm, unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED), 22);
	fill_but(&u, 0);
	move_to_target(&u, 1, 0, 0);
	assert_int_equal(asked, 0);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	unit_down(&u);
}

/* Frames that only wait for readers are waited for, the target being mapped. */
static void moves_over_waiting(void **state)
{
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), i);
		a = unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED);
		if (i % 2)
			unit_store(u.mm, a, 1);
		move_to_target(&u, 1, 0, 0);
		assert_int_equal(unit_load(u.mm, TARGET), i);
		assert_int_equal(quire_munmap(u.mm, TARGET, UPAGE), 0);
	}
	unit_down(&u);
}

/* Two mappings, whose targets lie in two tables, of which there is a frame for one alone: nothing
 * has moved when room is asked for. */
static void move_half(int flags, uint64_t frames)
{
	struct unit u;

	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_store(u.mm,
		   unit_map(u.mm, SOURCE + UPAGE, UPAGE, URW | QPROT_EXEC, UANON | QMAP_FIXED), 22);
	fill_but(&u, frames);
	move_to_target(&u, 2, flags, 0);
	assert_int_equal(asked, 1);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	assert_int_equal(unit_load(u.mm, TARGET + UPAGE), 22);
	unit_down(&u);
}

static void move_of_two(void **state)
{
	(void)state;
	for (uint64_t frames = 0; frames < 2; frames++) {
		move_half(0, frames);
		move_half(QMREMAP_DONTUNMAP, frames);
	}
}

/* A thread touches the source, in another table, between munmap of the target and the move. */
#define MOVED 514ull
#define TOUCHED (SOURCE + (MOVED - 1) * UPAGE)
static struct unit *unit;

static void touch_source(void *ctx, struct quire_mm *mm, void *cookie,
			 const struct quire_tlb_range *ranges, unsigned n)
{
	(void)ctx;
	(void)cookie;
	(void)ranges;
	(void)n;
	if (unit && !quire_pte(mm, TOUCHED))
		unit_store(mm, TOUCHED, 33);
}

/* Then what is unmapped is another's by the time there is memory. */
static void move_that_has_unmapped(void **state)
{
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.tlb_flush = touch_source;
	machine_below_target(&u);
	unit_store(u.mm,
		   unit_map(u.mm, SOURCE, MOVED * UPAGE, URW, UANON | QMAP_NORESERVE | QMAP_FIXED),
		   11);
	unit_load(u.mm, unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED));
	fill_but(&u, 3); /* a table at the target, and what the thread takes */
	unit = &u;
	move_to_target(&u, MOVED, 0, -QENOMEM);
	unit = NULL;
	assert_int_equal(asked, 0);
	assert_int_equal(quire_pte(u.mm, TARGET), 0);
	assert_int_equal(unit_load(u.mm, SOURCE), 11);
	assert_int_equal(unit_load(u.mm, TOUCHED), 33);
	unit_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(move_over_what_is_mapped),
	    cmocka_unit_test(move_without_its_tail),
	    cmocka_unit_test(move_over_what_has_a_table),
	    cmocka_unit_test(moves_over_waiting),
	    cmocka_unit_test(move_of_two),
	    cmocka_unit_test(move_that_has_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
