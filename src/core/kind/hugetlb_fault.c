/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_fault.c: accesses to huge pages that are not mapped.
 *
 *                    lost ------------------------------------------> SIGBUS
 *     in the cache --+-- shared, or read --> mapped
 *                    +-- private write ----> copied at once
 *     beyond the end -----------------------------------------------> SIGBUS
 *     nowhere --> claimed (asleep) --> shared: into the cache; private: of this mm alone
 *                    |
 *                    +-- refused ------------------------------------> SIGBUS
 *
 * Owns struct fault_huge of the fault.  Entries are written under U (fault/leaf.c).
 *
 *   1  A page is claimed outside RCU, and kept over the next attempt: that may find another VMA, or
 *      the page in the cache by then.  Then the claim is aborted, and what it took goes back.
 *   2  A refusal counts for the attempt after it, and only if that finds nothing in place of the
 *      page: another thread may have had the last one, for this very page.
 *   3  Faults on one page of a file, in whatever mm, go one after the other (G).  So nobody is
 *      refused the last page while another thread has it for this very page.  And nobody who is to
 *      copy a page keeps its owner from having it for himself (hugetlb_cow.c).
 *   4  Pages that others have dropped or cut off (MADV_DONTNEED, a hole, truncation) may not be
 *      free yet, nor promised again.  So who is refused waits for those who have begun, as long as
 *      it finds that there are more of them.
 */
#include "core/kind/hugetlb.h"
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/frame/place.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* ---- a page for the fault ----------------------------------------------------- */

static struct huge_request request_of(const struct fault *f, bool copy)
{
	struct huge_file *file = f->vma->file->huge;
	bool private = hugetlb_is_private(f->vma);

	return (struct huge_request){
	    .h = file->h,
	    .subpool = file->subpool,
	    .private = private ? f->vma->private : NULL,
	    .file = private ? NULL : file,
	    .index = hugetlb_fault_index(f),
	    .copy = copy,
	    .group = &f->mm->huge_group,
	};
}

static bool is_wanted(const struct fault_huge *got, const struct huge_request *rq)
{
	return got->private == rq->private && got->file == rq->file && got->index == rq->index &&
	       got->copy == rq->copy;
}

static void remember(struct fault_huge *got, const struct huge_request *rq)
{
	got->private = rq->private;
	got->file = rq->file;
	got->index = rq->index;
	got->copy = rq->copy;
}

struct mutex *hugetlb_lock_of(const struct quire_file *file, uint64_t index)
{
	uint64_t page = (uint64_t)(uintptr_t)file->huge / sizeof(*file->huge) + index;

	return &file->machine->huge.faults[page * 0x9e3779b97f4a7c15ull >> 58];
}
_Static_assert(HUGE_FAULT_LOCKS == 1u << (64 - 58), "as many as the hash has values");

static struct mutex *lock_of(const struct fault *f)
{
	return hugetlb_lock_of(f->vma->file, hugetlb_fault_index(f));
}

static void begin_huge(struct fault *f)
{
	if (!f->has_huge)
		*f->huge = (struct fault_huge){0};
	f->has_huge = true;
}

bool hugetlb_sleep(struct fault *f)
{
	struct mutex *lock = lock_of(f);

	begin_huge(f);
	if (!fault_sleep(f))
		return false;
	if (!RULE(huge_faults_one_by_one))
		return true;
	f->huge->lock = lock;
	mutex_lock(&f->mm->machine->port, lock, RANK_HUGE_FAULT);
	return true;
}

bool hugetlb_alone(struct fault *f, enum quire_fault_result *result)
{
	if (!RULE(huge_faults_one_by_one) || (f->has_huge && f->huge->lock == lock_of(f)))
		return true;
	*result = hugetlb_sleep(f) ? fault_wake(f) : QUIRE_FAULT_OK;
	return false;
}

/* Asleep.  The private mapping is kept by a reference; the file by f->file. */
static void claim_page(struct fault *f, const struct huge_request *rq)
{
	struct fault_huge *got = f->huge;
	bool zeroed = false;

	remember(got, rq);
	got->refusal = huge_claim_begin(f->mm->machine, rq, &got->folio, &zeroed);
	got->zeroed = zeroed;
	if (got->refusal != HUGE_GRANTED)
		got->folio = NULL;
	if (got->refusal == HUGE_AGAIN) /* it has been unmapped */
		got->refusal = HUGE_GRANTED;
}

