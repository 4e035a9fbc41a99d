/* SPDX-License-Identifier: MIT */
/*
 * note.h: the names of what may be refused, for the line that says so.
 */
#ifndef QUIRE_RUN_NOTE_H
#define QUIRE_RUN_NOTE_H

#include <stdint.h>

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

/* A detail: what is refused because it concerns the vdso. */
#define NOTE_VDSO 1
/* .. because a handler of binfmt_misc would get the stub's own file. */
#define NOTE_BINFMT 2
#define NOTE_EROFS 3
#define NOTE_PROBES 4
#define NOTE_CONTENTS 5

/* Both end with a NULL name. */
extern const struct note_call note_calls[];
extern const struct note_detail note_details[];

#endif
