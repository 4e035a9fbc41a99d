/* SPDX-License-Identifier: MIT */
/*
 * compare.h: whether two sides agree, and what they are allowed to differ in.
 */
#ifndef REPLAY_COMPARE_H
#define REPLAY_COMPARE_H

#include "replay/board/board.h"

/* What of a step differs. */
enum part {
	PART_RESULT,
	PART_MAPPINGS, /* how many there are, or range, rights, file of one */
	PART_MERGED,   /* the same, but neighbours are one mapping on one side */
	PART_FLAGS,    /* VmFlags of a mapping */
	PART_POLICY,   /* what numa_maps says of one */
	PART_USAGE,    /* a field of smaps */
	PART_PAGE,     /* what pagemap and mincore say of a page */
	PART_STATUS,   /* a field of status */
	PART_POOL,     /* a counter of the pool of huge pages */
	PART_CONTENT,  /* of a page */
};

struct place {
	const struct board *board[2];
	const struct step *step;
	const struct result *result[2];
	unsigned nr_step;
	const struct vma_view *vma[2]; /* but for RESULT, CONTENT */
	uint64_t start, end;           /* MERGED: where the mappings differ */
	enum part part;
	unsigned field; /* USAGE, STATUS, POOL: which; PAGE, CONTENT: which cell */
};

/* What Linux leaves open, or what Quire does not do yet (allow.c).  docs/replay.md lists them. */
struct allowance {
	const char *name;
	const char *why;
	bool (*allows)(const struct place *at);
	/* After this the states differ, and the rest of the script is not compared. */
	bool parts;
	uint64_t used; /* so many differences were hidden */
};
/* The first that allows it, counted; NULL: it is a difference. */
struct allowance *allowance_for(const struct place *at);
/* Those that were used, one line each. */
void allowances_print(void);

/* Of VmFlags: the same but for "ac", which says that the memory counts as committed. */
bool flags_same_but_accounting(const char *a, const char *b);

struct difference {
	unsigned step;
	uint8_t verb; /* of the step */
	const char *what;
	char text[2][768]; /* of both sides */
};

/* The first difference between two boards on which the same script was executed, or false. */
bool boards_differ(const struct board *a, const struct board *b, struct difference *d);
/* The same of a step that does the same; of results, that are refused alike. */
bool differences_alike(const struct difference *a, const struct difference *b);

#endif
