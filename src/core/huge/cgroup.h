/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h: groups of processes, and how many huge pages each may have (quire.h has what they are).
 *
 * NULL is the group that nobody made: nothing is counted, nothing refused.
 */
#ifndef CORE_HUGE_CGROUP_H
#define CORE_HUGE_CGROUP_H

#include "core/huge/pool.h"
#include "ds/dlist.h"

struct huge_counter {
	uint64_t usage, peak; /* J: huge pages */
	uint64_t limit;       /* J: huge pages, or QUIRE_HUGE_NO_LIMIT */
	uint64_t refused;     /* J: how often this limit has refused */
	uint64_t found;       /* of verify */
};

struct quire_huge_group {
	struct quire_machine *machine;   /* C */
	struct quire_huge_group *parent; /* C: it has a reference */
	char name[64];                   /* C */
	uint64_t refs;                   /* J: its maker, address spaces, children */
	uint64_t users;                  /* J: of them, those that keep it from being removed */
	bool removed;                    /* J */
	/* J: `max` of hugetlb.SIZE.events: requests that were refused, of this group (local) and of
	 * those below as well. */
	uint64_t events[QUIRE_NR_HUGE], events_local[QUIRE_NR_HUGE];
	struct huge_counter counters[QUIRE_NR_HUGE][QUIRE_NR_HUGE_COUNTS];
	struct dlist node; /* J: of machine->huge.books */
};

/* *word, which is an address space's, named another group (NULL: none), and names g now, which may
 * be NULL: it is in g.  What it was charged for stays with the other. */
void huge_group_enter(struct quire_machine *m, struct quire_huge_group **word,
		      struct quire_huge_group *g);

/* A fork: *word, which names none, names what *parent does. */
void huge_group_inherit(struct quire_machine *m, struct quire_huge_group **word,
			struct quire_huge_group *const *parent);

/* ---- J held ---- */

/* NULL: charged.  Else the group whose limit refuses n more: nothing is charged, and the events are
 * counted. */
struct quire_huge_group *huge_group_charge(struct quire_huge_group *g, const struct hstate *h,
					   enum quire_huge_count which, uint64_t n);
/* May free groups that were removed: with its last charge such a group is gone. */
void huge_group_uncharge(struct quire_huge_group *g, const struct hstate *h,
			 enum quire_huge_count which, uint64_t n);

#endif
