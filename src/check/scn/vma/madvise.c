/* SPDX-License-Identifier: MIT */
/*
 * madvise.c: accesses against MADV_DONTNEED, MADV_FREE and MADV_POPULATE_WRITE.
 */
#include "check/world/scenario.h"

enum { ADVISED = 1, STORED };

static void setup_cached(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void dontneed(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "MADV_DONTNEED");
	note(w, ADVISED, 1);
}

static void load_and_store(struct world *w)
{
	bool gone = noted(w, ADVISED);
	uint64_t v = load(w, w->mm, w->addr);

	expect(!v || !gone, "the page is still there after MADV_DONTNEED has returned");
	gone = noted(w, ADVISED);
	store(w, w->mm, w->addr, 7);
	v = load(w, w->mm, w->addr);
	expect(v == 7 || (!v && !gone), "a store after MADV_DONTNEED reads as %llu",
	       (unsigned long long)v);
}

static void setup_cached_both(struct world *w)
{
	setup_cached(w);
	cpu_cache(w, 1, w->mm, w->addr);
}

SCENARIO(fault_dontneed) = {
    .name = "fault-dontneed",
    .title = "loads and stores against MADV_DONTNEED of their page",
    .source = "commit 99baac21e458",
    .pairs = "fault × DONTNEED, FREE",
    .setup = setup_cached,
    .actors = {{"access", load_and_store}, {"madvise", dontneed}},
    .nr_guards = 1,
    .guards = {RULE_flush_before_free},
};

/* ---- two of them on one page, and a fault in between */

static void store_once(struct world *w)
{
	store(w, w->mm, w->addr, 7);
	store(w, w->mm, w->addr + 8, 8);
}

static void check_words(struct world *w)
{
	if (!(quire_pte(w->mm, w->addr) & QUIRE_PTE_PRESENT))
		return;
	expect(peek(w, w->mm, w->addr) != 1, "the old page is there still");
	expect(peek(w, w->mm, w->addr + 8) == 8 || !peek(w, w->mm, w->addr + 8),
	       "a page that nobody wrote");
}

SCENARIO(fault_dontneed_twice) = {
    .name = "fault-dontneed-twice",
    .title = "a store against two MADV_DONTNEED of its page",
    .source = "commit 99baac21e458",
    .pairs = "fault × DONTNEED, FREE; DONTNEED, FREE × DONTNEED, FREE",
    .setup = setup_cached_both,
    .actors = {{"store", store_once}, {"madvise", dontneed}, {"madvise'", dontneed}},
    .check = check_words,
    .nr_guards = 1,
    .guards = {RULE_flush_before_free},
};

/* ---- MADV_FREE: a page written after it is no longer free for the taking */

static void free_lazily(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_FREE), "MADV_FREE");
	note(w, ADVISED, 1);
}

static void store_again(struct world *w)
{
	bool advised = noted(w, ADVISED);

	store(w, w->mm, w->addr, 7);
	if (advised)
		note(w, STORED, 1);
}

static void check_kept(struct world *w)
{
	struct quire_usage u;

	quire_range_usage(w->mm, w->addr, w->addr + PAGE, &u);
	expect(!w->v[STORED] || !u.lazyfree,
	       "a page that was written after MADV_FREE may be dropped");
	expect(peek(w, w->mm, w->addr) == 7, "a store is lost");
}

SCENARIO(fault_free) = {
    .name = "fault-free",
    .title = "a store against MADV_FREE of its page",
    .source = "commit 99baac21e458",
    .pairs = "fault × DONTNEED, FREE",
    .setup = setup_cached,
    .actors = {{"store", store_again}, {"madvise", free_lazily}},
    .check = check_kept,
    .nr_guards = 1,
    .guards = {RULE_flush_lazyfree},
};

/* ---- MADV_POPULATE_WRITE faults without mmap_lock, as every fault does */

static void setup_two(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
}

static void populate(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, 2 * PAGE, QMADV_POPULATE_WRITE);

	expect(!err || err == -QENOMEM, "MADV_POPULATE_WRITE fails with %d", err);
	note(w, STORED, !err);
}

static void unmap_second(struct world *w)
{
	must(quire_munmap(w->mm, w->addr + PAGE, PAGE), "munmap");
}

static void check_populated(struct world *w)
{
	expect(!w->v[STORED] || (quire_pte(w->mm, w->addr) & QUIRE_PTE_PRESENT),
	       "MADV_POPULATE_WRITE has left a page out");
}

SCENARIO(populate_munmap) = {
    .name = "populate-munmap",
    .title = "MADV_POPULATE_WRITE against munmap of a part",
    .source = "commit 49b0638502da",
    .pairs = "fault × map, unmap",
    .setup = setup_two,
    .actors = {{"madvise", populate}, {"munmap", unmap_second}},
    .check = check_populated,
    .nr_guards = 2,
    .guards = {RULE_vma_dead_check, RULE_vma_by_rcu},
};
