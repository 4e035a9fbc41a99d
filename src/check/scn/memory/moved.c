/* SPDX-License-Identifier: MIT */
/*
 * moved.c: whoever moves a private page to another frame, against accesses to it and changes of
 * its mapping.
 *
 * Nothing in the core moves pages yet: move_page() does here what entry.h, 4 asks of it.  It knows
 * the one place where the page is mapped.
 */
#include "check/world/scenario.h"
#include "core/frame/folio.h"
#include "core/table/pagetable.h"
#include "core/table/rmap.h"
#include "core/table/tlb.h"

#define FAILED 1 /* note: a move has found references that it does not know of */

struct move {
	struct folio *from, *to;
	pte_t was; /* the entry that maps it */
};

static pte_t on_its_way(const struct world *w, const struct move *mv)
{
	return entry_make(mv->was & PTE_WRITE ? ENTRY_MIGRATE_WRITE : ENTRY_MIGRATE_EXCLUSIVE,
			  folio_pfn(w->m, mv->from));
}

/* PTL held.  The page loses its entry, but the mm's rss has it. */
static void take_out(struct world *w, struct move *mv, struct pt_ref *ref)
{
	STEP("puts a migration entry in the place of the page at %#lx", w->addr);
	mv->was = atomic_load_relaxed(ref->entry);
	pt_set(ref, ref->entry, on_its_way(w, mv));
	rmap_remove(w->mm, mv->from, 1);
	mm_count(w->mm, MM_ANON, 1);
}

/* PTL held.  With the fewest rights: an access adds its VMA's.  The page's reference is its. */
static void put_back(struct world *w, const struct move *mv, struct folio *folio,
		     struct pt_ref *ref)
{
	uint64_t bits = mv->was & (PTE_ACCESSED | PTE_DIRTY | PTE_SOFT_DIRTY);

	STEP("maps frame %u at %#lx", folio_pfn(w->m, folio), w->addr);
	pt_set(ref, ref->entry, pte_make(folio_pfn(w->m, folio), bits | PTE_PRESENT | PTE_NX));
	rmap_new(folio, 1);
	rmap_count_new(w->mm, 1);
	mm_count(w->mm, MM_ANON, -1);
}

static bool maps(pte_t e, const struct world *w, const struct folio *folio)
{
	return pte_present(e) && pte_frame(e) == folio_pfn(w->m, folio);
}

/* Who may not write any more may have changed its sort. */
static bool is_on_its_way(pte_t e, const struct world *w, const struct folio *folio)
{
	return !pte_present(e) && entry_kind_absent(e) == ENTRY_MIGRATION &&
	       migration_folio(w->m, e) == folio;
}

/* Locks the table of the page if its entry is of the folio, and as asked for. */
static bool lock_entry(struct world *w, const struct folio *folio,
		       bool (*as_asked)(pte_t, const struct world *, const struct folio *),
		       struct pt_ref *ref)
{
	if (!pt_lock(w->mm, w->addr, ref))
		return false;
	if (as_asked(atomic_load_relaxed(ref->entry), w, folio))
		return true;
	pt_unlock(ref);
	return false;
}

/* A page that is pinned stays where it is. */
static bool unmap_page(struct world *w, struct move *mv)
{
	struct pt_ref ref;
	struct mmu_gather g;
	bool out = false;

	rcu_read_lock(&w->m->port);
	if (lock_entry(w, mv->from, maps, &ref)) {
		out = !folio_pins(mv->from);
		if (out)
			take_out(w, mv, &ref);
		pt_unlock(&ref);
	}
	rcu_read_unlock(&w->m->port);
	if (!out)
		return false;
	tlb_begin(&g, w->mm);
	tlb_page(&g, w->addr);
	tlb_folio(&g, mv->from, 1);
	tlb_finish(&g);
	return true;
}

/* Takes over a reference on the folio. */
static void map_page(struct world *w, const struct move *mv, struct folio *folio)
{
	struct pt_ref ref;
	bool back;

	rcu_read_lock(&w->m->port);
	back = lock_entry(w, mv->from, is_on_its_way, &ref);
	if (back) {
		put_back(w, mv, folio, &ref);
		pt_unlock(&ref);
	}
	rcu_read_unlock(&w->m->port);
	if (!back)
		folio_put(w->m, folio);
}

static void copy_page(struct world *w, const struct move *mv)
{
	STEP("copies the page to frame %u", folio_pfn(w->m, mv->to));
	memcpy(folio_addr(w->m, mv->to), folio_addr(w->m, mv->from), PAGE);
	mv->to->root = mv->from->root;
	mv->to->index = mv->from->index;
	atomic_store_relaxed(&mv->to->flags, atomic_load(&mv->from->flags) &
						 ~(uint32_t)(FOLIO_LOCKED | FOLIO_WAITERS));
}

