/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.c: private mappings of huge pages after a fork: who owns the mapping may write to each
 * page of it, if need be at the cost of the others, who are told.
 *
 * The pool has one page, which is the owner's and, since the fork, the child's.
 */
#include "check/scn/memory/huge_world.h"

#define FRAMES (4u * 512) /* the pool's pages, and small ones */
#define ELSEWHERE (w->addr + (1ull << 30))

static void setup_forked(struct world *w)
{
	pool_resize(w, 1);
	huge_map(w, 1, QMAP_PRIVATE);
	fill(w, INSIDE, 5);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void check_owner(struct world *w)
{
	expect(peek(w, w->mm, INSIDE) == 9, "the owner's store is lost");
	expect_pool(w, 0, 0);
}

/* What was there, or a signal: no other bytes. */
static void child_loads(struct world *w)
{
	uint64_t value = 5;
	enum access_result r = cpu_load(w, w->child, INSIDE, &value);

	expect(r == ACCESS_BUS || (r == ACCESS_OK && value == 5), "the child reads %llu",
	       (unsigned long long)value);
}

static void child_loads_twice(struct world *w)
{
	child_loads(w);
	child_loads(w);
}

SCENARIO(hugetlb_owner_load) = {
    .name = "hugetlb-owner-load",
    .title = "the owner's store to a huge page that the pool has no copy of against loads by its "
	     "child",
    .source = "kind/hugetlb_cow.c; linux-mm, May 2008",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"child", child_loads_twice}},
    .check = check_owner,
};

/* The child finds no page for a copy; or has the page for itself, the owner being done with it. */
static void child_stores(struct world *w)
{
	enum access_result r = cpu_store(w, w->child, INSIDE, 7);

	expect(r == ACCESS_BUS, "the child's store to a page of the pool that has one");
}

SCENARIO(hugetlb_owner_store) = {
    .name = "hugetlb-owner-store",
    .title = "the owner's store to a huge page that the pool has no copy of against its child's",
    .source = "kind/hugetlb_cow.c; linux-mm, May 2008",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"child", child_stores}},
    .check = check_owner,
};

static void child_ends(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
}

SCENARIO(hugetlb_owner_exit) = {
    .name = "hugetlb-owner-exit",
    .title = "the owner's store to a huge page against the end of the child that shares it",
    .source = "kind/hugetlb_cow.c, 4",
    .pairs = "fault × exit",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"exit", child_ends}},
    .check = check_owner,
};

static void child_unmaps(struct world *w)
{
	must(quire_munmap(w->child, w->addr, BIG), "munmap");
}

SCENARIO(hugetlb_owner_munmap) = {
    .name = "hugetlb-owner-munmap",
    .title = "the owner's store to a huge page against munmap by the child that shares it",
    .source = "kind/hugetlb_cow.c, 4",
    .pairs = "fault × map, unmap",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"munmap", child_unmaps}},
    .check = check_owner,
};

/* The child's mapping is looked for at its own address. */
static void child_moves(struct world *w)
{
	uint64_t to;

	must(quire_mremap(w->child, w->addr, BIG, BIG, QMREMAP_MAYMOVE | QMREMAP_FIXED, ELSEWHERE,
			  &to),
	     "mremap");
}

static void check_moved(struct world *w)
{
	uint64_t value = 0;

	check_owner(w);
	pool_resize(w, 2);
	expect(!quire_pte(w->child, ELSEWHERE) || peek(w, w->child, ELSEWHERE + 5 * PAGE) != 9,
	       "the child sees the owner's store");
	expect(quire_read(w->child, ELSEWHERE + 5 * PAGE, &value, sizeof(value)) < 0,
	       "the child reads %llu where its page was taken", (unsigned long long)value);
}

SCENARIO(hugetlb_owner_mremap) = {
    .name = "hugetlb-owner-mremap",
    .title = "the owner's store to a huge page against mremap by the child that shares it",
    .source = "kind/hugetlb_cow.c, 1; linux-mm, Aug 2021",
    .pairs = "fault × mremap",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"mremap", child_moves}},
    .check = check_moved,
    .nr_guards = 1,
    .guards = {RULE_taken_by_place_in_file},
};

