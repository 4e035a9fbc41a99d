/* SPDX-License-Identifier: MIT */
/*
 * holders.h: what the files about memory that has run out share.
 *
 *   oom.c         in which order: wait, look again, choose, kill
 *   oom_wait.c    what is on its way back because somebody dies
 *   oom_choice.c  who holds how much, and whose death helps most
 *   oom_tell.c    the line, and what the report keeps of it
 */
#ifndef RUN_HOLDERS_H
#define RUN_HOLDERS_H

#include "quire/quire.h"
#include "run/guest/tenants.h"

#include <stdbool.h>

struct run;
struct space;

struct holder {
	const struct tenant *who;
	uint64_t held; /* bytes */
	int adj;
};

struct holders {
	enum quire_memory what;
	uint64_t nodes; /* RAM of these nodes alone; 0: of all */
	uint64_t total; /* bytes of it, all in all */
	unsigned nr;
	struct holder v[MAX_TENANTS]; /* who holds most first */
	struct tenant tenants[MAX_TENANTS];
};

/* Waits for the memory of what dies, but `mine`.  True: it came.  killed: one was just killed. */
bool oom_wait(struct run *run, const struct space *mine, bool killed);
/* Counts one more try of this thread's request; false: it has had MAX_TRIES. */
bool oom_take_try(void);

void holders_find(struct run *run, enum quire_memory what, uint64_t nodes, struct holders *h);
void holders_put(struct holders *h);
/* NULL: nobody may be killed. */
struct holder *holders_choose(struct holders *h);

/* Says that `victim` is killed, and keeps it for the report. */
void oom_tell(struct run *run, const struct holders *h, const struct holder *victim);

#endif
