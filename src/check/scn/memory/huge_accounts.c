/* SPDX-License-Identifier: MIT */
/*
 * huge_accounts.c: who was promised which huge page: faults beside those who take the range away,
 * and beside each other.
 *
 * A mapping here is its account, a mark that it is dead, and one entry under a lock, as a fault and
 * a munmap have them.  A file is its account and the page cache of w->file.
 */
#include "check/scn/memory/huge_world.h"
#include "core/base/kmem.h"
#include "core/huge/reserve.h"

#define FRAMES 1600u /* two huge pages, and room for the world */

struct toy {
	struct spinlock lock; /* of the entry */
	uint32_t dead;
	struct folio *page; /* the entry */
	struct huge_private *p;
	struct huge_file *f;
	struct quire_huge_subpool *subpool;
};

static struct toy *toy(struct world *w)
{
	return (struct toy *)noted(w, 0);
}

static void make_toy(struct world *w, uint64_t pages)
{
	struct toy *t = kmem_zalloc(w->m, sizeof(*t));

	expect(t, "no memory");
	spin_init(&t->lock);
	note(w, 0, (uint64_t)t);
	pool_resize(w, pages);
}

static enum huge_refusal claim(struct world *w, struct folio **out)
{
	struct toy *t = toy(w);
	struct huge_request rq = {
	    .h = pool(w),
	    .subpool = t->subpool,
	    .private = t->p,
	    .file = t->f,
	    .cuts = t->p ? huge_private_cuts(t->p) : 0,
	    .nodes = 1,
	};
	bool zeroed;

	return t->p && atomic_load(&t->dead) ? HUGE_AGAIN
					     : huge_claim_begin(w->m, &rq, out, &zeroed);
}

/* Nothing is promised to anybody, and each page is free. */
static void check_all_free(struct world *w)
{
	struct quire_hugetlb_info i = pool_info(w);

	expect(i.reserved == 0, "%llu pages are promised to nobody",
	       (unsigned long long)i.reserved);
	expect(i.free == i.total, "a page is lost");
}

static void end(struct world *w)
{
	struct toy *t = toy(w);

	if (t->p)
		huge_private_put(t->p);
	if (t->f)
		huge_file_end(t->f);
	quire_huge_subpool_put(t->subpool);
	kmem_free(w->m, t, sizeof(*t));
	check_all_free(w);
}

/* ---- a private mapping ---------------------------------------------------------------- */

static void setup_private(struct world *w)
{
	make_toy(w, 1);
	toy(w)->p = huge_private_new(w->m, pool(w), NULL);
	expect(toy(w)->p, "no memory");
	expect(huge_private_reserve(toy(w)->p, NULL, 0, 1, 1) == HUGE_GRANTED, "not reserved");
}

/* True: the entry has it. */
static bool install(struct world *w, struct folio *page)
{
	struct toy *t = toy(w);
	bool ok;

	spin_lock(&w->m->port, &t->lock, RANK_PTL);
	ok = !atomic_load(&t->dead) && !t->page;
	if (ok) {
		folio_get(page);
		t->page = page;
	}
	spin_unlock(&t->lock, RANK_PTL);
	return ok;
}

static enum huge_refusal fault(struct world *w)
{
	struct folio *page;
	enum huge_refusal why = claim(w, &page);

	if (why != HUGE_GRANTED)
		return why;
	if (install(w, page))
		huge_claim_commit(w->m, page);
	else
		huge_claim_abort(w->m, page);
	return why;
}

/* One that is refused looks at the entry again. */
static void fault_private(struct world *w)
{
	enum huge_refusal why = fault(w);

	expect(why == HUGE_GRANTED || why == HUGE_AGAIN || why == HUGE_NO_MEMORY ||
		   atomic_load(&toy(w)->page),
	       "a fault is refused what it was promised");
}

static void zap_for(struct world *w, struct huge_private *owner)
{
	struct toy *t = toy(w);
	struct folio *page;

	spin_lock(&w->m->port, &t->lock, RANK_PTL);
	page = t->page;
	if (page && owner)
		huge_private_dropped(owner, 0, page);
	t->page = NULL;
	spin_unlock(&t->lock, RANK_PTL);
	if (page)
		folio_put(w->m, page);
}

static void zap(struct world *w)
{
	zap_for(w, NULL);
}

static void unmap_private(struct world *w)
{
	atomic_store(&toy(w)->dead, 1);
	zap(w);
	huge_private_cut(toy(w)->p, 0, 1);
}