/* The mark goes on to the child's child: it never finds zeros. */
#define YOUNGEST 0 /* note */

static void child_forks(struct world *w)
{
	struct quire_mm *third;

	must(quire_mm_fork(w->child, NULL, &third), "fork");
	note(w, YOUNGEST, (uintptr_t)third);
}

static void check_youngest(struct world *w)
{
	struct quire_mm *third = (struct quire_mm *)(uintptr_t)noted(w, YOUNGEST);
	uint64_t value = 0;

	check_owner(w);
	pool_resize(w, 2); /* there is a page of zeros for whoever may have one */
	expect(quire_read(third, INSIDE, &value, sizeof(value)) < 0, "the grandchild reads %llu",
	       (unsigned long long)value);
	quire_mm_put(third);
}

SCENARIO(hugetlb_owner_fork) = {
    .name = "hugetlb-owner-fork",
    .title = "the owner's store to a huge page against a fork of the child that shares it",
    .source = "kind/hugetlb_cow.c, 2; reserve.h",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"fork", child_forks}},
    .check = check_youngest,
    .nr_guards = 1,
    .guards = {RULE_mark_is_inherited},
};

static void child_protects(struct world *w)
{
	must(quire_mprotect(w->child, w->addr, BIG, PROT_R), "mprotect");
}

static void check_lost(struct world *w)
{
	uint64_t value = 0;

	check_owner(w);
	pool_resize(w, 2);
	expect(quire_read(w->child, INSIDE, &value, sizeof(value)) < 0, "the child reads %llu",
	       (unsigned long long)value);
}

SCENARIO(hugetlb_owner_mprotect) = {
    .name = "hugetlb-owner-mprotect",
    .title = "the owner's store to a huge page against mprotect by the child that shares it",
    .source = "kind/hugetlb_cow.c, 2",
    .pairs = "fault × protect, lock",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"mprotect", child_protects}},
    .check = check_lost,
};

static void owner_forks(struct world *w)
{
	struct quire_mm *third;

	must(quire_mm_fork(w->mm, NULL, &third), "fork");
	note(w, YOUNGEST, (uintptr_t)third);
}

/* Another thread of the owner's forks meanwhile: that child may have the old bytes or the new. */
static void check_brother(struct world *w)
{
	struct quire_mm *third = (struct quire_mm *)(uintptr_t)noted(w, YOUNGEST);
	uint64_t value = 9;

	expect(peek(w, w->mm, INSIDE) == 9, "the owner's store is lost");
	expect(quire_read(third, INSIDE, &value, sizeof(value)) < 0 || value == 9 || value == 5,
	       "the second child reads %llu", (unsigned long long)value);
	quire_mm_put(third);
}

SCENARIO(hugetlb_owner_forks) = {
    .name = "hugetlb-owner-forks",
    .title = "the owner's store to a huge page that a child shares against another fork of it",
    .source = "kind/hugetlb_cow.c, 3",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"fork", owner_forks}},
    .check = check_brother,
};

/* ---- the last page ------------------------------------------------------------------- */

static void setup_shared(struct world *w)
{
	pool_resize(w, 1);
	huge_map(w, 1, QMAP_SHARED);
}

static void store_first(struct world *w)
{
	store(w, w->mm, INSIDE, 9);
}

static void store_second(struct world *w)
{
	store(w, w->mm, INSIDE + PAGE, 8);
}

static void check_both(struct world *w)
{
	expect(peek(w, w->mm, INSIDE) == 9 && peek(w, w->mm, INSIDE + PAGE) == 8,
	       "a store is lost");
	expect_pool(w, 0, 0);
}

SCENARIO(hugetlb_last_page) = {
    .name = "hugetlb-last-page",
    .title = "two first stores to one huge page, the last of the pool",
    .source = "kind/hugetlb_fault.c, 3",
    .pairs = "fault × fault",
    .frames = FRAMES,
    .setup = setup_shared,
    .actors = {{"thread", store_first}, {"other", store_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_huge_faults_one_by_one},
};

static void setup_private(struct world *w)
{
	pool_resize(w, 1);
	huge_map(w, 1, QMAP_PRIVATE);
}

SCENARIO(hugetlb_last_private) = {
    .name = "hugetlb-last-private",
    .title = "two first stores to one huge page of a private mapping, the last of the pool",
    .source = "kind/hugetlb_fault.c, 3",
    .pairs = "fault × fault",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"thread", store_first}, {"other", store_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_huge_faults_one_by_one},
};

