/* SPDX-License-Identifier: MIT */
/*
 * history.h: what has happened to huge pages: who was promised them, who got, took and lost which.
 *
 * The last HUGE_NOTES of them are kept.
 */
#ifndef RUN_HUGE_HISTORY_H
#define RUN_HUGE_HISTORY_H

#include "quire/port.h"
#include "quire/quire.h"

#include <sys/types.h>

struct run;

#define HUGE_NOTES 4096u

struct huge_note {
	uint64_t ns; /* CLOCK_MONOTONIC */
	struct quire_huge_event event;
	pid_t pid; /* whose mapping it is; 0: not known */
	pid_t by;  /* who did it */
	char comm[16], by_comm[16];
};

/* port.huge_event; ctx: the run. */
void huge_note(void *ctx, const struct quire_huge_event *e);
/*
 * The latest notes, at most `max`, of the page of this file that has that offset; the earliest
 * first.  Returns how many.
 */
unsigned huge_notes_of(struct run *run, const struct quire_huge_event *page, struct huge_note *out,
		       unsigned max);
/* The latest note of a page that was taken from a mapping of this file: of this very page, if there
 * is one.  False: there is none. */
bool huge_note_taken(struct run *run, const struct quire_huge_event *page, struct huge_note *out);
/* How many there have been ever. */
uint64_t huge_notes_nr(struct run *run);
/* The latest since there were so many of an mmap of this process that got no promise. */
bool huge_note_unpromised(struct run *run, pid_t pid, uint64_t since, struct huge_note *out);
/* 0 or -ENOMEM. */
int huge_history_create(struct run *run);
void huge_history_destroy(struct run *run);

#endif
