/* SPDX-License-Identifier: MIT */
/*
 * stack.c: stacks that grow by faults, which take no mmap_lock until they miss.
 */
#include "check/world/scenario.h"

#define GAP (256 * PAGE) /* stack_guard_gap */
#define STACK (w->addr + 512 * PAGE)

static void setup_stack(struct world *w)
{
	uint64_t at = STACK;

	must(quire_mmap(w->mm, STACK, 2 * PAGE, PROT_RW, MAP_ANON_PRIVATE | QMAP_GROWSDOWN, NULL, 0,
			&at),
	     "mmap");
	fill(w, STACK, 1);
}

/* Actor i's page is i + 1 below. */
static void push(struct world *w)
{
	store(w, w->mm, STACK - PAGE * (1 + sched_self()), 1 + sched_self());
}

static void check_two(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		expect(peek(w, w->mm, STACK - PAGE * (1 + i)) == 1 + i, "%s's store is lost",
		       sched_actor_name(i));
}

SCENARIO(stack_stack) = {
    .name = "stack-stack",
    .title = "two faults below a stack: both grow it",
    .source = "CVE-2023-3269",
    .pairs = "fault × fault",
    .setup = setup_stack,
    .actors = {{"push", push}, {"push deeper", push}},
    .check = check_two,
    .nr_guards = 2,
    .guards = {RULE_stack_grows_locked, RULE_growth_looks_again},
};

/* ---- a lookup in the tree whose node is replaced */

static void pop(struct world *w)
{
	store(w, w->mm, STACK + PAGE, 2);
	expect(load(w, w->mm, STACK) == 1, "the stack's content is lost");
}

SCENARIO(stack_lookup) = {
    .name = "stack-lookup",
    .title = "a lookup of a stack that grows",
    .source = "CVE-2023-3269",
    .pairs = "fault × fault",
    .setup = setup_stack,
    .actors = {{"push", push}, {"pop", pop}},
    .nr_guards = 2,
    .guards = {RULE_nodes_by_rcu, RULE_vma_by_rcu},
};

/* ---- a neighbour that comes to where the gap is to be */

static void push_or_fault(struct world *w)
{
	note(w, 1, cpu_store(w, w->mm, STACK - PAGE, 7) == ACCESS_OK);
}

static void map_below(struct world *w)
{
	uint64_t at = STACK - GAP - PAGE;

	must(quire_mmap(w->mm, at, PAGE, PROT_RW, QMAP_PRIVATE | QMAP_ANONYMOUS, NULL, 0, &at),
	     "mmap");
}

static void check_gap(struct world *w)
{
	struct quire_vma_info below, stack;

	expect(mapped(w, STACK, &stack), "the stack is gone");
	expect(!w->v[1] || stack.start == STACK - PAGE, "the stack has not grown");
	expect(!mapped(w, STACK - GAP - PAGE, &below) || stack.start - below.end >= GAP,
	       "the guard gap is %llu pages",
	       (unsigned long long)((stack.start - below.end) / PAGE));
}

SCENARIO(stack_neighbour) = {
    .name = "stack-neighbour",
    .title = "a stack that grows against mmap below it: the guard gap is kept",
    .source = "CVE-2017-1000364; CVE-2023-3269",
    .pairs = "fault × map, unmap",
    .setup = setup_stack,
    .actors = {{"push", push_or_fault}, {"mmap", map_below}},
    .check = check_gap,
    .nr_guards = 1,
    .guards = {RULE_stack_grows_locked},
};

/* ---- munmap of the stack that grows */

static void unmap_stack(struct world *w)
{
	must(quire_munmap(w->mm, STACK, 2 * PAGE), "munmap");
}

static void check_some_stack(struct world *w)
{
	struct quire_vma_info info;

	expect(!mapped(w, STACK, &info), "the stack's upper page is still mapped");
	expect(!w->v[1] || peek(w, w->mm, STACK - PAGE) == 7, "a push is lost");
}

SCENARIO(stack_munmap) = {
    .name = "stack-munmap",
    .title = "a stack that grows against munmap of it",
    .source = "CVE-2023-3269",
    .pairs = "fault × map, unmap",
    .setup = setup_stack,
    .actors = {{"push", push_or_fault}, {"munmap", unmap_stack}},
    .check = check_some_stack,
    .nr_guards = 2,
    .guards = {RULE_stack_grows_locked, RULE_vma_by_rcu},
};
