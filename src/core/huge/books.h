/* SPDX-License-Identifier: MIT */
/*
 * books.h: what the accounts of huge pages share (reserve_private.c, reserve_file.c, claim.c).
 */
#ifndef CORE_HUGE_BOOKS_H
#define CORE_HUGE_BOOKS_H

#include "core/huge/lists.h"
#include "core/huge/reserve.h"

/* What a page in use is charged to (huge_charge()), and on its way there which promise it uses. */
struct huge_claim {
	/* J: until it is committed, or the page is free; and again when that was dropped: then it
	 * is the private mapping's page, promised again when it is free. */
	struct dlist node; /* of machine->huge.books.claims; private->dropped */
	bool flying;
	bool reserved;                /* it uses a promise .. */
	bool cut;                     /* .. of a range that has gone meanwhile */
	struct huge_private *private; /* or .. */
	struct huge_file *file;
	uint64_t index;
	struct region_spare spare; /* for what is left to do */

	/* J: until the page is free. */
	struct quire_huge_subpool *subpool;
	struct quire_huge_group *group, *rsvd; /* pages; a reservation that is the page's own */
};

/* Those of the private mapping, or the file (the other is NULL), in [first, last) that use a
 * promise are not to put it back.  Returns how many these are.  J held. */
uint64_t claims_cut(struct quire_machine *m, const struct huge_private *p,
		    const struct huge_file *f, uint64_t first, uint64_t last);
/* It goes: they know it no longer.  J held. */
void claims_forget(struct quire_machine *m, const struct huge_private *p,
		   const struct huge_file *f);

/* Pages of [first, last) that p has dropped are not promised again when they are free: there is
 * another, or the range is gone.  J held. */
void claims_undrop(struct huge_private *p, uint64_t first, uint64_t last);

static inline enum huge_refusal refusal_of(enum huge_lack lack)
{
	switch (lack) {
	case HUGE_LACK_NODES:
		return HUGE_NO_NODE;
	case HUGE_LACK_RAM:
		return HUGE_NO_RAM;
	case HUGE_LACK_POINT:
		return HUGE_NO_MEMORY;
	case HUGE_LACK_NONE:
	case HUGE_LACK_POOL:
		break;
	}
	return HUGE_POOL_DRY;
}

/* Pages that are promised: of subpool, group and pool. */
struct promise {
	struct quire_machine *m;
	struct hstate *h;
	struct quire_huge_subpool *subpool;
	struct quire_huge_group *const *asks; /* J: where the group is named; NULL: none */
	struct quire_huge_group *group;       /* that is charged, from the first page on */
	uint64_t pages;
};
/* n more, or why not: then it is as before.  J is not held. */
enum huge_refusal promise_make(struct promise *p, uint64_t n, uint64_t nodes);
/* n of them go.  J is not held. */
void promise_break(struct promise *p, uint64_t n);

#endif