/* Has F and a reference on mv->from, which it lets go. */
static void move_locked(struct world *w, struct move *mv)
{
	bool frozen;

	if (!unmap_page(w, mv)) {
		folio_unlock(w->m, mv->from);
		folio_put(w->m, mv->from);
		folio_put(w->m, mv->to);
		return;
	}
	frozen = folio_freeze(mv->from, 1);
	if (frozen) {
		copy_page(w, mv);
		map_page(w, mv, mv->to);
	} else {
		note(w, FAILED, 1);
		folio_get(mv->from);
		map_page(w, mv, mv->from);
		folio_put(w->m, mv->to);
	}
	folio_unlock(w->m, mv->from);
	if (frozen)
		frames_free(w->m, mv->from);
	else
		folio_put(w->m, mv->from);
}

static void move_page(struct world *w)
{
	struct move mv = {.from = pfn_folio(w->m, noted(w, 0))};

	if (!folio_try_get(mv.from))
		return;
	if (!folio_test(mv.from, FOLIO_ANON)) {
		folio_put(w->m, mv.from);
		return;
	}
	folio_lock(w->m, mv.from);
	mv.to = folio_alloc(w->m, 0, 0);
	expect(mv.to != NULL, "there is no frame");
	move_locked(w, &mv);
}

/* One that is asked for, and there is nothing that could keep it. */
static void move_for_sure(struct world *w)
{
	move_page(w);
	expect(!noted(w, FAILED), "a page is not moved, because a thread waits for it");
}

/* Written, and writable through the translation that CPU 0 has cached. */
static void setup(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	note(w, 0, (quire_pte(w->mm, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
	cpu_cache(w, 0, w->mm, w->addr);
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void store_nine(struct world *w)
{
	store(w, w->mm, w->addr, 9);
	expect(load(w, w->mm, w->addr) == 9, "the thread's store is lost");
}

static void check_nine(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "a store is lost");
}

SCENARIO(moved_store) = {
    .name = "moved-store",
    .title = "a store to a page against whoever moves it to another frame",
    .source = "entry.h, 4; absent.c, 1",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"thread", store_nine}, {"mover", move_for_sure}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_waits_without_reference},
};

/* What is pinned and mapped is the mm's: the pin shows what is stored after it. */
static void pin_and_store(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, w->addr, QUIRE_READ, &pin), "pin");
	store(w, w->mm, w->addr, 9);
	expect(atomic_load((const uint64_t *)pin.mem) == 9,
	       "the pin does not show the store that came after it");
	quire_unpin(w->m, &pin);
}

SCENARIO(moved_pin) = {
    .name = "moved-pin",
    .title = "a pin, and a store after it, against whoever moves the page to another frame",
    .source = "entry.h, 4; pin.c, 1",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"pin", pin_and_store}, {"mover", move_page}},
    .check = check_nine,
};

/* ---- changes of its mapping ------------------------------------------------------------------ */

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(moved_munmap) = {
    .name = "moved-munmap",
    .title = "munmap of a page against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup,
    .actors = {{"munmap", unmap}, {"mover", move_page}},
};

static void drop_and_store(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "madvise");
	expect(load(w, w->mm, w->addr) == 0, "what was dropped has come back");
	store(w, w->mm, w->addr, 9);
}

SCENARIO(moved_dontneed) = {
    .name = "moved-dontneed",
    .title = "MADV_DONTNEED of a page, and a store, against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .setup = setup,
    .actors = {{"madvise", drop_and_store}, {"mover", move_page}},
    .check = check_nine,
    .nr_guards = 2,
    .guards = {RULE_flush_migration, RULE_copy_is_locked},
};

static void protect(struct world *w)
{
	uint64_t value;

	must(quire_mprotect(w->mm, w->addr, PAGE, PROT_R), "mprotect");
	expect(cpu_store(w, w->mm, w->addr, 7) == ACCESS_SEGV, "a store to what is read-only");
	expect(cpu_load(w, w->mm, w->addr, &value) == ACCESS_OK && value == 5, "reads %llu",
	       (unsigned long long)value);
}

SCENARIO(moved_mprotect) = {
    .name = "moved-mprotect",
    .title = "mprotect of a page to read-only against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × protect, lock",
    .setup = setup,
    .actors = {{"mprotect", protect}, {"mover", move_page}},
    .nr_guards = 1,
    .guards = {RULE_flush_migration},
};
