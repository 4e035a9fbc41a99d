/* SPDX-License-Identifier: MIT */
/*
 * scn_lent.c: pages that a system call has been lent, and what becomes of their frames.
 */
#include "scenario.h"

#define ELSEWHERE (w->addr + 16 * PAGE)

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void call(struct world *w)
{
	if (device_begin(w, w->mm, w->addr))
		device_end(w, 7);
}

static void use_again(struct world *w)
{
	map_anon(w, ELSEWHERE, 1, PROT_RW);
	store(w, w->mm, ELSEWHERE, 5);
}

static void check_used_again(struct world *w)
{
	uint64_t value = peek(w, w->mm, ELSEWHERE);

	expect(value == 5, "the page holds %llu", (unsigned long long)value);
}

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
	use_again(w);
}

const struct scenario lent_munmap = {
    .name = "lent-munmap",
    .title = "munmap of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"munmap", unmap}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

static void move(struct world *w)
{
	uint64_t to = w->addr + 32 * PAGE;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &to),
	     "mremap");
	must(quire_munmap(w->mm, to, PAGE), "munmap");
	use_again(w);
}

const struct scenario lent_move = {
    .name = "lent-move",
    .title = "mremap, then munmap, of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"move", move}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_moves},
};

/* The page is the child's when the parent has written to its own. */
static void fork_and_unmap(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, w->addr, 1);
	must(quire_munmap(w->child, w->addr, PAGE), "munmap");
	use_again(w);
}

const struct scenario lent_fork = {
    .name = "lent-fork",
    .title = "a page into which the host stores is left to a child, who unmaps it",
    .source = "tlb.c, 4",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"fork", fork_and_unmap}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

/* The host goes on for a process that has ended: nobody else has the address space. */
static void setup_last(struct world *w)
{
	setup_page(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->child, w->addr, 1);
	must(!device_begin(w, w->child, w->addr), "lending the page");
}

static void end_call(struct world *w)
{
	device_end(w, 7);
}

static void put_last(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
	use_again(w);
}

const struct scenario lent_exit = {
    .name = "lent-exit",
    .title = "an address space ends while the host stores into a page of its",
    .source = "tlb.c, 4",
    .device = true,
    .setup = setup_last,
    .actors = {{"call", end_call}, {"exit", put_last}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};