static void check_unmapped(struct world *w)
{
	check_all_free(w);
	end(w);
}

SCENARIO(huge_claim_munmap) = {
    .name = "huge-claim-munmap",
    .title = "a fault that uses its promise of a huge page against munmap of the range",
    .source = "claim.c, 3",
    .pairs = "fault × map, unmap",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"fault", fault_private}, {"munmap", unmap_private}},
    .check = check_unmapped,
    .nr_guards = 2,
    .guards = {RULE_huge_claim_asks_dead, RULE_huge_claim_is_cut},
};

static void check_two(struct world *w)
{
	expect(toy(w)->page, "nobody has the page that was promised");
	zap(w);
	end(w);
}

SCENARIO(huge_claim_two) = {
    .name = "huge-claim-two",
    .title = "two faults for one huge page, which is the last and promised",
    .source = "claim.c, 2",
    .pairs = "fault × fault",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"fault", fault_private}, {"fault", fault_private}},
    .check = check_two,
    .nr_guards = 1,
    .guards = {RULE_huge_claim_alone},
};

/* MADV_DONTNEED by the owner, and a fault that brings the page back. */
static void dontneed(struct world *w)
{
	zap_for(w, toy(w)->p);
}

static void setup_touched(struct world *w)
{
	setup_private(w);
	fault_private(w);
}

static void fault_any(struct world *w)
{
	fault(w);
}

static void check_mapped(struct world *w)
{
	zap(w);
	end(w);
}

SCENARIO(huge_claim_dontneed) = {
    .name = "huge-claim-dontneed",
    .title = "a fault against MADV_DONTNEED of the owner's huge page, which is promised again",
    .source = "reserve_private.c, 1",
    .pairs = "fault × DONTNEED, FREE",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_touched,
    .actors = {{"fault", fault_any}, {"DONTNEED", dontneed}},
    .check = check_mapped,
};

/* ---- a file --------------------------------------------------------------------------- */

static void make_huge_file(struct world *w, uint64_t pages)
{
	make_toy(w, pages);
	make_file(w, QUIRE_FILE_SHMEM, 512);
	toy(w)->f = huge_file_new(w->m, pool(w), toy(w)->subpool, &w->file->mapping);
	expect(toy(w)->f, "no memory");
}

/* A page enters the cache, if the file was not truncated since. */
static bool enter_cache(struct world *w, uint64_t seq, struct folio *page)
{
	struct mapping *mapping = &w->file->mapping;
	bool ok;

	spin_lock(&w->m->port, &mapping->index_lock, RANK_INDEX);
	ok = atomic_load(&mapping->seq) == seq && !index_load(&mapping->pages, 0) &&
	     index_store(&mapping->pages, 0, page) == 0;
	if (ok) {
		folio_get(page);
		STEP("puts the huge page into the cache");
	}
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	return ok;
}

static void leave_cache(struct world *w)
{
	struct mapping *mapping = &w->file->mapping;
	struct folio *page;

	spin_lock(&w->m->port, &mapping->index_lock, RANK_INDEX);
	page = index_erase(&mapping->pages, 0);
	if (page)
		STEP("takes the huge page out of the cache");
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	if (page)
		folio_put(w->m, page);
}

static void fault_file(struct world *w)
{
	uint64_t seq = atomic_load(&w->file->mapping.seq);
	struct folio *page;

	if (claim(w, &page) != HUGE_GRANTED)
		return;
	if (enter_cache(w, seq, page))
		huge_claim_commit(w->m, page);
	else
		huge_claim_abort(w->m, page);
}

static void truncate_file(struct world *w)
{
	atomic_add(&w->file->mapping.seq, 1);
	leave_cache(w);
	huge_file_truncate(toy(w)->f, 0);
}

static void map_shared(struct world *w)
{
	enum huge_refusal why = huge_file_reserve(toy(w)->f, NULL, 0, 1, 1);

	expect(why == HUGE_GRANTED || why == HUGE_NO_MEMORY, "a mapping is refused a free page");
	note(w, 1, why == HUGE_GRANTED);
}

static void punch(struct world *w)
{
	leave_cache(w);
}

static void setup_promised(struct world *w)
{
	make_huge_file(w, 1);
	expect(huge_file_reserve(toy(w)->f, NULL, 0, 1, 1) == HUGE_GRANTED, "not reserved");
}

