/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.h: mappings of huge pages: what their files share (hugetlb.c, hugetlb_file.c,
 * hugetlb_place.c, hugetlb_fault.c, hugetlb_cow.c).
 */
#ifndef CORE_KIND_HUGETLB_H
#define CORE_KIND_HUGETLB_H

#include "core/huge/reserve.h"
#include "core/kind/kind.h"

static inline struct hstate *hugetlb_state(const struct vma *vma)
{
	return vma->file->huge->h;
}

static inline unsigned hugetlb_level(const struct vma *vma)
{
	return leaf_level(vma->ops->page_shift);
}

static inline bool hugetlb_is_private(const struct vma *vma)
{
	return !(vma->flags & VM_MAYSHARE);
}

/* The number of the huge page in the file that a page of it has, and back. */
static inline uint64_t hugetlb_index(const struct hstate *h, uint64_t pgoff)
{
	return pgoff >> h->order;
}

static inline uint64_t hugetlb_pgoff(const struct hstate *h, uint64_t index)
{
	return index << h->order;
}

/* Of the page that the fault is about. */
static inline uint64_t hugetlb_fault_index(const struct fault *f)
{
	return hugetlb_index(hugetlb_state(f->vma), vma_pgoff(f->vma, f->addr));
}

/* ---- hugetlb.c */

extern const struct vma_ops hugetlb_vma_ops[QUIRE_NR_HUGE];

/* ---- hugetlb_file.c */

/* vma_ops.mapped. */
int hugetlb_mapped(struct vma *vma);

/* ---- hugetlb_fault.c */

/* G of that page. */
struct mutex *hugetlb_lock_of(const struct quire_file *file, uint64_t index);

enum quire_fault_result hugetlb_fault(struct fault *f);

/*
 * What the fault has for its page, from an attempt before: nothing yet; a page of the pool, which
 * is f->huge->folio until hugetlb_placed(), or until the fault ends or sleeps, and reads as zero if
 * f->huge->zeroed; or a refusal, f->huge->refusal.  `copy`: of a page that is private already.
 */
enum hugetlb_got { HUGETLB_NOTHING, HUGETLB_PAGE, HUGETLB_REFUSED };
enum hugetlb_got hugetlb_got(struct fault *f, bool copy);
/* Nothing yet: asks for one, asleep.  The op's result; it is called again. */
enum quire_fault_result hugetlb_claim(struct fault *f, bool copy);
/* The page is where it belongs. */
void hugetlb_placed(struct fault *f);
/*
 * Refused: once for a fault, huge pages that are on their way back may be waited for: the op's
 * result, and it is called again.
 */
bool hugetlb_may_wait(const struct fault *f);
enum quire_fault_result hugetlb_wait(struct fault *f);
/* Refused for good. */
enum quire_fault_result hugetlb_refuse(struct fault *f);

/*
 * The fault has G of the page that f->addr is of: nobody else faults on it.  False: it had not; the
 * op returns *result and is called again.
 */
bool hugetlb_alone(struct fault *f, enum quire_fault_result *result);
/* Asleep: leaves RCU, with G.  False: as fault_sleep(). */
bool hugetlb_sleep(struct fault *f);

/* ---- hugetlb_place.c */

/* The nodes of a request by that policy; 0: the thread's.  Its index is set. */
void hugetlb_place(const struct quire_machine *m, uint64_t policy, struct huge_request *rq);
/* Which are to have what is promised now. */
uint64_t hugetlb_bound_nodes(const struct quire_machine *m);

/* ---- hugetlb_tell.c: port.huge_event.  No spinlock is held. */

/* So many pages of the mapping from addr on; by its own mm. */
void hugetlb_tell(const struct vma *vma, enum quire_huge_what what, uint64_t addr, uint64_t pages);
/* The page at addr has been taken from the mapping. */
void hugetlb_tell_taken(const struct vma *vma, uint64_t addr, const struct quire_mm *owner);
/* REFUSED or UNPROMISED. */
void hugetlb_tell_refused(const struct vma *vma, enum quire_huge_what what, uint64_t addr,
			  uint64_t pages, enum huge_refusal why);
/* What came of a promise for all of a new mapping: told, and as mmap's errno. */
int hugetlb_promised(const struct vma *vma, uint64_t pages, enum huge_refusal why);
/* What a touch reports that was refused so. */
enum quire_fault_reason hugetlb_reason(enum huge_refusal why);

/* ---- hugetlb_cow.c */

enum quire_fault_result hugetlb_write_protected(struct fault *f);
/* fork: vma_ops.copy_pinned. */
int hugetlb_copy_pinned(struct vma *dst, uint64_t addr, struct folio *from, struct folio **copy);

#endif