enum hugetlb_got hugetlb_got(struct fault *f, bool copy)
{
	struct huge_request rq = request_of(f, copy);

	begin_huge(f);
	if (!is_wanted(f->huge, &rq))
		return HUGETLB_NOTHING;
	if (f->huge->folio)
		return HUGETLB_PAGE;
	return f->huge->refusal == HUGE_GRANTED ? HUGETLB_NOTHING : HUGETLB_REFUSED;
}

/* Invariant 1. */
enum quire_fault_result hugetlb_claim(struct fault *f, bool copy)
{
	struct huge_request rq = request_of(f, copy);

	hugetlb_place(f->mm->machine, f->vma->policy, &rq);
	if (rq.private) {
		rq.cuts = huge_private_cuts(rq.private);
		if (vma_is_dead(f->vma) || !huge_private_tryget(rq.private))
			return fault_lost(f, -QEAGAIN);
	}
	if (hugetlb_sleep(f)) {
		claim_page(f, &rq);
		fault_wake(f);
	}
	if (rq.private)
		huge_private_put(rq.private);
	return QUIRE_FAULT_OK;
}

void hugetlb_placed(struct fault *f)
{
	hugetlb_tell(f->vma, f->huge->copy ? QUIRE_HUGE_COPIED : QUIRE_HUGE_TOUCHED,
		     fault_leaf_start(f, hugetlb_level(f->vma)), 1);
	huge_claim_commit(f->mm->machine, f->huge->folio);
	f->huge->folio = NULL;
}

/* ---- why not ------------------------------------------------------------------ */

bool hugetlb_may_wait(const struct fault *f)
{
	return !f->huge->waited && f->huge->refusal != HUGE_NO_MEMORY && f->mm->machine->port.oom;
}

enum quire_fault_result hugetlb_wait(struct fault *f)
{
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	if (mm_await_huge(f->mm, &f->huge->waited))
		f->huge->refusal = HUGE_GRANTED;
	return fault_wake(f);
}

enum quire_fault_result hugetlb_refuse(struct fault *f)
{
	enum huge_refusal why = f->huge->refusal;

	f->huge->refusal = HUGE_GRANTED;
	if (why == HUGE_NO_MEMORY)
		return fault_lost(f, -QENOMEM);
	hugetlb_tell_refused(f->vma, QUIRE_HUGE_REFUSED, fault_leaf_start(f, hugetlb_level(f->vma)),
			     1, why);
	return fault_sigbus(f, hugetlb_reason(why));
}

/* ---- no entry ------------------------------------------------------------------ */

static uint64_t shared_bits(const struct fault *f)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_ACCESSED;

	if (!hugetlb_is_private(f->vma) && (f->vma->flags & VM_WRITE))
		return bits | PTE_WRITE | (f->access == QUIRE_WRITE ? PTE_WRITTEN : 0);
	return bits & ~PTE_WRITE;
}

static enum quire_fault_result map_cached(struct fault *f, struct folio *cached)
{
	int err = fault_map_leaf(f, hugetlb_level(f->vma), cached, shared_bits(f));

	return err ? fault_lost(f, err) : fault_done(f, QUIRE_KIND_FILE_MINOR);
}

/* The page of this mm alone, which has its content. */
static enum quire_fault_result install(struct fault *f, struct folio *fresh,
				       enum quire_fault_kind kind)
{
	unsigned level = hugetlb_level(f->vma);
	uint64_t bits = f->access == QUIRE_WRITE
			    ? fault_private_bits(f)
			    : (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED;
	int err;

	anon_place_large(f, fresh, level);
	folio_get(fresh); /* the entry's */
	err = fault_install_leaf(f, level, fresh, bits);
	if (err) {
		folio_put(f->mm->machine, fresh);
		return fault_lost(f, err);
	}
	hugetlb_placed(f);
	return fault_done(f, kind);
}

/* Invariant 4: changes whenever pages of the mapping or the file are dropped. */
static uint64_t pages_gone(const struct fault *f)
{
	const struct huge_private *p = f->vma->private;
	uint64_t seq = atomic_load(&f->vma->file->mapping.seq);

	return seq + (p ? huge_private_drops(p) : 0);
}

static enum quire_fault_result await_pages(struct fault *f, uint64_t gone)
{
	f->huge->gone = gone;
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	STEP("waits for those who take huge pages away");
	mm_lock(f->mm);
	mm_unlock(f->mm);
	mapping_await_writer(f->file);
	f->huge->refusal = HUGE_GRANTED;
	return fault_wake(f);
}

/* Who has just taken the entry at f->addr away has said so before this returns. */
static void await_entry(const struct fault *f)
{
	struct pt_ref ref;

	if (pt_lock_upper(f->mm, f->addr, hugetlb_level(f->vma), &ref))
		pt_unlock(&ref);
}

static enum quire_fault_result missed(struct fault *f)
{
	uint64_t gone;