static void check_truncated(struct world *w)
{
	leave_cache(w); /* of a fault that came later */
	check_all_free(w);
	end(w);
}

SCENARIO(huge_claim_truncate) = {
    .name = "huge-claim-truncate",
    .title = "a fault puts the last huge page into the cache, against truncation of the file",
    .source = "commit 4fd9d495b16c; claim.c, 3",
    .pairs = "fault × truncate",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_promised,
    .actors = {{"fault", fault_file}, {"truncate", truncate_file}},
    .check = check_truncated,
    .nr_guards = 1,
    .guards = {RULE_huge_claim_is_cut},
};

static void setup_unpromised(struct world *w)
{
	make_huge_file(w, 2);
}

/* What is mapped is there, or promised. */
static void check_promised(struct world *w)
{
	bool cached = index_load(&w->file->mapping.pages, 0) != NULL;
	uint64_t reserved = pool_info(w).reserved;

	expect(!noted(w, 1) || cached || reserved == 1, "what was mapped is promised no more");
	expect(!cached || reserved == 0, "a page that is there is promised, too");
	leave_cache(w);
	end(w);
}

SCENARIO(huge_claim_mmap) = {
    .name = "huge-claim-mmap",
    .title = "a fault without a promise against a shared mmap that reserves the same huge page",
    .source = "reserve_file.c, 2 and 3",
    .pairs = "fault × map, unmap",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_unpromised,
    .actors = {{"fault", fault_file}, {"mmap", map_shared}},
    .check = check_promised,
    .nr_guards = 2,
    .guards = {RULE_huge_promised_once, RULE_huge_reserve_looks_again},
};

SCENARIO(huge_claim_mmap_promised) = {
    .name = "huge-claim-mmap-promised",
    .title =
	"a fault that uses a promise against a shared mmap of the same huge page: one is enough",
    .source = "reserve_file.c, 1",
    .pairs = "fault × map, unmap",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_promised,
    .actors = {{"fault", fault_file}, {"mmap", map_shared}},
    .check = check_promised,
};

SCENARIO(huge_reserve_two) = {
    .name = "huge-reserve-two",
    .title = "two shared mmaps reserve one huge page, which is the last",
    .source = "reserve_file.c, 2",
    .pairs = "map, unmap × map, unmap",
    .frames = FRAMES,
    .setup = setup_unpromised,
    .actors = {{"mmap", map_shared}, {"mmap", map_shared}},
    .check = check_promised,
};

static void check_cut(struct world *w)
{
	leave_cache(w);
	end(w);
}

SCENARIO(huge_reserve_truncate) = {
    .name = "huge-reserve-truncate",
    .title = "a shared mmap reserves a huge page against truncation of the file",
    .source = "reserve_file.c, 2",
    .pairs = "map, unmap × truncate",
    .frames = FRAMES,
    .setup = setup_promised,
    .actors = {{"mmap", map_shared}, {"truncate", truncate_file}},
    .check = check_cut,
};

static void setup_cached(struct world *w)
{
	setup_unpromised(w);
	fault_file(w);
}

SCENARIO(huge_reserve_punch) = {
    .name = "huge-reserve-punch",
    .title = "a shared mmap of a huge page that is there, against a punch that takes it away",
    .source = "reserve_file.c, 1",
    .pairs = "map, unmap × truncate",
    .frames = FRAMES,
    .setup = setup_cached,
    .actors = {{"mmap", map_shared}, {"punch", punch}},
    .check = check_cut,
};

/* ---- a mount with pages of its own ------------------------------------------------------ */

static void setup_mount(struct world *w)
{
	make_toy(w, 2);
	must(quire_huge_subpool_create(w->m, QUIRE_HUGE_2M, QUIRE_HUGE_NO_LIMIT, 1,
				       &toy(w)->subpool),
	     "mount");
	make_file(w, QUIRE_FILE_SHMEM, 512);
	toy(w)->f = huge_file_new(w->m, pool(w), toy(w)->subpool, &w->file->mapping);
	expect(toy(w)->f, "no memory");
	fault_file(w);
}

SCENARIO(huge_mount) = {
    .name = "huge-mount",
    .title = "a page of a mount with min_size= comes back while another is asked for, and fails",
    .source = "subpool.c, 1 and 2; commit a833a693a490",
    .pairs = "map, unmap × truncate",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_mount,
    .actors = {{"mmap", map_shared}, {"punch", punch}},
    .check = check_cut,
};
