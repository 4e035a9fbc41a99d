/* SPDX-License-Identifier: MIT */
/*
 * policy.h: what a memory policy says of one page (quire.h has what a policy is).
 */
#ifndef CORE_FRAME_POLICY_H
#define CORE_FRAME_POLICY_H

#include "core/base/machine.h"

/* In the place of a page's number: the thread's turn decides (quire_task.turn). */
#define NO_NUMBER UINT64_MAX

/* Where one page is wanted. */
struct node_choice {
	uint64_t nodes;   /* a set: these first, .. */
	bool strict;      /* .. and no others */
	bool interleaved; /* by number or turn */
	uint8_t from; /* of them the nearest to this one; the node itself if it is one of them */
};

/* By the policy; where that is 0, by the thread's.  local: the node of the thread. */
struct node_choice policy_choose(const struct quire_machine *m, struct quire_task *task,
				 uint64_t policy, uint64_t number, unsigned local);

#endif
