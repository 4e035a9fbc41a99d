/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_cow.c: writes to huge pages that are mapped read-only: reuse, copy, or take.
 *
 *     this mm's alone ------------------------------------------> made writable
 *     shared --> claimed (asleep) -- granted -------------------> copied
 *                    |
 *                    +-- refused, not its owner ----------------> SIGBUS
 *                    +-- refused, its owner --> taken from all others --> tried once more
 *
 * Who mapped memory privately, with a reservation, was promised that his writes succeed.  After a
 * fork each page is his and the child's; a copy of it takes no reservation, since that was used for
 * the page itself.  So if there is none to be had outside the reservations, or a limit refuses it,
 * the owner takes the page from those who came by it through forks, and they are told when they
 * touch it next: SIGBUS, and never zeros where data was.
 *
 *   1  Taken from are all mappings of the file that map this very page, of mms that are no owners.
 *      The address in each of them comes from the page's place in the file: an mremap may have
 *      moved theirs, or the owner's.
 *   2  Their mapping is marked as lost before the entry goes, in the whole range that it has then.
 *   3  Somebody may have a reference on the page still, for a moment, or map it anew by another
 *      fork: so it is taken some times more.  Who has a reference may not run for a while: that is
 *      waited for much more often.  If there is a pin, or after so many times, the write is
 *      refused: it never tries for ever.
 *   4  All that under I: no mapping of the file comes or goes meanwhile, and no entry is moved.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/kind/hugetlb.h"
#include "core/table/entry.h"
#include "core/table/mapcount.h"
#include "core/table/pagetable.h"
#include "core/table/tlb.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* ---- taking ------------------------------------------------------------------ */

#define TAKE_TRIES 50u
#define AWAIT_TRIES 100000u /* a tenth of a second, if nobody else wants the processor */

struct taking {
	struct quire_machine *m;
	struct hstate *h;
	const struct huge_private *owner;
	struct folio *folio;
	uint64_t pgoff; /* its first in the file */
	uint64_t addr;  /* the owner's: for the checker */
	unsigned level;
	bool found;  /* it was mapped */
	bool failed; /* no memory for a mark */
};

/* I.  Invariant 2. */
static bool mark_lost(struct taking *t, const struct vma *vma)
{
	struct region_spare s = {0};
	uint64_t first = hugetlb_index(t->h, vma->pgoff);
	uint64_t last = first + hugetlb_index(t->h, vma_pages(vma));
	bool done = huge_private_lose(vma->private, first, last, &s);

	region_spare_free(t->m, &s);
	return done;
}

static bool maps_it(const struct taking *t, pte_t e)
{
	return entry_names_ram(e) && frame_folio(t->m, pte_frame(e)) == t->folio;
}

/* I.  Does the entry map it?  Without a lock: it cannot come to do so now. */
static bool may_map_it(const struct taking *t, struct quire_mm *mm, uint64_t addr)
{
	bool may;

	rcu_read_lock(&t->m->port);
	may = maps_it(t, pt_read(mm, addr));
	rcu_read_unlock(&t->m->port);
	return may;
}

/* True: it was there. */
static bool take_entry(struct taking *t, struct quire_mm *mm, uint64_t addr)
{
	bool taken = false;
	unsigned n = slot_pages(t->level);
	struct mmu_gather g;
	struct pt_ref ref;

	tlb_begin(&g, mm);
	rcu_read_lock(&t->m->port);
	if (pt_lock_upper(mm, addr, t->level, &ref)) {
		if (maps_it(t, atomic_load_relaxed(ref.entry))) {
			STEP("takes the huge page at %#lx away", addr);
			pt_set(&ref, ref.entry, 0);
			rmap_remove(mm, t->folio, n);
			tlb_range(&g, addr, addr + slot_span(t->level), n);
			tlb_folio(&g, t->folio, n);
			taken = true;
		}
		pt_unlock(&ref);
	}
	rcu_read_unlock(&t->m->port);
	tlb_finish(&g);
	return taken;
}

static bool is_taken_from(const struct taking *t, const struct vma *vma)
{
	const struct huge_private *p = vma->private;

	return hugetlb_is_private(vma) && p != t->owner && !p->owner;
}

static void take_from(struct taking *t, const struct vma *vma)
{
	uint64_t addr = RULE(taken_by_place_in_file)
			    ? vma->start + ((t->pgoff - vma->pgoff) << PAGE_SHIFT)
			    : t->addr;

	if (!is_taken_from(t, vma) || !may_map_it(t, vma->mm, addr))
		return;
	t->found = true;
	if (!mark_lost(t, vma))
		t->failed = true;
	else if (take_entry(t, vma->mm, addr))
		hugetlb_tell_taken(vma, addr, t->owner->mm);
}

