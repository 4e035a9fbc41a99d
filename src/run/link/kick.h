/* SPDX-License-Identifier: MIT */
/*
 * kick.h: which thread calls for a worker.
 */
#ifndef RUN_KICK_H
#define RUN_KICK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct run;
struct slot;

struct kick {
	uint32_t index; /* slot; UINT32_MAX: none */
	uint32_t turn;  /* of the kicker's request; without a listener unknown */
	pid_t tid;      /* 0: without a listener */
	uint64_t notif; /* 0: without a listener */
};
/* Waits for one.  False: there will be none any more. */
bool kick_receive(struct run *run, struct kick *k);
/* False: not to be acted upon. */
bool kick_check(struct run *run, struct slot *s, const struct kick *k);

#endif
