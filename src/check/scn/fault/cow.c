/* SPDX-License-Identifier: MIT */
/*
 * cow.c: copies of shared pages against each other, and against what shares or unmaps them.
 */
#include "check/world/scenario.h"

#define OTHER_WORD (w->addr + 8)

/* A page with 5 in it that parent and child share. */
static void setup_shared(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

/* ---- parent and child -------------------------------------------------------------- */

static void parent_stores(struct world *w)
{
	store(w, w->mm, w->addr, 1);
	expect(load(w, w->mm, w->addr) == 1, "the parent's store is lost");
}

static void child_stores(struct world *w)
{
	store(w, w->child, w->addr, 2);
	expect(load(w, w->child, w->addr) == 2, "the child's store is lost");
}

static void check_own_values(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 1, "the parent's store is lost");
	expect(peek(w, w->child, w->addr) == 2, "the child's store is lost");
}

SCENARIO(cow_both) = {
    .name = "cow-both",
    .title = "the parent's store against the child's to a page they share",
    .source = "cow.c, 1",
    .pairs = "fault × fault",
    .setup = setup_shared,
    .actors = {{"parent", parent_stores}, {"child", child_stores}},
    .check = check_own_values,
};

/* ---- two threads, and one that reads through the old translation -------------------- */

static void setup_reader(struct world *w)
{
	setup_shared(w);
	cpu_cache(w, 2, w->mm, w->addr);
}

static void thread_stores(struct world *w)
{
	store(w, w->mm, w->addr, 1);
}

static void other_thread_stores(struct world *w)
{
	store(w, w->mm, OTHER_WORD, 2);
	note(w, 0, 1);
}

static void reader_follows(struct world *w)
{
	if (noted(w, 0))
		expect(load(w, w->mm, OTHER_WORD) == 2,
		       "an old value is read after a new one was stored");
}

static void check_both_words(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 1, "the first thread's store is lost");
	expect(peek(w, w->mm, OTHER_WORD) == 2, "the second thread's store is lost");
}

SCENARIO(cow_threads) = {
    .name = "cow-threads",
    .title = "two threads copy one page while a third reads the old one",
    .source = "commit 8b68e55fb9a8",
    .pairs = "fault × fault",
    .setup = setup_reader,
    .actors = {{"thread 1", thread_stores},
	       {"thread 2", other_thread_stores},
	       {"reader", reader_follows}},
    .check = check_both_words,
    .nr_guards = 3,
    .guards = {RULE_cow_read_only_first, RULE_cow_flush, RULE_cow_waits_for_copy},
};

/* The page that nobody has written yet is the zero page. */
static void setup_zero_reader(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	quire_fault(w->mm, w->addr, QUIRE_READ, NULL);
	cpu_cache(w, 2, w->mm, w->addr);
}

SCENARIO(cow_zero_page) = {
    .name = "cow-zero-page",
    .title = "two threads' first stores to a page while a third reads the zero page",
    .source = "commit 8b68e55fb9a8; cow.c, 2",
    .pairs = "fault × fault",
    .setup = setup_zero_reader,
    .actors = {{"thread 1", thread_stores},
	       {"thread 2", other_thread_stores},
	       {"reader", reader_follows}},
    .check = check_both_words,
    .nr_guards = 3,
    .guards = {RULE_cow_read_only_first, RULE_cow_flush, RULE_cow_waits_for_copy},
};

/* ---- mprotect between the two steps of a copy ---------------------------------------- */

static void protect_and_store(struct world *w)
{
	must(quire_mprotect(w->mm, w->addr, PAGE, PROT_RW | QPROT_EXEC), "mprotect");
	store(w, w->mm, OTHER_WORD, 2);
	note(w, 0, 1);
}