static void take_from_all(struct taking *t, struct quire_file *file)
{
	struct mapping *mapping = &file->mapping;
	struct itree_node *node;

	mutex_lock(&t->m->port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each (&mapping->vmas, t->pgoff, t->pgoff, node)
		take_from(t, container_of(node, struct vma, node));
	mutex_unlock(&t->m->port, &mapping->i_lock, RANK_MAPPING);
}

/* With a reference on old, which goes. */
static enum quire_fault_result take_page(struct fault *f, struct folio *old)
{
	struct quire_machine *m = f->mm->machine;
	struct hstate *h = hugetlb_state(f->vma);
	struct taking t = {
	    .m = m,
	    .h = h,
	    .owner = f->vma->private,
	    .folio = old,
	    .pgoff = hugetlb_pgoff(h, hugetlb_fault_index(f)),
	    .level = hugetlb_level(f->vma),
	    .addr = fault_leaf_start(f, hugetlb_level(f->vma)),
	};

	if (!hugetlb_sleep(f)) {
		folio_put(m, old);
		return QUIRE_FAULT_OK;
	}
	take_from_all(&t, f->file);
	folio_put(m, old);
	if (t.found) {
		f->huge->taken++;
	} else { /* a reference is left of somebody who has it for a moment */
		f->huge->awaited++;
		m->port.yield(m->port.ctx);
	}
	if (t.failed) /* the next attempt says so, of the VMA that it finds */
		f->huge->refusal = HUGE_NO_MEMORY;
	return fault_wake(f);
}

/* ---- copying ------------------------------------------------------------------- */

static bool may_try_again(const struct fault_huge *h)
{
	return h->taken < TAKE_TRIES && h->awaited < AWAIT_TRIES;
}

/* With a reference on old, which goes. */
static enum quire_fault_result refused(struct fault *f, struct folio *old)
{
	const struct huge_private *p = f->vma->private;
	bool waits = hugetlb_may_wait(f);

	if (!waits && p->owner && folio_test(old, FOLIO_ANON) &&
	    f->huge->refusal != HUGE_NO_MEMORY && may_try_again(f->huge) && !folio_pins(old))
		return take_page(f, old);
	folio_put(f->mm->machine, old); /* who sleeps with it keeps its owner from it */
	return waits ? hugetlb_wait(f) : hugetlb_refuse(f);
}

/* The fault has a page for it. */
static enum quire_fault_result copy_page(struct fault *f, struct folio *old)
{
	struct quire_machine *m = f->mm->machine;
	unsigned level = hugetlb_level(f->vma);
	struct folio *fresh = f->huge->folio;
	enum quire_fault_result result;

	vma_touch(f->vma);
	STEP("copies the huge page");
	memcpy(folio_addr(m, fresh), folio_addr(m, old), slot_span(level));
	f->huge->zeroed = false;
	anon_place_large(f, fresh, level);
	folio_get(fresh); /* cow_replace() takes one over, also where it fails */
	result = cow_replace(f, old, fresh, QUIRE_KIND_COW_COPY);
	if (result == QUIRE_FAULT_OK && f->again == AGAIN_NO)
		hugetlb_placed(f);
	return result;
}

/* With a reference on old, which goes. */
static enum quire_fault_result copy(struct fault *f, struct folio *old)
{
	bool was_anon = folio_test(old, FOLIO_ANON);
	enum hugetlb_got got = hugetlb_got(f, was_anon);
	enum quire_fault_result result;

	if (got == HUGETLB_REFUSED)
		return refused(f, old);
	if (got == HUGETLB_NOTHING) {
		folio_put(f->mm->machine, old); /* as in refused() */
		return hugetlb_claim(f, was_anon);
	}
	result = copy_page(f, old);
	folio_put(f->mm->machine, old);
	return result;
}

enum quire_fault_result hugetlb_write_protected(struct fault *f)
{
	struct folio *old = entry_folio(f->mm->machine, f->entry);
	enum quire_fault_result result;
	unsigned reused = 1;
	enum cow_step step;
	int err;

	if (!hugetlb_is_private(f->vma))
		return fault_note_write(f, NULL);
	if (!hugetlb_alone(f, &result))
		return result;
	err = cow_decide(f, old, &step, &reused);
	if (err)
		return fault_lost(f, err);
	switch (step) {
	case COW_WAIT:
		return fault_await_folio(f, old);
	case COW_REUSED:
		return fault_done_run(f, QUIRE_KIND_COW_REUSE, reused);
	case COW_COPY:
		break;
	}
	return copy(f, old);
}

/* ---- fork ---------------------------------------------------------------------- */

/* The child could only be given a page at the cost of somebody: it has none there, and says so. */
int hugetlb_copy_pinned(struct vma *dst, uint64_t addr, struct folio *from, struct folio **copy)
{
	struct quire_machine *m = dst->mm->machine;
	struct hstate *h = hugetlb_state(dst);
	uint64_t index = hugetlb_index(h, vma_pgoff(dst, addr));
	struct huge_request rq = {.h = h,
				  .subpool = dst->file->huge->subpool,
				  .private = dst->private,
				  .index = index,
				  .copy = true,
				  .group = &dst->mm->huge_group};
	struct region_spare s = {0};
	bool zeroed, done;

	hugetlb_place(m, dst->policy, &rq);
	if (huge_claim_begin(m, &rq, copy, &zeroed) == HUGE_GRANTED) {
		memcpy(folio_addr(m, *copy), folio_addr(m, from), PAGE_SIZE << h->order);
		huge_claim_commit(m, *copy);
		return 0;
	}
	*copy = NULL;
	done = huge_private_lose(dst->private, index, index + 1, &s);
	region_spare_free(m, &s);
	if (done)
		hugetlb_tell(dst, QUIRE_HUGE_MISSED, addr, 1);
	return done ? 0 : -QENOMEM;
}
