/* SPDX-License-Identifier: MIT */
/*
 * cow.c: writes to private pages that are mapped read-only: reuse or copy.
 *
 * Entries, FOLIO_EXCLUSIVE and the decision to reuse are guarded by the PTL.
 *
 *   1  An anonymous folio is written in place if it is FOLIO_EXCLUSIVE, or if its only reference is
 *      this entry's: no other entry has one, nor a gather that is still to flush, nor a fault that
 *      has decided to copy it.  A pin makes no difference: what is pinned and mapped is
 *      FOLIO_EXCLUSIVE (pin.c, 1).  Everything else (zero page, page cache, shared anonymous) is
 *      copied.
 *   2  While a copy takes the old page's place, threads of one mm may see either page through their
 *      cached translations.  So the copy is first mapped read-only, then the old translation is
 *      flushed, and only then does the copy become writable.  Thus no thread can read an old value
 *      after some thread has read or written a new one.
 *   3  Between the first and the last step the copy is locked (F). From the first step on it is
 *      FOLIO_EXCLUSIVE. A thread that finds it locked does not make it writable (mprotect:
 *      protect.c, 1), and waits for it instead of copying the copy.  Nobody but a walk over frames
 *      can have found the copy and locked it before: then the fault starts over.
 *   4  A fork that shares the copy between these steps takes FOLIO_EXCLUSIVE away.  The last step
 *      asks for it: then the copy stays read-only and the fault starts over.  Only the bit tells:
 *      entries that the child has removed again may still be cached by its executors.  A copy that
 *      somebody has pinned in between keeps the bit: fork does not share it (copy.c, 2).
 *   5  The entry's reference on the old page is put after the flush; a leaf's are as many as it has
 *      pages.
 *   6  Nothing is copied while a fork of the mm goes on (install.c, 3).
 *   7  Where nobody caches translations (a port without tlb_flush), populating copies several pages
 *      at once.  From the first look under the PTL to the second it has a reference on each old
 *      page: an entry that is the same then maps the same page still.
 *   8  A page that is to be pinned for reading (f->unshare) is made FOLIO_EXCLUSIVE in the same way
 *      and gets no write bit: it is kept if this entry's is the only reference, else copied, and
 *      the copy is locked until the old translation is flushed.  It is not kept while another
 *      thread has decided to copy it (1): else that copy would take the place of a pinned page.
 */
#include "core/fault/fault.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/kind/kind.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/table/tlb.h"

/* n: pages that the entry maps. */
static inline bool may_reuse(struct folio *folio, unsigned n)
{
	if (!folio_test(folio, FOLIO_ANON))
		return false;
	return folio_test(folio, FOLIO_EXCLUSIVE) ||
	       (RULE(cow_counts_references) ? atomic_load(&folio->refs) == n
					    : atomic_load(&folio->mapcount) == (int32_t)n);
}

/* Of f->entry. */
static inline unsigned pages_of_entry(const struct fault *f)
{
	return slot_pages(f->walk.level);
}

/* PTL held.  Returns what *entry, which maps the folio, has become. */
static pte_t make_writable(struct pt_ref *ref, pte_t *entry, struct folio *folio)
{
	pte_t val = atomic_load_relaxed(entry) | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;

	if (!folio_test(folio, FOLIO_EXCLUSIVE))
		folio_set(folio, FOLIO_EXCLUSIVE);
	if (folio_test(folio, FOLIO_LAZYFREE))
		folio_clear(folio, FOLIO_LAZYFREE);
	pt_set(ref, entry, val);
	return val;
}

/* Invariant 8: the page is this mm's from here on, and read-only still.  PTL held. */
static void make_exclusive(struct fault *f, struct folio *folio)
{
	folio_set(folio, FOLIO_EXCLUSIVE);
	f->out->pte = f->entry;
}

/* PTL held.  The anonymous folio that a read-only entry maps; NULL: it maps none. */
static struct folio *cow_folio(const struct quire_machine *m, pte_t e)
{
	return e & PTE_WRITE ? NULL : entry_anon_folio(m, e);
}

