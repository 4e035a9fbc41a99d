/* SPDX-License-Identifier: MIT */
/*
 * cow.c: writes to private pages that are mapped read-only: reuse or copy.
 *
 * Entries, FOLIO_EXCLUSIVE and the decision to reuse are guarded by the PTL.
 *
 *   1  An anonymous folio is written in place if it is FOLIO_EXCLUSIVE, or if its only reference is
 *      this entry's: no other entry has one, nor a pin, nor a gather that is still to flush.
 *      Everything else (zero page, page cache, shared anonymous) is copied.
 *   2  While a copy takes the old page's place, threads of one mm may see either page through their
 *      cached translations.  So the copy is first mapped read-only, then the old translation is
 *      flushed, and only then does the copy become writable.  Thus no thread can read an old value
 *      after some thread has read or written a new one.
 *   3  Between the first and the last step the copy is locked (F). From the first step on it is
 *      FOLIO_EXCLUSIVE. A thread that finds it locked does not make it writable (mprotect:
 *      protect.c, 1), and waits for it instead of copying the copy.
 *   4  A fork that took the bit away between these steps would be seen: the copy would stay
 *      read-only and the fault would start over.  Only the bit tells: entries that the child has
 *      removed again may still be cached by its executors.  In fact no fork takes it: until its end
 *      the fault has a reference of its own on the copy.  This looks like a pin, and what is pinned
 *      is copied at once (copy.c, 2).
 *   5  The entry's reference on the old page is put after the flush.
 *   6  Nothing is copied while a fork of the mm goes on (install.c, 3).
 */
#include "core/fault.h"
#include "core/range.h"
#include "core/tlb.h"

enum cow_step { COW_REUSED, COW_COPY, COW_WAIT };

static bool may_reuse(struct folio *folio)
{
	if (!folio_test(folio, FOLIO_ANON))
		return false;
	return folio_test(folio, FOLIO_EXCLUSIVE) ||
	       (RULE(cow_counts_references) ? at_load(&folio->refs) == 1
					    : at_load(&folio->mapcount) == 1);
}

/* PTL held. */
static void make_writable(struct fault *f, struct pt_ref *ref, struct folio *folio)
{
	pte_t val = f->entry | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;

	if (!folio_test(folio, FOLIO_EXCLUSIVE))
		folio_set(folio, FOLIO_EXCLUSIVE);
	if (folio_test(folio, FOLIO_LAZYFREE))
		folio_clear(folio, FOLIO_LAZYFREE);
	pt_set(ref, ref->entry, val);
	f->out->pte = val;
}

/* What to do about `old`, the folio of f->entry.  COW_COPY and COW_WAIT: with a reference. */
static int cow_decide(struct fault *f, struct folio *old, enum cow_step *step)
{
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return err;
	if (RULE(cow_waits_for_copy) && folio_test(old, FOLIO_ANON) &&
	    folio_test(old, FOLIO_LOCKED))
		*step = COW_WAIT;
	else if (may_reuse(old))
		*step = COW_REUSED;
	else
		*step = COW_COPY;
	STEP("%s", *step == COW_REUSED ? "page is this mm's alone: makes the entry writable"
		   : *step == COW_COPY ? "page is shared: will copy it"
				       : "page is a copy not flushed yet: will wait");
	if (*step == COW_REUSED)
		make_writable(f, &ref, old);
	else
		folio_get(old);
	pt_unlock(&ref);
	return 0;
}

/* Invariant 3.  Takes over the reference. */
static enum quire_fault_result cow_wait(struct fault *f, struct folio *folio)
{
	struct quire_machine *m = f->mm->machine;

	if (!fault_sleep(f)) {
		folio_put(m, folio);
		return QUIRE_FAULT_OK;
	}
	folio_lock(m, folio);
	folio_unlock(m, folio);
	folio_put(m, folio);
	return fault_wake(f);
}

/* `val` maps fresh, whose reference of the caller's is the entry's now; old's entry is gone. */
static int put_in_place(struct fault *f, struct folio *old, struct folio *fresh, pte_t val)
{
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return err;
	if (old)
		rmap_remove(f->mm, old);
	else if (f->entry & PTE_EXTERNAL)
		mm_count(f->mm, rss_counter(NULL), -1);
	rmap_add(f->mm, fresh);
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
	struct tlb_gather g;

	tlb_begin(&g, f->mm);
	if (RULE(cow_flush))
		tlb_page(&g, f->addr);
	if (old)
		tlb_folio(&g, old);
	tlb_finish(&g);
}

/* The last step of (2).  -EAGAIN: forked, unmapped or protected meanwhile. */
static int open_for_writing(struct fault *f, struct folio *fresh)
{
	struct pt_ref ref;
	bool exclusive;

	if (fault_lock(f, &ref))
		return -QEAGAIN;
	exclusive = folio_test(fresh, FOLIO_EXCLUSIVE);
	STEP("%s", exclusive ? "makes the copy writable" : "copy was forked: stays read-only");
	if (exclusive)
		make_writable(f, &ref, fresh);
	pt_unlock(&ref);
	return exclusive ? 0 : -QEAGAIN;
}

/* Invariant 2, in two steps. */
static int replace_in_steps(struct fault *f, struct folio *old, struct folio *fresh)
{
	struct quire_machine *m = f->mm->machine;
	int err;

	folio_trylock(fresh); /* nobody else knows it */
	folio_get(fresh);
	err = put_in_place(f, old, fresh,
			   anon_pte(f, fresh) & ~(RULE(cow_read_only_first) ? PTE_WRITE : 0));
	if (err) {
		folio_put(m, fresh);
	} else {
		flush_replaced(f, old);
		err = open_for_writing(f, fresh);
	}
	folio_unlock(m, fresh);
	folio_put(m, fresh);
	return err;
}

/* Nobody caches translations: the copy may be writable from the start. */
static int replace_at_once(struct fault *f, struct folio *old, struct folio *fresh)
{
	int err = put_in_place(f, old, fresh, anon_pte(f, fresh));

	if (err)
		folio_put(f->mm->machine, fresh);
	else if (old)
		folio_put(f->mm->machine, old);
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

	if (!fresh) {
		result = fault_lost(f, -ENOPAGE);
	} else {
		STEP("copies the page");
		memcpy(folio_addr(m, fresh), folio_addr(m, old), PAGE_SIZE);
		result = cow_replace(f, old, fresh, QUIRE_KIND_COW_COPY);
		if (was_anon && result == QUIRE_FAULT_OK && !f->retry)
			mm_count(f->mm, MM_COW_AFTER_FORK, 1);
	}
	folio_put(m, old);
	return result;
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
	struct folio *old = pfn_folio(m, pte_frame(f->entry));
	enum cow_step step;
	int err;

	if (pte_frame(f->entry) == m->zero_pfn)
		return cow_zero(f);
	err = cow_decide(f, old, &step);
	if (err)
		return fault_lost(f, err);
	if (step == COW_WAIT)
		return cow_wait(f, old);
	return step == COW_COPY ? cow_copy(f, old) : fault_done(f, QUIRE_KIND_COW_REUSE);
}
