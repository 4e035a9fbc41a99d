/* SPDX-License-Identifier: MIT */
/*
 * brk.c: faults in the heap against brk: what was given back does not come again.
 */
#include "check/world/scenario.h"

enum { GROWN = 1 };

static void setup_heap(struct world *w)
{
	quire_mm_set_brk(w->mm, w->addr);
	expect(quire_brk(w->mm, w->addr + 2 * PAGE) == w->addr + 2 * PAGE, "setup: brk");
	fill(w, w->addr, 1);
	fill(w, w->addr + PAGE, 1);
}

static void move_break(struct world *w, uint64_t pages)
{
	uint64_t brk = w->addr + pages * PAGE;

	expect(quire_brk(w->mm, brk) == brk, "brk refuses to move");
	STEP("brk returns");
}

static void shrink_grow_shrink(struct world *w)
{
	move_break(w, 1);
	move_break(w, 2);
	note(w, GROWN, 1);
	move_break(w, 1);
}

/* Once it has changed it is not what it was. */
static void look_and_store(struct world *w)
{
	bool changed = noted(w, GROWN);
	uint64_t v = 0, addr = w->addr + PAGE;

	for (int i = 0; i < 2; i++) {
		bool gone = cpu_load(w, w->mm, addr, &v) != ACCESS_OK;

		expect(gone || !v || !changed, "what brk gave back is there again");
		changed = changed || gone || !v;
	}
	cpu_store(w, w->mm, addr, 7);
}

static void check_heap(struct world *w)
{
	struct quire_vma_info info;

	expect(mapped(w, w->addr, &info) && info.end == w->addr + PAGE, "the heap is torn");
}

SCENARIO(fault_brk) = {
    .name = "fault-brk",
    .title = "accesses to the heap against brk that shrinks it, grows it and shrinks it",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × map, unmap",
    .setup = setup_heap,
    .actors = {{"fault", look_and_store}, {"brk", shrink_grow_shrink}},
    .check = check_heap,
    .nr_guards = 4,
    .guards = {RULE_vma_dead_check, RULE_dead_before_zap, RULE_flush_before_free, RULE_vma_by_rcu},
};