static bool being_copied(const struct folio *folio)
{
	return RULE(cow_waits_for_copy) && folio_test(folio, FOLIO_ANON) &&
	       folio_test(folio, FOLIO_LOCKED);
}

/*
 * PTL held, the first page of a run reused: so are those behind it that can be, up to the first
 * that cannot.  Returns how many these are, the first included.
 */
static unsigned reuse_run(const struct fault *f, struct pt_ref *ref)
{
	unsigned i = 1, run = f->walk.level ? 1 : fault_run(f, PT_ENTRIES);

	for (; i < run; i++) {
		struct folio *folio =
		    cow_folio(f->mm->machine, atomic_load_relaxed(pt_nth(ref->entry, i)));

		if (!folio || being_copied(folio) || !may_reuse(folio, 1))
			break;
		make_writable(ref, pt_nth(ref->entry, i), folio);
	}
	return i;
}

int cow_decide(struct fault *f, struct folio *old, enum cow_step *step, unsigned *reused)
{
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return err;
	if (unlikely(f->unshare) && !folio_test(old, FOLIO_ANON)) {
		pt_unlock(&ref);
		return -QEAGAIN; /* the guess was wrong: fault.c */
	}
	if (being_copied(old))
		*step = COW_WAIT;
	else if (may_reuse(old, pages_of_entry(f)))
		*step = COW_REUSED;
	else
		*step = COW_COPY;
	STEP("%s", *step == COW_REUSED ? f->unshare
					     ? "page is this mm's alone from here on"
					     : "page is this mm's alone: makes the entry writable"
		   : *step == COW_COPY ? "page is shared: will copy it"
				       : "page is a copy not flushed yet: will wait");
	if (*step == COW_COPY) {
		folio_get(old);
	} else if (*step == COW_REUSED && f->unshare) {
		make_exclusive(f, old);
	} else if (*step == COW_REUSED) {
		f->out->pte = make_writable(&ref, ref.entry, old);
		*reused = reuse_run(f, &ref);
	}
	pt_unlock(&ref);
	return 0;
}

/* The entry maps fresh, whose reference of the caller's it takes over; old's entry is gone. */
static int put_in_place(struct fault *f, struct folio *old, struct folio *fresh, uint64_t bits)
{
	pte_t val = pte_make(folio_pfn(f->mm->machine, fresh), bits | (f->entry & PTE_LEAF));
	unsigned n = pages_of_entry(f);
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return err;
	if (old)
		rmap_remove(f->mm, old, n);
	else if (entry_kind(f->mm->machine, f->entry) == ENTRY_EXTERNAL)
		mm_count(f->mm, rss_counter(NULL), -(int64_t)n);
	rmap_new(fresh, n);
	if (unlikely(n > 1))
		rmap_count_large(f->mm, fresh, n);
	else
		rmap_count_new(f->mm, n);
	STEP("maps the copy: entry of %#lx becomes %#lx", f->addr, val);
	pt_set(&ref, ref.entry, val);
	pt_unlock(&ref);
	f->entry = val;
	f->out->pte = val;
	return 0;
}

/* Apart, because a gather is too large for the stack of the hot path. */
static __attribute__((noinline)) void flush_replaced(struct fault *f, struct folio *old)
{
	uint64_t start = fault_leaf_start(f, f->walk.level);
	unsigned n = pages_of_entry(f);
	struct mmu_gather g;

	tlb_begin(&g, f->mm);
	if (RULE(cow_flush))
		tlb_range(&g, start, start + n * PAGE_SIZE, n);
	if (old)
		tlb_folio(&g, old, n);
	tlb_finish(&g);
}

/* The last step of (2).  -EAGAIN: forked, unmapped or protected meanwhile. */
static int open_for_writing(struct fault *f, struct folio *fresh)
{
	struct pt_ref ref;
	bool exclusive;

	if (fault_lock(f, &ref))
		return -QEAGAIN;
	exclusive = !RULE(copy_asks_again) || folio_test(fresh, FOLIO_EXCLUSIVE);
	STEP("%s", exclusive ? "makes the copy writable" : "copy was forked: stays read-only");
	if (exclusive)
		f->out->pte = make_writable(&ref, ref.entry, fresh);
	pt_unlock(&ref);
	return exclusive ? 0 : -QEAGAIN;
}

