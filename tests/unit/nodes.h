/* SPDX-License-Identifier: MIT */
/*
 * nodes.h: machines of several nodes: a thread that is on one of them, with a policy.
 */
#ifndef UNIT_NODES_H
#define UNIT_NODES_H

#include "unit.h"

struct nodes {
	struct unit u;          /* first */
	struct quire_task task; /* the machine's thread */
};

static inline struct quire_task *nodes_task(void *ctx)
{
	return &((struct nodes *)ctx)->task;
}

static inline void nodes_up(void **state, const struct quire_machine_options *o)
{
	struct nodes *n = calloc(1, sizeof(*n));

	unit_port(&n->u);
	n->u.port.task = nodes_task;
	unit_machine_mm(&n->u, o, NULL);
	*state = n;
}

static inline int nodes_down(void **state)
{
	unit_down(&((struct nodes *)*state)->u);
	free(*state);
	return 0;
}

static inline uint64_t nodes_policy(struct nodes *n, unsigned mode, uint64_t nodes)
{
	uint64_t p = 0;

	assert_int_equal(quire_policy_make(n->u.m, mode, nodes, &p), 0);
	return p;
}

#endif
