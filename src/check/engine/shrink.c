/* SPDX-License-Identifier: MIT */
/*
 * shrink.c: replaying a schedule, and leaving out of it what is not needed.
 */
#include <stdio.h>

#include "check/engine/explore.h"

/* Which words are shared is not known from the schedule: any access may be one of its decisions. */
bool replay(const struct subject *s, const struct schedule *schedule, struct schedule *taken,
	    char *violation, size_t len)
{
	struct follow fo = {.schedule = schedule};
	bool all = sched_all_points(true);
	enum sched_outcome outcome;

	outcome = sched_run(follow_choose, &fo, s->after, s->arg);
	sched_all_points(all);
	*taken = fo.taken;
	if (outcome != RUN_VIOLATION)
		return false;
	snprintf(violation, len, "%s", sched_violation());
	return true;
}

static void without(const struct schedule *from, unsigned skip, struct schedule *to)
{
	to->n = 0;
	for (unsigned i = 0; i < from->n; i++)
		if (i != skip)
			to->v[to->n++] = from->v[i];
}

/* One decision less, if it is a violation still. */
static bool shrink_once(const struct subject *s, struct schedule *found, char *violation,
			size_t len)
{
	struct schedule fewer, taken;

	for (unsigned i = found->n; i-- > 0;) {
		without(found, i, &fewer);
		if (!replay(s, &fewer, &taken, violation, len))
			continue;
		*found = taken;
		return true;
	}
	return false;
}

void shrink(const struct subject *s, struct schedule *found, char *violation, size_t len)
{
	char other[512];

	while (shrink_once(s, found, other, sizeof(other)))
		snprintf(violation, len, "%s", other);
}
