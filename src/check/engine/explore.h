/* SPDX-License-Identifier: MIT */
/*
 * explore.h: all schedules up to a bound of preemptions; random ones beyond.
 *
 *   explore.c   depth first, with the states seen so far (cache.c)
 *   pct.c       random priorities (PCT: probabilistic concurrency testing)
 *   shrink.c    a violation's schedule with as few forced decisions as will do
 *
 * What is explored is what sched.h's actors and snapshot say; `after` is called at the end of
 * each run that nobody cut off.
 */
#ifndef CHECK_EXPLORE_H
#define CHECK_EXPLORE_H

#include "check/engine/schedule.h"

struct subject {
	void (*after)(void *arg);
	void *arg;
};

struct explore_options {
	unsigned bound;            /* preemptions of a run, at most */
	uint64_t limit;            /* schedules, 0: all (PCT: how many) */
	uint64_t seed;             /* PCT */
	unsigned shard, nshards;   /* 0, or 0 <= shard < nshards: only that part */
	bool no_cache;             /* states seen before are explored again */
	struct state_cache *cache; /* NULL: one of its own */
	/* Now and then; done: estimated part, 0..1.  May be NULL. */
	void (*progress)(void *ctx, uint64_t schedules, double done);
	void *progress_ctx;
};

enum explore_verdict { EXPLORE_EXHAUSTED, EXPLORE_VIOLATION, EXPLORE_LIMIT };

struct explore_result {
	enum explore_verdict verdict;
	uint64_t schedules; /* runs, those cut off included */
	uint64_t pruned;    /* runs cut off: the state had been explored */
	uint64_t steps;     /* accesses in all of them */
	unsigned restarts;  /* new shared words were met */
	unsigned bound;     /* last explored */
	double seconds;     /* of processor time */
	/* EXPLORE_VIOLATION */
	struct schedule found;
	char violation[512];
};

double explore_clock(void);

/* Bounds 0, 1, .. in turn, so that what is found has the fewest preemptions. */
void explore(const struct subject *s, const struct explore_options *o, struct explore_result *r);
/* Random priorities with o->bound points of change. */
void explore_pct(const struct subject *s, const struct explore_options *o,
		 struct explore_result *r);
/* Fewer forced decisions while the run still ends in a violation. */
void shrink(const struct subject *s, struct schedule *found, char *violation, size_t len);
/* One run; true: violation, with its text and what was really taken. */
bool replay(const struct subject *s, const struct schedule *schedule, struct schedule *taken,
	    char *violation, size_t len);

/* ---- cache.c: states with the number of preemptions left with which they were explored */
struct state_cache;
struct state_cache *cache_new(void);
void cache_free(struct state_cache *c);
/* States that forked processes have in common. */
struct state_cache *cache_new_shared(void);
/* A bound is begun (again): with what is known to be shared now. */
void cache_begin(struct state_cache *c, unsigned bound);
/* True: it was explored with as many left or more.  Otherwise it is noted. */
bool cache_seen(struct state_cache *c, uint64_t key, unsigned left);

#endif