/* ---- what is taken away meanwhile ------------------------------------------------------ */

static void store_or_not(struct world *w)
{
	cpu_store(w, w->mm, INSIDE, 9);
}

static void check_released(struct world *w)
{
	expect_pool(w, 1, 0);
}

SCENARIO(hugetlb_munmap) = {
    .name = "hugetlb-munmap",
    .title = "the first store to a huge page against munmap of it",
    .source = "reserve.h; leaf.c, 2",
    .pairs = "fault × map, unmap",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"fault", store_or_not}, {"munmap", huge_unmap}},
    .check = check_released,
    .nr_guards = 2,
    .guards = {RULE_huge_claim_asks_dead, RULE_huge_claim_is_cut},
};

static void setup_file(struct world *w)
{
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = QUIRE_FILE_HUGETLB,
				       .bytes = BIG,
				       .writable = true,
				       .name = "huge"};

	pool_resize(w, 1);
	must(quire_file_create(w->m, &o, &w->file), "create");
	w->addr = 1ull << 32;
	must(quire_mmap(w->mm, w->addr, BIG, PROT_RW, QMAP_SHARED | QMAP_FIXED, w->file, 0,
			&w->addr),
	     "mmap");
}

static void truncate(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
}

SCENARIO(hugetlb_truncate) = {
    .name = "hugetlb-truncate",
    .title = "the first store to a huge page of a file against its truncation",
    .source = "kind/hugetlb_fault.c, 1; truncate.c, 1",
    .pairs = "fault × truncate",
    .frames = FRAMES,
    .setup = setup_file,
    .actors = {{"fault", store_or_not}, {"truncate", truncate}},
    .check = check_released,
    .nr_guards = 1,
    .guards = {RULE_seq_check},
};

/* ---- pages on their way back ------------------------------------------------------------ */

static void setup_touched(struct world *w)
{
	setup_private(w);
	fill(w, INSIDE, 5);
}

static void check_one(struct world *w)
{
	uint64_t in_use = quire_pte(w->mm, INSIDE) != 0;

	expect_pool(w, 1 - in_use, 1 - in_use);
}

SCENARIO(hugetlb_dontneed) = {
    .name = "hugetlb-dontneed",
    .title = "a store to the last huge page against MADV_DONTNEED of it by another thread of its "
	     "owner",
    .source = "kind/hugetlb_fault.c, 4",
    .pairs = "fault × DONTNEED, FREE",
    .frames = FRAMES,
    .setup = setup_touched,
    .actors = {{"fault", store_first}, {"DONTNEED", huge_drop}},
    .check = check_one,
    .nr_guards = 1,
    .guards = {RULE_huge_pages_awaited},
};

static void setup_filled(struct world *w)
{
	setup_file(w);
	fill(w, INSIDE, 5);
}

static void punch(struct world *w)
{
	must(quire_file_punch(w->file, 0, BIG), "punch");
}

/* What was stored before the hole was made is gone, and its page free. */
static void check_hole(struct world *w)
{
	uint64_t in_use = quire_file_resident(w->file) != 0;

	expect_pool(w, 1 - in_use, 0);
	expect(in_use || !quire_pte(w->mm, INSIDE), "a page of the hole is mapped");
}

SCENARIO(hugetlb_punch) = {
    .name = "hugetlb-punch",
    .title = "a store to the last huge page, of a file, against a hole that is made there",
    .source = "kind/hugetlb_fault.c, 4; Linux 4aae8d1c051e",
    .pairs = "fault × truncate",
    .frames = FRAMES,
    .setup = setup_filled,
    .actors = {{"fault", store_first}, {"punch", punch}},
    .check = check_hole,
    .nr_guards = 1,
    .guards = {RULE_huge_pages_awaited},
};
