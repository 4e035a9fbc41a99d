/* SPDX-License-Identifier: MIT */
/*
 * unpromised.h: calls of mmap that were ENOMEM since nobody could promise them huge pages.
 */
#ifndef RUN_HUGE_UNPROMISED_H
#define RUN_HUGE_UNPROMISED_H

#include "run/huge/why.h"

#include <pthread.h>

struct proc;

#define MAX_UNPROMISED 8u

/* Equal ones of one process count together. */
struct unpromised {
	struct huge_note note; /* of the first */
	struct huge_why *why;  /* or NULL: no memory */
	uint64_t times;
};

struct unpromised_list {
	pthread_mutex_t lock;
	unsigned nr;                         /* U' */
	struct unpromised v[MAX_UNPROMISED]; /* U' */
	uint64_t more;                       /* U': there was no room for them */
};

/* mmap of this process is ENOMEM; `since`: huge_notes_nr() before it.  No lock is held. */
void huge_mmap_refused(struct run *run, const struct proc *p, uint64_t since);
/* 0 or -ENOMEM. */
int unpromised_create(struct run *run);

#endif
