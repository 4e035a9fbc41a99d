/* SPDX-License-Identifier: MIT */
/*
 * say.h: the supervisor's lines on standard error.
 */
#ifndef RUN_SAY_H
#define RUN_SAY_H

struct run;

/* One line on stderr, "quire: ...", unless there were many of its kind. */
void run_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As run_say, but not with --quiet. */
void run_note(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* At the end: of what kind there were more lines than were written. */
void say_rest(void);

#endif
