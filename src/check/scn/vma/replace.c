/* SPDX-License-Identifier: MIT */
/*
 * replace.c: faults, and calls that fault pages in, against mappings that take the place of
 * others (MAP_FIXED, mremap): a moment in which nothing is mapped there does not exist, nor one in
 * which both are.
 */
#include "check/world/scenario.h"

enum { REPLACED = 1, SEEN_NEW };

static void replace(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	note(w, REPLACED, 1);
}

/* ---- read-only before: a store that succeeds was to the new mapping */

static void setup_read_only(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_R);
}

static void store_and_load(struct world *w)
{
	bool replaced = noted(w, REPLACED);
	enum access_result r = cpu_store(w, w->mm, w->addr, 7);

	expect(r == ACCESS_OK || !replaced, "the new mapping refuses a store");
	if (r == ACCESS_OK)
		expect(load(w, w->mm, w->addr) == 7, "a store to the new mapping is lost");
}

SCENARIO(fault_replace) = {
    .name = "fault-replace",
    .title = "a write fault against mmap(MAP_FIXED) over its read-only page",
    .source = "locking.md, invariant 6",
    .pairs = "fault × map, unmap",
    .setup = setup_read_only,
    .actors = {{"fault", store_and_load}, {"mmap", replace}},
    .nr_guards = 3,
    .guards = {RULE_replacement_held, RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* ---- a mapping that can never be writable takes the place of one that is */

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

static void replace_limited(struct world *w)
{
	must(quire_mmap_limited(w->mm, w->addr, PAGE, PROT_R, QMAP_SHARED | QMAP_FIXED, w->file, 0,
				QUIRE_MAP_READ_ONLY, &w->addr),
	     "mmap");
	expect(quire_mprotect(w->mm, w->addr, PAGE, PROT_RW) == -QEACCES,
	       "mprotect makes it writable");
	note(w, REPLACED, 1);
}

static void store_before(struct world *w)
{
	bool replaced = noted(w, REPLACED);

	expect(cpu_store(w, w->mm, w->addr, 7) == ACCESS_SEGV || !replaced,
	       "the new mapping takes a store");
}

static void check_limited(struct world *w)
{
	expect(!(quire_pte(w->mm, w->addr) & QUIRE_PTE_WRITE), "its page is writable");
}

SCENARIO(limited_replace) = {
    .name = "limited-replace",
    .title = "a write fault against a mapping in its place that can never be writable",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × map, unmap",
    .setup = setup_file,
    .actors = {{"fault", store_before}, {"mmap", replace_limited}},
    .check = check_limited,
    .nr_guards = 1,
    .guards = {RULE_vma_dead_check},
};

/* ---- a page with content before: it does not come back, and somebody always answers */

static void setup_filled(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void look(struct world *w)
{
	bool must_be_new = noted(w, REPLACED) || noted(w, SEEN_NEW);
	uint64_t v = load(w, w->mm, w->addr);

	expect(!v || !must_be_new, "the old page is seen after the new one");
	if (!v)
		note(w, SEEN_NEW, 1);
}

SCENARIO(load_replace) = {
    .name = "load-replace",
    .title = "two CPUs look at a page that mmap(MAP_FIXED) replaces",
    .source = "locking.md, invariant 6",
    .pairs = "fault × map, unmap",
    .setup = setup_filled,
    .actors = {{"load, cached", look}, {"load", look}, {"mmap", replace}},
    .nr_guards = 3,
    .guards = {RULE_replacement_held, RULE_wait_for_writer, RULE_flush_before_free},
};

/* ---- munmap, then mmap of the same range */

static void unmap_and_map(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
	replace(w);
}

static void look_or_fault(struct world *w)
{
	bool replaced = noted(w, REPLACED);
	uint64_t v = 0;
	enum access_result r = cpu_store(w, w->mm, w->addr + 8, 7);

	expect(r == ACCESS_OK || !replaced, "the new mapping refuses a store");
	if (!replaced)
		return;
	v = load(w, w->mm, w->addr);
	expect(!v, "the old page is under the new mapping");
	expect(load(w, w->mm, w->addr + 8) == 7, "a store to the new mapping is lost");
}

SCENARIO(fault_munmap_mmap) = {
    .name = "fault-munmap-mmap",
    .title = "a write fault against munmap and mmap of its range",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × map, unmap",
    .setup = setup_filled,
    .actors = {{"fault", look_or_fault}, {"munmap, mmap", unmap_and_map}},
    .nr_guards = 1,
    .guards = {RULE_flush_before_free},
};

/* ---- mremap onto a mapping: another program's access has nothing else to confirm a miss */

static void setup_two(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	map_anon(w, w->addr + 2 * PAGE, 1, PROT_RW);
}

static void write_remotely(struct world *w)
{
	uint64_t v = 7;

	expect(quire_remote_write(w->mm, w->addr, &v, sizeof(v)) == sizeof(v),
	       "nothing is said to be mapped where something always is");
}

static void move_onto(struct world *w)
{
	uint64_t at = w->addr;

	must(quire_mremap(w->mm, w->addr + 2 * PAGE, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
			  w->addr, &at),
	     "mremap");
}

SCENARIO(access_mremap) = {
    .name = "access-mremap",
    .title = "a remote write against mremap onto its page",
    .source = "locking.md, invariant 6",
    .pairs = "fault × mremap; map, unmap × mremap",
    .setup = setup_two,
    .actors = {{"write", write_remotely}, {"mremap", move_onto}},
    .nr_guards = 2,
    .guards = {RULE_miss_under_mmap_lock, RULE_dead_at_lookup},
};

/* ---- populating: what it says of a range was so at one moment of the range */

static void populate(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, PAGE, QMADV_POPULATE_WRITE);

	expect(!err, "MADV_POPULATE_WRITE of what is always mapped fails with %d", err);
}

SCENARIO(populate_mremap) = {
    .name = "populate-mremap",
    .title = "MADV_POPULATE_WRITE against mremap onto its page",
    .source = "locking.md, invariant 6",
    .pairs = "fault × mremap",
    .setup = setup_two,
    .actors = {{"madvise", populate}, {"mremap", move_onto}},
    .nr_guards = 1,
    .guards = {RULE_miss_under_mmap_lock},
};

static void setup_one(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void replace_read_only(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_R);
}

static void populate_or_refuse(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, PAGE, QMADV_POPULATE_WRITE);

	expect(!err || err == -QEINVAL,
	       "MADV_POPULATE_WRITE of what is always mapped fails with %d", err);
}

SCENARIO(populate_replace) = {
    .name = "populate-replace",
    .title = "MADV_POPULATE_WRITE against mmap(MAP_FIXED) of a read-only page over its own",
    .source = "populate.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_one,
    .actors = {{"madvise", populate_or_refuse}, {"mmap", replace_read_only}},
    .nr_guards = 1,
    .guards = {RULE_populate_looks_again},
};

/* ---- mlock: what is unmapped after the flag is set is no hole in what was asked for */

static void setup_three(struct world *w)
{
	map_anon(w, w->addr, 3, PROT_RW);
}

static void lock_three(struct world *w)
{
	note(w, 0, quire_mlock(w->mm, w->addr, 3 * PAGE, 0) != 0);
}

static void unmap_middle(struct world *w)
{
	must(quire_munmap(w->mm, w->addr + PAGE, PAGE), "munmap");
}

static void check_locked(struct world *w)
{
	uint64_t last = w->addr + 2 * PAGE;
	bool there = quire_pte(w->mm, last) != 0;
	bool locked = quire_madvise(w->mm, last, PAGE, QMADV_DONTNEED) == -QEINVAL;

	expect(noted(w, 0) != locked, "mlock %s, and the last page %s locked",
	       noted(w, 0) ? "fails" : "succeeds", locked ? "is" : "is not");
	expect(!locked || there, "mlock has left the last page out");
}

SCENARIO(mlock_munmap) = {
    .name = "mlock-munmap",
    .title = "mlock of three pages against munmap of the middle one",
    .source = "populate.c, 3",
    .pairs = "fault × map, unmap; map, unmap × protect, lock",
    .setup = setup_three,
    .actors = {{"mlock", lock_three}, {"munmap", unmap_middle}},
    .check = check_locked,
    .nr_guards = 1,
    .guards = {RULE_populate_looks_again},
};
