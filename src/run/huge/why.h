/* SPDX-License-Identifier: MIT */
/*
 * why.h: why a huge page was not to be had: the block that the report prints below a SIGBUS.
 */
#ifndef RUN_HUGE_WHY_H
#define RUN_HUGE_WHY_H

#include "run/huge/history.h"

#define HUGE_WHY_NOTES 6u
#define HUGE_WHY_HOLDERS 4u

struct huge_holder {
	pid_t pid;
	char comm[16];
	uint64_t pages; /* mapped; those that others map, too, count for each */
};

struct huge_why {
	uint64_t ns;                    /* CLOCK_MONOTONIC: when it was refused */
	struct quire_huge_event page;   /* its file, offset and size */
	struct quire_hugetlb_info pool; /* of all nodes */
	unsigned nr_notes;              /* of this page, the earliest first */
	struct huge_note notes[HUGE_WHY_NOTES];
	bool was_taken;         /* a page of the mapping's file was, from this mapping or another */
	struct huge_note taken; /* when, and by whom */
	unsigned nr_holders;    /* who has most first */
	struct huge_holder holders[HUGE_WHY_HOLDERS];
	unsigned nr_others;    /* more of them */
	uint64_t others_pages; /* and what they have */
	uint64_t suffice;      /* pages: with them all that is mapped could have been touched */
};

/* Of an mmap that got no promise; as below. */
struct huge_why *huge_why_unpromised(struct run *run, const struct huge_note *note);
/* Of a refused access to huge pages; NULL: of others, or no memory.  The caller's to free().  Asks
 * the core: no lock is held. */
struct huge_why *huge_why(struct run *run, uint64_t addr, const struct quire_fault *f);

#endif
