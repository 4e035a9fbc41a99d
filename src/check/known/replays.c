/* SPDX-License-Identifier: MIT */
/*
 * replays.c: schedules that have led to a bug of the core once, by name.
 *
 * Each must lead to it still where the rule that mended it is off, and end well where all are on.
 * An id counts accesses: where a change of the core makes it say another schedule the first half
 * fails, and `quire check --without RULE SCENARIO` prints the new one.
 */
#include <stdio.h>

#include "check/known/known.h"

const struct known_replay known_replays[] = {
    {
	.name = "a COW opens a copy for writing that fork has shared",
	.scenario = "fork-copy",
	.rule = RULE_copy_asks_again,
	.schedule = "4:0/1,1:75>0",
    },
    {
	.name = "a pin keeps a page in place that another thread is about to replace by a copy",
	.scenario = "pin-unshare-copy",
	.rule = RULE_cow_counts_references,
	.schedule = "0:42>1,1:95/2",
    },
    {
	.name = "fork copies a pinned page before the flush",
	.scenario = "fork-order-pin",
	.rule = RULE_fork_flushes_pinned,
	.schedule = "0:177>1",
    },
    {
	.name = "truncation looks through the cache before a page is added",
	.scenario = "file-add",
	.rule = RULE_wait_for_adders,
	.schedule = "0:33>1",
    },
    {
	.name = "truncation looks through the cache before a page to be read in is added",
	.scenario = "io-truncate",
	.rule = RULE_wait_for_adders,
	.schedule = "0:39>1",
    },
    {
	.name = "mprotect ends the charge of a page that a fault brings in",
	.scenario = "charge-mprotect",
	.rule = RULE_dead_while_asked,
	.schedule = "4:0/1,1:15>0",
    },
    {
	.name = "MADV_POPULATE_WRITE takes a replacement in progress for a hole",
	.scenario = "populate-mremap",
	.rule = RULE_miss_under_mmap_lock,
	.schedule = "0:109>1",
    },
    {
	.name = "MADV_POPULATE_WRITE takes a mapping that became read-only for a hole",
	.scenario = "populate-replace",
	.rule = RULE_populate_looks_again,
	.schedule = "0:104>1",
    },
    {
	.name = "mlock fails for what was unmapped after it had set the flag",
	.scenario = "mlock-munmap",
	.rule = RULE_populate_looks_again,
	.schedule = "0:169>1",
    },
    {
	.name = "a fault brings in a page where mremap has just moved one away",
	.scenario = "move-merge",
	.rule = RULE_source_dead_during_move,
	.schedule = "4:0/1,1:131>0,0:64>1",
    },
    {
	.name = "truncation returns before munmap has flushed the entry that it has cleared",
	.scenario = "file-munmap-after",
	.rule = RULE_flush_of_others,
	.schedule = "0:74>1,1:98/2",
    },
    {
	.name = "truncation returns before MADV_DONTNEED has flushed the entry that it has cleared",
	.scenario = "file-dontneed-after",
	.rule = RULE_flush_of_others,
	.schedule = "0:52>1,1:98/2",
    },
    {
	.name = "a store of the host's to a page that munmap takes misses the last writeback",
	.scenario = "lent-sync-munmap",
	.rule = RULE_dirty_after_flush,
	.schedule = "0:3>2,2:91>1",
    },
    {
	.name = "msync finds a page clean that munmap in another mm lets a thread store to",
	.scenario = "io-sync-munmap",
	.rule = RULE_flush_of_others,
	.schedule = "4:0/1,1:85>2,2:50>0,0:2/2",
    },
    {
	.name = "msync returns while another msync is just writing the page",
	.scenario = "io-sync-sync",
	.rule = RULE_wait_for_writeback,
	.schedule = "4:0/1,1:40>0",
    },
    {
	.name = "truncation takes a page of the mapping that has replaced its file's",
	.scenario = "over-truncate-old-anon",
	.rule = RULE_unlinked_before_life,
	.schedule = "0:77>1",
    },
    {
	.name = "truncation takes a page of what its file is just being mapped over",
	.scenario = "over-truncate-new-anon",
	.rule = RULE_linked_when_empty,
	.schedule = "0:19>1",
    },
    {
	.name = "truncation of a file forgets that a page below its new mapping is dirty",
	.scenario = "over-truncate-new-cached",
	.rule = RULE_linked_when_empty,
	.schedule = "4:0/1,1:27>2,2:112>1",
    },
    {
	.name = "writeback takes a frame of a device for a page of the file mapped there before",
	.scenario = "over-sync-old-external",
	.rule = RULE_unlinked_before_life,
	.schedule = "0:78>1",
    },
    {.name = NULL},
};

static bool follow(const struct known_replay *k, const struct schedule *schedule, bool rule_on,
		   char *violation, size_t len)
{
	struct schedule taken;
	struct subject sub;
	bool bad;

	quire_rule_on[k->rule] = rule_on;
	world_build(scenario_find(k->scenario), &sub);
	/* Nothing has been learned here: no access would be a decision. */
	sched_all_points(true);
	bad = replay(&sub, schedule, &taken, violation, len);
	sched_all_points(false);
	quire_rule_on[k->rule] = true;
	return bad;
}

bool replay_known(const struct known_replay *k, char *violation, size_t len)
{
	struct schedule schedule;

	if (!scenario_find(k->scenario) || !schedule_parse(k->schedule, &schedule)) {
		snprintf(violation, len, "no such scenario or schedule");
		return false;
	}
	if (!follow(k, &schedule, false, violation, len)) {
		snprintf(violation, len, "leads to nothing without %s", rule_name(k->rule));
		return false;
	}
	return !follow(k, &schedule, true, violation, len);
}