SCENARIO(cow_mprotect) = {
    .name = "cow-mprotect",
    .title = "a copy against mprotect of its page while a third thread reads the old one",
    .source = "protect.c, 1",
    .pairs = "fault × protect, lock",
    .setup = setup_reader,
    .actors = {{"thread 1", thread_stores},
	       {"mprotect", protect_and_store},
	       {"reader", reader_follows}},
    .check = check_both_words,
    .nr_guards = 1,
    .guards = {RULE_mprotect_waits_for_copy},
};

/* ---- fork between the two steps ---------------------------------------------------------- */

/* w->child is an earlier child: the page is still shared with it. */
static void fork_and_read_twice(struct world *w)
{
	struct quire_mm *child;
	uint64_t first;

	must(quire_mm_fork(w->mm, NULL, &child), "fork");
	first = load(w, child, w->addr);
	expect(load(w, child, w->addr) == first, "the child's memory has changed under it");
	expect(first == 5 || first == 1, "the child reads %llu", (unsigned long long)first);
}

static void check_parent(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 1, "the parent's store is lost");
}

SCENARIO(cow_fork) = {
    .name = "cow-fork",
    .title = "a copy against fork of its mm",
    .source = "locking.md 10",
    .pairs = "fault × fork",
    .setup = setup_shared,
    .actors = {{"thread", thread_stores}, {"fork", fork_and_read_twice}},
    .check = check_parent,
};

/* The other sharer is gone: the page is reused in place. */
static void setup_alone(struct world *w)
{
	setup_shared(w);
	quire_mm_put(w->child);
	w->child = NULL;
}

SCENARIO(cow_reuse_fork) = {
    .name = "cow-reuse-fork",
    .title = "reuse of a page that was shared once against fork of its mm",
    .source = "cow.c, 1",
    .pairs = "fault × fork",
    .setup = setup_alone,
    .actors = {{"thread", thread_stores}, {"fork", fork_and_read_twice}},
    .check = check_parent,
};

/* ---- the other sharer unmaps: the window until its flush ------------------------------------ */

static void setup_child_reader(struct world *w)
{
	setup_shared(w);
	cpu_cache(w, 2, w->child, w->addr);
}

static void child_unmaps(struct world *w)
{
	must(quire_munmap(w->child, w->addr, PAGE), "munmap");
}

static void child_drops(struct world *w)
{
	must(quire_madvise(w->child, w->addr, PAGE, QMADV_DONTNEED), "madvise");
}

static void child_reads(struct world *w)
{
	uint64_t value;

	if (cpu_load(w, w->child, w->addr, &value) == ACCESS_OK)
		expect(value == 5 || value == 0, "the child reads %llu, the parent's store",
		       (unsigned long long)value);
}

SCENARIO(cow_munmap) = {
    .name = "cow-munmap",
    .title = "the parent's store against munmap by the child, before its flush",
    .source = "CVE-2020-29374",
    .pairs = "fault × map, unmap",
    .setup = setup_child_reader,
    .actors = {{"parent", parent_stores}, {"munmap", child_unmaps}, {"child", child_reads}},
    .check = check_parent,
    .nr_guards = 1,
    .guards = {RULE_cow_counts_references},
};

SCENARIO(cow_dontneed) = {
    .name = "cow-dontneed",
    .title = "the parent's store against MADV_DONTNEED by the child, before its flush",
    .source = "CVE-2020-29374",
    .pairs = "fault × DONTNEED, FREE",
    .setup = setup_child_reader,
    .actors = {{"parent", parent_stores}, {"dontneed", child_drops}, {"child", child_reads}},
    .check = check_parent,
    .nr_guards = 1,
    .guards = {RULE_cow_counts_references},
};

/* ---- MADV_FREE of a page that is being copied ---------------------------------------------- */

static void parent_frees(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_FREE), "madvise");
}

SCENARIO(cow_free) = {
    .name = "cow-free",
    .title = "the parent's store against its MADV_FREE and the child's store",
    .source = "madvise(2)",
    .pairs = "fault × DONTNEED, FREE",
    .setup = setup_shared,
    .actors = {{"parent", parent_stores}, {"free", parent_frees}, {"child", child_stores}},
    .check = check_own_values,
};
