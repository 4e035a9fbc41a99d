/* SPDX-License-Identifier: MIT */
/*
 * forks.c: a page is taken away from all that map it, and given back, while they fork and exit.
 */
#include "check/scn/rmap/away.h"

static void fork_now(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void setup(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	away_choose(w, w->addr);
}

static void check_both(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
	expect(peek(w, w->child, w->addr) == 5, "the child's page has changed");
}

SCENARIO(rmap_fork) = {
    .name = "rmap-fork",
    .title = "a walk that takes a page away and gives it back against fork",
    .source = "rmap/root.h, 3",
    .pairs = "whoever takes a page away × fork",
    .setup = setup,
    .actors = {{"fork", fork_now}, {"mover", away_and_back}},
    .check = check_both,
    .nr_guards = 2,
    .guards = {RULE_children_afterwards, RULE_child_linked_first},
};

/* ---- a chain of forks ---------------------------------------------------------- */

/* The page is its grandfather's, who has ended: w->mm names it so until it forks. */
static void setup_chain(struct world *w)
{
	struct quire_mm *first;

	setup(w);
	first = w->mm;
	must(quire_mm_fork(first, NULL, &w->mm), "fork");
	quire_mm_put(first);
}

SCENARIO(rmap_chain) = {
    .name = "rmap-chain",
    .title = "a walk from an ended mm's root against the fork that lets the root go",
    .source = "rmap/root.h, 4; CVE-2022-42703",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_chain,
    .actors = {{"fork", fork_now}, {"mover", away_and_back}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_walk_keeps_root},
};

/* The grandfather ends when there is a grandchild: its name is of a page of both. */
static void setup_overlap(struct world *w)
{
	struct quire_mm *first;

	setup(w);
	first = w->mm;
	must(quire_mm_fork(first, NULL, &w->mm), "fork");
	fork_now(w);
	quire_mm_put(first);
}

#define GRANDCHILD 0 /* note */

static void fork_child(struct world *w)
{
	struct quire_mm *grandchild;

	must(quire_mm_fork(w->child, NULL, &grandchild), "fork");
	note(w, GRANDCHILD, (uintptr_t)grandchild);
}

static void check_all(struct world *w)
{
	struct quire_mm *grandchild = (struct quire_mm *)(uintptr_t)noted(w, GRANDCHILD);

	check_both(w);
	expect(peek(w, grandchild, w->addr) == 5, "the grandchild's page has changed");
}

SCENARIO(rmap_chain_above) = {
    .name = "rmap-chain-above",
    .title = "a walk from an ended mm's root against the fork of one that it is not the parent of",
    .source = "rmap/root.h, 4",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_overlap,
    .actors = {{"fork", fork_child}, {"mover", away_and_back}},
    .check = check_all,
    .nr_guards = 1,
    .guards = {RULE_walk_keeps_root},
};

static void drop_parents(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

static void check_grandchild(struct world *w)
{
	expect(peek(w, w->child, w->addr) == 5, "the child's page has changed");
}

SCENARIO(rmap_chain_munmap) = {
    .name = "rmap-chain-munmap",
    .title = "two forks that let one chain of roots go, against munmap in the mm below it",
    .source = "rmap/root.h, 4",
    .pairs = "map, unmap × fork",
    .bound = 1,
    .setup = setup_overlap,
    .actors = {{"fork", fork_child}, {"munmap", drop_parents}, {"fork", fork_child}},
    .check = check_grandchild,
};

/* ---- exit ---------------------------------------------------------------------- */

static void setup_child(struct world *w)
{
	setup(w);
	fork_now(w);
}

static void end_parent(struct world *w)
{
	struct quire_mm *parent = w->mm;

	w->mm = w->child;
	quire_mm_put(parent);
}

static void check_child(struct world *w)
{
	expect(peek(w, w->child, w->addr) == 5, "the child's page has changed");
}

SCENARIO(rmap_exit) = {
    .name = "rmap-exit",
    .title = "a walk through parent and child against the parent's end",
    .source = "rmap/root.h, 2",
    .pairs = "whoever takes a page away × exit",
    .setup = setup_child,
    .actors = {{"exit", end_parent}, {"mover", away_and_back}},
    .check = check_child,
};

static void end_child(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
}

static void check_parent(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
}

SCENARIO(rmap_exit_child) = {
    .name = "rmap-exit-child",
    .title = "a walk through parent and child against the child's end",
    .source = "rmap/root.h, 2",
    .pairs = "whoever takes a page away × exit",
    .setup = setup_child,
    .actors = {{"exit", end_child}, {"mover", away_and_back}},
    .check = check_parent,
};