/* Of the entry of a copy. */
static uint64_t copy_bits(const struct fault *f)
{
	if (likely(!f->unshare))
		return fault_private_bits(f);
	return (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED | (f->entry & PTE_SOFT_DIRTY);
}

/* Invariant 2, in two steps. */
static int replace_in_steps(struct fault *f, struct folio *old, struct folio *fresh)
{
	struct quire_machine *m = f->mm->machine;
	int err;

	if (!folio_trylock(fresh) && RULE(copy_is_locked)) { /* by a walk over frames */
		folio_put(m, fresh);
		return -QEAGAIN;
	}
	folio_get(fresh);
	err = put_in_place(f, old, fresh,
			   copy_bits(f) & ~(RULE(cow_read_only_first) ? PTE_WRITE : 0));
	if (err) {
		folio_put(m, fresh);
	} else {
		flush_replaced(f, old);
		err = f->unshare ? 0 : open_for_writing(f, fresh);
	}
	folio_unlock(m, fresh);
	folio_put(m, fresh);
	return err;
}

/* Nobody caches translations: the copy may be writable from the start. */
static int replace_at_once(struct fault *f, struct folio *old, struct folio *fresh)
{
	int err = put_in_place(f, old, fresh, copy_bits(f));

	if (err)
		folio_put(f->mm->machine, fresh);
	else if (old)
		folio_put_refs(f->mm->machine, old, pages_of_entry(f));
	return err;
}

enum quire_fault_result cow_replace(struct fault *f, struct folio *old, struct folio *fresh,
				    enum quire_fault_kind kind)
{
	int err = f->mm->machine->port.tlb_flush ? replace_in_steps(f, old, fresh)
						 : replace_at_once(f, old, fresh);

	return err ? fault_lost(f, err) : fault_done(f, kind);
}

/* Takes over the reference on old. */
static enum quire_fault_result cow_copy(struct fault *f, struct folio *old)
{
	struct quire_machine *m = f->mm->machine;
	struct folio *fresh = anon_folio(f, 0);
	enum quire_fault_result result;
	bool was_anon = folio_test(old, FOLIO_ANON);

	Q_ASSERT(m, !f->walk.level); /* a kind with leaves copies them itself: cow_decide() */
	if (!fresh) {
		result = fault_lost(f, -ENOPAGE);
	} else {
		STEP("copies the page");
		memcpy(folio_addr(m, fresh), pfn_addr(m, pte_frame(f->entry)), PAGE_SIZE);
		result = cow_replace(f, old, fresh, QUIRE_KIND_COW_COPY);
		if (was_anon && result == QUIRE_FAULT_OK && f->again == AGAIN_NO)
			mm_count(f->mm, MM_COW_AFTER_FORK, 1);
	}
	folio_put(m, old);
	return result;
}

/* ---- a run of copies --------------------------------------------------------- */

#define COPY_RUN 16u

/* Pages that populating copies at once, from f->addr on. */
struct copy_run {
	unsigned n;
	struct folio *old[COPY_RUN]; /* each with a reference of ours */
	pte_t was[COPY_RUN];         /* the entries that map them */
	struct folio *fresh[COPY_RUN];
};

/* The anonymous pages from f->addr on that are to be copied.  -EAGAIN also: the first is not. */
static int gather_run(struct fault *f, struct copy_run *c)
{
	unsigned run = fault_run(f, COPY_RUN);
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return err;
	for (c->n = 0; c->n < run; c->n++) {
		pte_t e = atomic_load_relaxed(pt_nth(ref.entry, c->n));
		struct folio *folio = cow_folio(f->mm->machine, e);

		if (!folio || being_copied(folio) || may_reuse(folio, 1))
			break;
		folio_get(folio);
		c->old[c->n] = folio;
		c->was[c->n] = e;
	}
	pt_unlock(&ref);
	return c->n ? 0 : -QEAGAIN;
}

/* PTL held.  Returns of how many the copy has taken the old page's place. */
static unsigned replace_run(struct fault *f, struct pt_ref *ref, const struct copy_run *c,
			    unsigned n)
{
	const struct quire_machine *m = f->mm->machine;
	uint64_t bits = fault_private_bits(f);
	struct rmap_batch gone = {0};
	unsigned i = 0;

	do {
		rmap_batch_remove(&gone, c->old[i], 1, folio_pages(c->old[i]), MM_ANON);
		rmap_new(c->fresh[i], 1);
		pt_set(ref, pt_nth(ref->entry, i), pte_make(folio_pfn(m, c->fresh[i]), bits));
	} while (++i < n &&
		 (!RULE(run_asks_each) || atomic_load_relaxed(pt_nth(ref->entry, i)) == c->was[i]));
	STEP("maps %u copies from %#lx on", i, f->addr);
	rmap_batch_commit(&gone, f->mm);
	rmap_count_new(f->mm, i);
	f->out->pte = atomic_load_relaxed(ref->entry);
	return i;
}

/* Makes the copies and puts them in place: *done of them. */
static int copy_and_replace(struct fault *f, struct copy_run *c, unsigned *done)
{
	struct quire_machine *m = f->mm->machine;
	unsigned got = anon_folios(f, c->fresh, c->n, 0);
	struct pt_ref ref;
	int err = got ? 0 : -ENOPAGE;

	for (unsigned i = 0; i < got; i++)
		memcpy(folio_addr(m, c->fresh[i]), pfn_addr(m, pte_frame(c->was[i])), PAGE_SIZE);
	if (!err)
		err = fault_lock(f, &ref);
	*done = 0;
	if (!err) {
		*done = replace_run(f, &ref, c, got);
		pt_unlock(&ref);
	}
	while (got > *done)
		folio_put(m, c->fresh[--got]);
	return err;
}

/* The references on the old pages are ours, and where a copy is in place the entry's, too. */
static __attribute__((noinline)) enum quire_fault_result cow_copy_run(struct fault *f)
{
	struct copy_run c;
	unsigned done;
	int err = gather_run(f, &c);

	if (err)
		return fault_lost(f, err);
	err = copy_and_replace(f, &c, &done);
	for (unsigned i = 0; i < c.n; i++)
		folio_put_refs(f->mm->machine, c.old[i], i < done ? 2 : 1);
	if (err)
		return fault_lost(f, err);
	mm_count(f->mm, MM_COW_AFTER_FORK, done);
	return fault_done_run(f, QUIRE_KIND_COW_COPY, done);
}

/* ---- the ways of a write ------------------------------------------------------ */

/* Invariant 2 asks for nothing where nobody caches translations. */
static bool copies_runs(const struct fault *f, const struct folio *old)
{
	return !fault_is_single(f) && !f->mm->machine->port.tlb_flush &&
	       folio_test(old, FOLIO_ANON);
}

/* A page that was only read so far: nothing to copy. */
static enum quire_fault_result cow_zero(struct fault *f)
{
	struct folio *fresh = anon_folio(f, ALLOC_ZERO);

	return fresh ? cow_replace(f, NULL, fresh, QUIRE_KIND_ANON) : fault_lost(f, -ENOPAGE);
}

enum quire_fault_result cow_write_protected(struct fault *f)
{
	struct quire_machine *m = f->mm->machine;
	struct folio *old = entry_folio(m, f->entry);
	enum cow_step step;
	unsigned reused = 1;
	int err;

	if (entry_kind(m, f->entry) == ENTRY_ZERO)
		return cow_zero(f);
	err = cow_decide(f, old, &step, &reused);
	if (err)
		return fault_lost(f, err);
	if (step == COW_WAIT)
		return fault_await_folio(f, old); /* invariant 3 */
	if (step == COW_REUSED)
		return fault_done_run(f, QUIRE_KIND_COW_REUSE, reused);
	if (likely(!copies_runs(f, old)))
		return cow_copy(f, old);
	folio_put(m, old);
	return cow_copy_run(f);
}
