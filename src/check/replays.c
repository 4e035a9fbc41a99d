/* SPDX-License-Identifier: MIT */
/*
 * replays.c: schedules that have led to a bug of the core once, by name.
 *
 * Each is run with all rules on and must not end in a violation any more.  An id counts accesses:
 * after a change of the core it may say another schedule than that of the bug, which exploration
 * finds all the same if it comes back.
 */
#include <stdio.h>

#include "scenario.h"

const struct known_replay known_replays[] = {
    {
	.name = "fork copies a page that a COW still holds before the flush",
	.scenario = "fork-order-copy",
	.schedule = "4:0/1,1:93>0,0:168>1",
    },
    {
	.name = "fork copies a pinned page before the flush",
	.scenario = "fork-order-pin",
	.schedule = "0:168>1",
    },
    {
	.name = "truncation looks through the cache before a page is added",
	.scenario = "file-add",
	.schedule = "0:27>1",
    },
    {
	.name = "truncation looks through the cache before a page to be read in is added",
	.scenario = "io-truncate",
	.schedule = "0:31>1",
    },
    {
	.name = "mprotect ends the charge of a page that a fault brings in",
	.scenario = "charge-mprotect",
	.schedule = "4:0/1,1:17>0",
    },
    {
	.name = "MADV_POPULATE_WRITE takes a replacement in progress for a hole",
	.scenario = "populate-mremap",
	.schedule = "4:0/1,1:43>0",
    },
    {
	.name = "MADV_POPULATE_WRITE takes a mapping that became read-only for a hole",
	.scenario = "populate-replace",
	.schedule = "0:93>1",
    },
    {
	.name = "mlock fails for what was unmapped after it had set the flag",
	.scenario = "mlock-munmap",
	.schedule = "0:154>1",
    },
    {
	.name = "mremap takes a page that a fault brings in for one that was never touched",
	.scenario = "move-merge",
	.schedule = "0:24>1",
    },
    {.name = NULL},
};

bool replay_known(const struct known_replay *k, char *violation, size_t len)
{
	const struct scenario *s = scenario_find(k->scenario);
	struct schedule schedule, taken;
	struct subject sub;
	bool bad;

	snprintf(violation, len, "no such scenario or schedule");
	if (!s || !schedule_parse(k->schedule, &schedule))
		return false;
	world_build(s, &sub);
	/* Nothing has been learned here: no access would be a decision. */
	sched_all_points(true);
	bad = replay(&sub, &schedule, &taken, violation, len);
	sched_all_points(false);
	return !bad;
}
