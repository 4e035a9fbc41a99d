/* SPDX-License-Identifier: MIT */
/*
 * peak.h: the most RAM that was in use at once.
 */
#ifndef RUN_PEAK_H
#define RUN_PEAK_H

#include <stdint.h>
#include <sys/types.h>

struct run;

#define PEAK_HOLDERS 8

/* What a process holds of RAM, in pages: its own, and shared memory that it maps. */
struct peak_holder {
	pid_t pid;
	char comm[16];
	uint64_t anon, shmem;
};

/* The most RAM in use at once, in frames, and what it was when last looked at (peak.c). */
struct peak {
	uint64_t used;                           /* A */
	uint64_t noted;                          /* A; written under G: used at the note */
	uint64_t anon, shmem, tables;            /* G: tables have a memory of their own */
	struct peak_holder holder[PEAK_HOLDERS]; /* G */
	unsigned nr_holders, nr_others;          /* G */
};

/* After a request, with no lock held. */
void peak_look(struct run *run);
/* Before the memory of a dead process goes.  G held. */
void peak_look_at_death_locked(struct run *run);

/* The peak, rounded up so that the run fits into it (peak.c). */
uint64_t peak_bytes(const struct run *run);

#endif
