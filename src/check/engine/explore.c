/* SPDX-License-Identifier: MIT */
/*
 * explore.c: every schedule with at most `bound` preemptions, depth first.
 *
 * A run follows the decisions on the stack and decides as usual after them, noting at each new
 * decision what else it could have been.  The next run is the one that takes the deepest
 * alternative left.  States seen before are not explored again (cache.c): a run that comes to one
 * with no more preemptions left than then is cut off.
 *
 *   1  A decision's alternatives are a function of the decisions before it (sched.h, 1).
 *   2  Words learned to be shared are decisions from the next run on; decisions noted before that
 *      are worth nothing, and the bound is begun again.
 *   3  A schedule belongs to the shard of its first preemption, which is told from its name
 *      (actor, at) alone; those without any belong to all.  The shards' union is the whole if they
 *      ended with the same words shared.
 */
#include "check/engine/explore.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_DEPTH 65536u

struct frame {
	uint8_t kind, actor;
	uint8_t chosen, usual;
	uint32_t alternatives; /* mask of what is still to be tried */
	uint32_t at;
	uint16_t total, tried; /* alternatives, for the estimate */
};

struct search {
	const struct explore_options *o;
	unsigned bound;
	struct state_cache *cache;
	struct frame *stack;
	unsigned depth;  /* decisions of this run so far */
	unsigned forced; /* of them given */
	unsigned used;   /* preemptions of this run so far */
};

/* Processor time: others may be busy. */
double explore_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- deciding ------------------------------------------------------------------- */

static uint32_t alternatives(const struct search *s, const struct sched_decision *d, unsigned usual)
{
	uint32_t mask = d->kind == DECIDE_CHOICE ? (1u << d->n) - 1 : d->enabled;

	if (d->kind == DECIDE_PREEMPT && s->used == s->bound)
		return 0;
	return mask & ~(1u << usual);
}

/* (3) */
static bool of_this_shard(const struct search *s, const struct sched_decision *d)
{
	uint64_t h = ((uint64_t)d->actor << 32 | d->at) * 0x9e3779b97f4a7c15ull;

	if (!s->o->nshards || s->used || d->kind != DECIDE_PREEMPT)
		return true;
	return (h >> 32) % s->o->nshards == s->o->shard;
}

static bool seen_before(struct search *s, const struct sched_decision *d)
{
	uint64_t key = sched_state_hash() * 0x9e3779b97f4a7c15ull;

	if (s->o->no_cache || d->kind == DECIDE_CHOICE)
		return false;
	/* (3): from here on other shards, which share the states, leave what is this shard's. */
	if (s->o->cache && s->o->nshards && !s->used)
		return false;
	key += d->kind == DECIDE_PREEMPT ? (d->actor + 1) * 0xd6e8feb86659fd93ull : 0;
	return cache_seen(s->cache, key ^ key >> 31, s->bound - s->used);
}

static void take(struct search *s, const struct frame *f)
{
	s->used += f->kind == DECIDE_PREEMPT && f->chosen != f->usual;
	s->depth++;
}

static int decide(void *ctx, const struct sched_decision *d)
{
	struct search *s = ctx;
	struct frame *f = &s->stack[s->depth];
	unsigned usual;

	if (s->depth >= s->forced) {
		if (s->depth == MAX_DEPTH)
			sched_fail("a run of more than %u decisions", MAX_DEPTH);
		if (seen_before(s, d))
			return SCHED_PRUNE;
		usual = (unsigned)usual_decision(d);
		*f = (struct frame){.kind = (uint8_t)d->kind,
				    .actor = (uint8_t)d->actor,
				    .at = d->at,
				    .chosen = (uint8_t)usual,
				    .usual = (uint8_t)usual};
		f->alternatives = of_this_shard(s, d) ? alternatives(s, d, usual) : 0;
		f->total = (uint16_t)(1 + __builtin_popcount(f->alternatives));
	}
	take(s, f);
	return f->chosen;
}

/* ---- stepping ------------------------------------------------------------------- */

/* The deepest alternative left; false: none. */
static bool next_schedule(struct search *s)
{
	while (s->depth) {
		struct frame *f = &s->stack[s->depth - 1];

		if (f->alternatives) {
			f->chosen = (uint8_t)__builtin_ctz(f->alternatives);
			f->alternatives &= f->alternatives - 1;
			f->tried++;
			s->forced = s->depth;
			return true;
		}
		s->depth--;
	}
	return false;
}

/* Each level says what part of its alternatives is done: of the part above it that is left. */
static double estimate(const struct search *s)
{
	double done = 0, weight = 1;

	for (unsigned i = 0; i < s->forced; i++) {
		done += weight * s->stack[i].tried / s->stack[i].total;
		weight /= s->stack[i].total;
	}
	return done;
}

static void note_found(const struct search *s, struct explore_result *r)
{
	r->verdict = EXPLORE_VIOLATION;
	r->found.n = 0;
	for (unsigned i = 0; i < s->depth && r->found.n < MAX_FORCED; i++) {
		const struct frame *f = &s->stack[i];

		if (f->chosen != f->usual)
			r->found.v[r->found.n++] = (struct forced){
			    .actor = f->actor, .kind = f->kind, .value = f->chosen, .at = f->at};
	}
	strncpy(r->violation, sched_violation(), sizeof(r->violation) - 1);
}

static void begin_bound(struct search *s, unsigned bound)
{
	s->bound = bound;
	s->forced = 0;
	s->depth = 0;
	cache_begin(s->cache, bound);
}

static enum sched_outcome one_run(struct search *s, const struct subject *sub,
				  struct explore_result *r)
{
	enum sched_outcome outcome;

	s->depth = 0;
	s->used = 0;
	outcome = sched_run(decide, s, sub->after, sub->arg);
	r->schedules++;
	r->steps += sched_steps();
	r->pruned += outcome == RUN_PRUNED;
	return outcome;
}

/* False: stopped by a violation or the limit. */
static bool explore_bound(struct search *s, const struct subject *sub, struct explore_result *r)
{
	begin_bound(s, s->bound);
	for (;;) {
		if (one_run(s, sub, r) == RUN_VIOLATION) {
			note_found(s, r);
			return false;
		}
		if (s->o->limit && r->schedules >= s->o->limit) {
			r->verdict = EXPLORE_LIMIT;
			return false;
		}
		if (s->o->progress && !(r->schedules & 0x3fff))
			s->o->progress(s->o->progress_ctx, r->schedules, estimate(s));
		if (sched_learned()) {
			r->restarts++;
			begin_bound(s, s->bound);
		} else if (!next_schedule(s)) {
			return true;
		}
	}
}

void explore(const struct subject *sub, const struct explore_options *o, struct explore_result *r)
{
	struct search s = {.o = o, .cache = o->cache ? o->cache : cache_new()};
	double start = explore_clock();

	s.stack = calloc(MAX_DEPTH, sizeof(*s.stack));
	if (!s.stack)
		abort();
	memset(r, 0, sizeof(*r));
	for (unsigned b = 0; b <= o->bound; b++) {
		s.bound = r->bound = b;
		if (!explore_bound(&s, sub, r))
			break;
	}
	r->seconds = explore_clock() - start;
	if (!o->cache)
		cache_free(s.cache);
	free(s.stack);
}
