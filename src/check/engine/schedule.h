/* SPDX-License-Identifier: MIT */
/*
 * schedule.h: a schedule: the decisions that differ from the usual ones.
 *
 * The usual ones: the running actor goes on; where it cannot, the first that can does; a
 * choice is 0.  (actor, at) names a decision: the one before this actor's at-th access, or before
 * a plain access after it (SCHED_AT_PLAIN_SHIFT).
 */
#ifndef CHECK_SCHEDULE_H
#define CHECK_SCHEDULE_H

#include "port/sched/sched.h"

#define MAX_FORCED 256u

struct forced {
	uint8_t actor; /* who was running */
	uint8_t kind;  /* enum sched_kind */
	uint8_t value; /* who runs instead; or the value of the choice */
	uint32_t at;
};

struct schedule {
	unsigned n;
	struct forced v[MAX_FORCED];
};

/* What is decided where nothing is forced. */
int usual_decision(const struct sched_decision *d);
/* Preemptions in it. */
unsigned schedule_preemptions(const struct schedule *s);
/* "0:57>1,1:12+3>0" (+3: at the third plain access after the 12th); "-" for the schedule without
 * any. */
void schedule_format(const struct schedule *s, char *buf, size_t len);
/* False: not a schedule; *s is undefined. */
bool schedule_parse(const char *text, struct schedule *s);

/* sched_choose: follows the schedule (ctx). Entries that do not come up are passed over. */
struct follow {
	const struct schedule *schedule;
	unsigned next;
	struct schedule taken; /* what was decided otherwise than usual */
};
int follow_choose(void *ctx, const struct sched_decision *d);

#endif
