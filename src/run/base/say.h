/* SPDX-License-Identifier: MIT */
/*
 * say.h: the supervisor's lines on standard error.
 */
#ifndef RUN_SAY_H
#define RUN_SAY_H

#include <pthread.h>
#include <stdint.h>

struct run;

#define SAY_TEXT 512 /* room for what is said */
#define SAY_KINDS 64 /* what comes after so many is written always */

struct said_kind {
	uint64_t hash;
	unsigned count;
	char last[SAY_TEXT];
};

/* Lines of a run that have been said, by kind. */
struct said {
	pthread_mutex_t lock; /* Y */
	struct said_kind kinds[SAY_KINDS];
	unsigned nr_kinds;
};

void say_init(struct run *run);

/* One line on stderr, "quire: ...", unless there were many of its kind. */
void run_say(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As run_say, but not with --quiet. */
void run_note(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* At the end: of what kind there were more lines than were written. */
void say_rest(struct run *run);

#endif
