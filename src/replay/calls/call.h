/* SPDX-License-Identifier: MIT */
/*
 * call.h: what the files share that make the system call of a step.
 */
#ifndef REPLAY_CALL_H
#define REPLAY_CALL_H

#include "replay/calls/actor.h"

struct call {
	struct board *b;
	const struct step *step;
	struct result *r;
	uint64_t a[MAX_ARGS];
	int fd; /* of the target, or -1 */
};

/* The call of that number: what it returns, or -errno. */
int64_t call_sys(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* actor_huge.c */
int open_mounted(const struct call *c); /* a descriptor, or -1 */
int64_t call_mount(struct call *c);
int64_t call_pool(struct call *c);
int64_t call_overcommit(struct call *c);
int64_t call_demote(struct call *c);
int64_t call_pool_text(struct call *c);
int64_t call_counters(struct call *c);

/* actor_copy.c */
int64_t call_get(struct call *c);
int64_t call_put(struct call *c);
int64_t call_poke(struct call *c);

/* actor_numa.c */
int64_t call_mbind(struct call *c);
int64_t call_set_mempolicy(struct call *c);
int64_t call_get_mempolicy(struct call *c);
int64_t call_home_node(struct call *c);
int64_t call_move_pages(struct call *c);
int64_t call_migrate_pages(struct call *c);

#endif
