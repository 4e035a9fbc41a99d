/* SPDX-License-Identifier: MIT */
/*
 * merge.c: the first private page of a mapping against what merges the mapping with another, cuts
 * it, or puts a longer one in its place, or one with other flags.
 *
 * A page has the index by which its mapping would be found, whatever that has become since: verify
 * compares each with its VMA's.
 */
#include "check/world/scenario.h"

#define BEHIND (w->addr + PAGE)
#define ELSEWHERE (w->addr + 8 * PAGE)

static void store_first(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

static void expect_one(struct world *w, bool may_stay_two)
{
	struct quire_vma_info v;

	expect(mapped(w, w->addr, &v), "the mapping is gone");
	expect(v.end > BEHIND || may_stay_two, "the two have not merged");
}

/* ---- a file's: the page behind the untouched one was written elsewhere, and comes */

static void map_page(struct world *w, uint64_t addr, uint64_t page, int prot)
{
	must(quire_mmap(w->mm, addr, PAGE, prot, QMAP_PRIVATE | QMAP_FIXED, w->file, page * PAGE,
			&addr),
	     "mmap");
}

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_page(w, w->addr, 0, PROT_RW);
	map_page(w, ELSEWHERE, 1, PROT_RW);
	fill(w, ELSEWHERE, 5);
}

static void move_behind(struct world *w)
{
	uint64_t out;

	must(quire_mremap(w->mm, ELSEWHERE, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, BEHIND,
			  &out),
	     "mremap");
}

/* If the store comes first, both have been written, each at its place. */
static void check_moved(struct world *w)
{
	expect_one(w, true);
	expect(peek(w, w->mm, BEHIND) == 5, "the page has not arrived");
}

SCENARIO(merge_mremap) = {
    .name = "merge-mremap",
    .title = "the first store to a file's mapping against mremap of a written one beside it",
    .source = "identity.c, 2",
    .pairs = "fault × mremap",
    .setup = setup_file,
    .actors = {{"store", store_first}, {"mremap", move_behind}},
    .check = check_moved,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- it is there, and gets the same rights */

static void setup_rights(struct world *w)
{
	setup_file(w);
	must(quire_mprotect(w->mm, ELSEWHERE, PAGE, PROT_R), "mprotect");
	move_behind(w);
}

static void protect_behind(struct world *w)
{
	must(quire_mprotect(w->mm, BEHIND, PAGE, PROT_RW), "mprotect");
}

SCENARIO(merge_mprotect) = {
    .name = "merge-mprotect",
    .title = "the first store to a file's mapping against mprotect that makes a written one equal",
    .source = "identity.c, 2",
    .pairs = "fault × protect, lock",
    .setup = setup_rights,
    .actors = {{"store", store_first}, {"mprotect", protect_behind}},
    .check = check_moved,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- anonymous memory: what is mapped behind it was never touched either */

static void setup_anon(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void map_behind(struct world *w)
{
	map_anon(w, BEHIND, 1, PROT_RW);
}

static void check_mapped(struct world *w)
{
	expect_one(w, false);
}

SCENARIO(merge_mmap) = {
    .name = "merge-mmap",
    .title = "the first store to memory against mmap beside it",
    .source = "identity.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_anon,
    .actors = {{"store", store_first}, {"mmap", map_behind}},
    .check = check_mapped,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- a part of it goes: what stays knows that it was touched */

static void setup_two(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
}

static void unmap_behind(struct world *w)
{
	must(quire_munmap(w->mm, BEHIND, PAGE), "munmap");
}

SCENARIO(split_munmap) = {
    .name = "split-munmap",
    .title = "the first store to memory against munmap of another part of it",
    .source = "identity.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_two,
    .actors = {{"store", store_first}, {"munmap", unmap_behind}},
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- it grows where it is */

static void grow(struct world *w)
{
	uint64_t out;

	must(quire_mremap(w->mm, w->addr, PAGE, 2 * PAGE, 0, 0, &out), "mremap");
}

SCENARIO(grow_mremap) = {
    .name = "grow-mremap",
    .title = "the first store to memory against mremap that makes it longer in place",
    .source = "identity.c, 2",
    .pairs = "fault × mremap",
    .setup = setup_anon,
    .actors = {{"store", store_first}, {"mremap", grow}},
    .check = check_mapped,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- all of it gets other flags, or another policy: that is another VMA, with the same pages */

#define POLICY 3

static void advise(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTFORK), "madvise");
}

static void set_policy(struct world *w)
{
	must(quire_set_policy(w->mm, w->addr, PAGE, POLICY), "set_policy");
}

static void check_stored(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 7, "the store is lost");
}

SCENARIO(flags_madvise) = {
    .name = "flags-madvise",
    .title = "the first store to memory against madvise that changes its flags",
    .source = "identity.c, 2",
    .pairs = "fault × protect, lock",
    .setup = setup_anon,
    .actors = {{"store", store_first}, {"madvise", advise}},
    .check = check_stored,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

SCENARIO(flags_policy) = {
    .name = "flags-policy",
    .title = "the same against a new policy",
    .source = "identity.c, 2",
    .pairs = "fault × protect, lock",
    .setup = setup_anon,
    .actors = {{"store", store_first}, {"policy", set_policy}},
    .check = check_stored,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};
