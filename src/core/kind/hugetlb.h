/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.h: mappings of huge pages: what their files share (hugetlb.c, hugetlb_fault.c,
 * hugetlb_cow.c).
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

/* ---- hugetlb_fault.c */

enum quire_fault_result hugetlb_fault(struct fault *f);

/*
 * A page of the pool for f->addr, for this attempt: *page, whose content is nothing yet unless
 * *zeroed.  It is f->huge's until hugetlb_placed(), or until the fault ends or sleeps for another.
 * NULL: the op's result; none was to be had: f->huge.refusal, and the op is called again to say
 * what comes of it.  `copy`: of a private page.
 */
/* What that function would do: give the page; give none, with QUIRE_FAULT_BUS.  Else it sleeps. */
bool hugetlb_has_page(struct fault *f, bool copy);
bool hugetlb_is_refused(struct fault *f, bool copy);
struct folio *hugetlb_page(struct fault *f, bool copy, bool *zeroed,
			   enum quire_fault_result *result);
/*
 * The fault has G of the page that f->addr is of: nobody else faults on it.  False: it had not; the
 * op returns *result and is called again.
 */
bool hugetlb_alone(struct fault *f, enum quire_fault_result *result);
/* Asleep: leaves RCU, with G.  False: as fault_sleep(). */
bool hugetlb_sleep(struct fault *f);
/* It is where it belongs. */
void hugetlb_placed(struct fault *f);
/*
 * A page was not to be had: huge pages that are on their way back are waited for, once for a fault.
 * True: *result is the op's, which is called again.
 */
bool hugetlb_wait(struct fault *f, enum quire_fault_result *result);
bool hugetlb_may_wait(const struct fault *f);
/* What is said of a page that was not to be had. */
enum quire_fault_result hugetlb_refuse(struct fault *f, enum huge_refusal why);

/* ---- hugetlb_cow.c */

enum quire_fault_result hugetlb_write_protected(struct fault *f);
/* fork: vma_ops.copy_pinned. */
int hugetlb_copy_pinned(struct vma *dst, uint64_t addr, struct folio *from, struct folio **copy);

#endif
