/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_tell.c: what the embedder is told of huge pages: who has got which, and who was refused.
 */
#include "core/kind/hugetlb.h"
#include "core/vma/vma.h"

static void tell(const struct vma *vma, struct quire_huge_event *e)
{
	const struct quire_port *port = &vma->mm->machine->port;

	if (!port->huge_event)
		return;
	e->cookie = vma->mm->cookie;
	if (e->what != QUIRE_HUGE_TAKEN)
		e->by = e->cookie;
	e->page_size = hstate_bytes(hugetlb_state(vma));
	e->dev = vma->file->dev;
	e->ino = vma->file->ino;
	e->offset = vma_pgoff(vma, e->addr) << PAGE_SHIFT;
	port->huge_event(port->ctx, e);
}

void hugetlb_tell(const struct vma *vma, enum quire_huge_what what, uint64_t addr, uint64_t pages)
{
	struct quire_huge_event e = {.what = what, .addr = addr, .pages = pages};

	tell(vma, &e);
}

void hugetlb_tell_taken(const struct vma *vma, uint64_t addr, const struct quire_mm *owner)
{
	struct quire_huge_event e = {
	    .what = QUIRE_HUGE_TAKEN, .addr = addr, .pages = 1, .by = owner->cookie};

	tell(vma, &e);
}

enum quire_fault_reason hugetlb_reason(enum huge_refusal why)
{
	switch (why) {
	case HUGE_NO_NODE:
		return QUIRE_REASON_HUGE_NODE;
	case HUGE_OVER_SIZE:
		return QUIRE_REASON_HUGE_SIZE;
	case HUGE_OVER_LIMIT:
		return QUIRE_REASON_HUGE_LIMIT;
	case HUGE_OVER_RSVD:
		return QUIRE_REASON_HUGE_RSVD;
	case HUGE_GRANTED:
	case HUGE_AGAIN:
	case HUGE_NO_MEMORY:
	case HUGE_POOL_DRY:
	case HUGE_NO_RAM:
		break;
	}
	return QUIRE_REASON_HUGE_POOL;
}

void hugetlb_tell_refused(const struct vma *vma, enum quire_huge_what what, uint64_t addr,
			  uint64_t pages, enum huge_refusal why)
{
	struct quire_huge_event e = {
	    .what = what, .addr = addr, .pages = pages, .reason = hugetlb_reason(why)};

	tell(vma, &e);
}

int hugetlb_promised(const struct vma *vma, uint64_t pages, enum huge_refusal why)
{
	if (why == HUGE_GRANTED) {
		hugetlb_tell(vma, QUIRE_HUGE_PROMISED, vma->start, pages);
		return 0;
	}
	hugetlb_tell_refused(vma, QUIRE_HUGE_UNPROMISED, vma->start, pages, why);
	return -QENOMEM;
}
