/* SPDX-License-Identifier: MIT */
/*
 * huge_types.h: pools of huge pages: one hstate for each size.
 *
 * A huge page is a folio that a pool owns: FOLIO_HUGETLB, as long as the pool has it, whether it is
 * free or in use.  huge/pool.h says what is done with them.
 */
#ifndef CORE_BASE_HUGE_TYPES_H
#define CORE_BASE_HUGE_TYPES_H

#include "core/base/page.h"
#include "ds/dlist.h"

struct folio;
struct hstate;
struct quire_machine;

#define HUGE_2M_ORDER HUGE_ORDER
#define HUGE_1G_ORDER 18
#define HUGE_FAULT_LOCKS 64u

/* What a pool has on one node. */
struct huge_node {
	pfn_t free_list;               /* J: circular, by next and prev; NO_FRAME: empty */
	uint64_t total, free, surplus; /* J; A for readers */
};

struct hstate {
	unsigned order;          /* C: of its pages */
	enum quire_huge size;    /* C: which of the machine's it is */
	uint64_t total;          /* J; A for readers: T, all its pages, free or in use */
	uint64_t free;           /* J; A: F */
	uint64_t reserved;       /* J; A: R, of the free ones those that are promised; R <= F */
	uint64_t surplus;        /* J; A: S, of all those beyond what was asked for */
	uint64_t overcommit;     /* J; A: so many surplus pages may be made on demand */
	uint64_t made, not_made; /* A: pages made of memory of the zones, and not to be had */
	unsigned next_grow, next_shrink; /* J, next_grow with O: the node that is asked next */
	struct huge_node nodes[QUIRE_MAX_NODES];
};

/* What a huge page in use is charged to.  Of whoever has a reference (its first tail has it). */
struct huge_charge {
	void *account; /* J: struct huge_claim; NULL: nothing */
};

/*
 * What those who charge for huge pages are asked and told.  NULL by default, which means that
 * nobody charges.
 */
struct huge_accounts {
	/*
	 * The last reference of a huge page has gone.  True: a page that is free is promised again
	 * (R + 1) within the same hold of J.  J is held, so that no account has a promise that R
	 * has not.
	 */
	bool (*freed)(struct quire_machine *m, struct hstate *h, struct folio *f);
	/* For verify, the machine at rest: what R should be. */
	uint64_t (*reserved)(struct quire_machine *m, const struct hstate *h);
};

/* All the accounts that there are (huge/reserve.h, subpool.h, cgroup.h).  J. */
struct huge_books {
	struct dlist claims; /* in flight */
	struct dlist privates, files, subpools, groups;
};

/* machine->huge */
struct huge_pools {
	struct spinlock lock;  /* J */
	struct mutex resizing; /* O: one resize at a time */
	/* G: who faults on a page of a file, by file and page (kind/hugetlb_fault.c, 3) */
	struct mutex faults[HUGE_FAULT_LOCKS];
	const struct huge_accounts *accounts; /* C */
	struct hstate sizes[QUIRE_NR_HUGE];
	struct huge_books books;
};

#endif
