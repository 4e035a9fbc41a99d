/* SPDX-License-Identifier: MIT */
/*
 * note.h: what is refused, by name, and the line that says so.
 */
#ifndef RUN_NOTE_H
#define RUN_NOTE_H

#include <stdint.h>

struct proc;
struct run;

struct note_call {
	long nr;
	const char *name;
};

/* What of the call is refused, where not all of it is; as it follows the call's name. */
struct note_detail {
	long nr;
	uint64_t detail;
	const char *name;
};

/* Both end with a NULL name. */
extern const struct note_call note_calls[];
extern const struct note_detail note_details[];

/* 0 or -ENOMEM. */
int notes_create(struct run *run);
/* One line for each (number, detail) that a guest asked for and Quire does not have. */
void note_unsupported(struct run *run, struct proc *p, long nr, uint64_t detail);

#endif
