/* SPDX-License-Identifier: MIT */
/*
 * node_path.h: names of /sys that tell of nodes: with --nodes they tell of the machine's.
 */
#ifndef STUB_NODE_PATH_H
#define STUB_NODE_PATH_H

#include "run/stub/base/stub.h"

#define NODE_PATH 256

struct node_path {
	char name[NODE_PATH]; /* in the run's own directory (wire/run_info.h) */
	bool or_hosts;        /* what is not there may be the host's */
	int64_t weight;       /* of which node it is the weight; -1: of none */
};

/* Is the name in the guest's memory one of them, absolute?  `reads`: what it tells is to be as it
 * is now. */
bool node_path(struct thread *t, uint64_t name, bool reads, struct node_path *out);
/* Of what the run's own directory has returned: the host is to be asked instead. */
static inline bool node_is_hosts(const struct node_path *p, int64_t r)
{
	return r == -ENOENT && p->or_hosts;
}
/* A write to a file that is a node's weight, as a program has it open: the call's result, or
 * RESTART: it is none. */
struct call;
int64_t node_weight_write(struct call *c);

#endif