	await_entry(f);
	gone = pages_gone(f);
	if (gone != f->huge->gone && RULE(huge_pages_awaited))
		return await_pages(f, gone);
	return hugetlb_may_wait(f) ? hugetlb_wait(f) : hugetlb_refuse(f);
}

/* NULL: the op's result. */
static struct folio *page_or_result(struct fault *f, enum quire_fault_result *result)
{
	switch (hugetlb_got(f, false)) {
	case HUGETLB_PAGE:
		return f->huge->folio;
	case HUGETLB_REFUSED:
		*result = missed(f);
		break;
	case HUGETLB_NOTHING:
		*result = hugetlb_claim(f, false);
		break;
	}
	return NULL;
}

/* One fault does for reading the page and copying it.  If it is refused the page is mapped, too. */
static enum quire_fault_result copy_cached(struct fault *f, struct folio *cached)
{
	struct quire_machine *m = f->mm->machine;
	enum quire_fault_result result;
	struct folio *fresh = page_or_result(f, &result);

	if (!fresh && result == QUIRE_FAULT_BUS)
		fault_map_leaf(f, hugetlb_level(f->vma), cached, shared_bits(f));
	if (!fresh)
		return result;
	vma_touch(f->vma);
	STEP("copies the huge page of the cache");
	memcpy(folio_addr(m, fresh), folio_addr(m, cached), hstate_bytes(hugetlb_state(f->vma)));
	f->huge->zeroed = false;
	return install(f, fresh, QUIRE_KIND_COW_COPY);
}

static enum quire_fault_result add_to_cache(struct fault *f, struct folio *fresh, uint64_t pgoff)
{
	struct folio *found;
	int err;

	folio_get(fresh); /* the cache's */
	err = filecache_add_folio(f->vma->file, pgoff, f->seq, fresh, &found);
	if (err || found != fresh)
		folio_put(f->mm->machine, fresh);
	if (err)
		return fault_lost(f, err);
	if (found == fresh)
		hugetlb_placed(f);
	return map_cached(f, found);
}

static enum quire_fault_result new_page(struct fault *f, uint64_t pgoff)
{
	enum quire_fault_result result;
	struct folio *fresh = page_or_result(f, &result);

	if (!fresh)
		return result;
	if (!f->huge->zeroed)
		hugetlb_clear(f->mm->machine, fresh);
	f->huge->zeroed = true; /* also for another attempt */
	if (!hugetlb_is_private(f->vma))
		return add_to_cache(f, fresh, pgoff);
	return install(f, fresh, QUIRE_KIND_ANON);
}

/* The page is on its way out. */
static enum quire_fault_result await_truncation(struct fault *f)
{
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	mapping_await_writer(f->file);
	return fault_wake(f);
}

enum quire_fault_result hugetlb_fault(struct fault *f)
{
	const struct vma *vma = f->vma;
	uint64_t index = hugetlb_fault_index(f), pgoff = hugetlb_pgoff(hugetlb_state(vma), index);
	bool private = hugetlb_is_private(vma);
	struct folio *cached;

	if (private && huge_private_is_lost(vma->private, index))
		return fault_sigbus(f, QUIRE_REASON_HUGE_LOST);
	cached = filecache_peek(vma->file, pgoff);
	if (cached && !folio_is_up_to_date(cached))
		return await_truncation(f);
	/* Of one in which the file ends there is what fallocate has put there, and no more. */
	if (cached ? pgoff >= file_pages(vma->file)
		   : index >= hugetlb_index(hugetlb_state(vma), file_pages(vma->file)))
		return fault_beyond_end(f, pgoff);
	if (cached && (!private || f->access != QUIRE_WRITE))
		return map_cached(f, cached);
	if (cached)
		return copy_cached(f, cached);
	if (private)
		vma_touch(f->vma);
	return new_page(f, pgoff);
}
