/* SPDX-License-Identifier: MIT */
/*
 * pct.c: random schedules (PCT: Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010).
 *
 * Each actor has a random priority, and of those that can run the highest runs.  At `bound` random
 * steps of the run the actor that runs falls below all others.  A bug that needs d such points, in
 * a run of n actors and k steps, is met by a run with a probability of at least 1 / (n k^d).
 *
 *   1  The same seed gives the same schedules, as long as nothing was learned before.
 *   2  What a run decided otherwise than usual is its schedule: it is replayed like any other.
 */
#include <stdio.h>
#include <string.h>

#include "check/engine/explore.h"

#define MAX_CHANGES 64u
#define CHOICE_ODDS 4u /* a choice is the usual one in so many cases but one */

struct pct {
	uint64_t random;
	unsigned priority[SCHED_ALL]; /* the higher the sooner; all differ */
	unsigned nr_changes, next;
	uint32_t change[MAX_CHANGES]; /* decisions, ascending */
	uint32_t decisions;           /* of this run so far */
	uint32_t longest;             /* of all runs: the estimate of k */
	struct schedule taken;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(struct pct *p)
{
	uint64_t z = (p->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned below(struct pct *p, unsigned n)
{
	return (unsigned)((draw(p) >> 32) * n >> 32);
}

/* ---- a run ------------------------------------------------------------------------- */

static void shuffle_priorities(struct pct *p)
{
	for (unsigned i = 0; i < SCHED_ALL; i++) {
		unsigned k = below(p, i + 1);

		p->priority[i] = p->priority[k];
		p->priority[k] = MAX_CHANGES + 1 + i;
	}
}

static void insert_change(struct pct *p, uint32_t at)
{
	unsigned i = p->nr_changes++;

	for (; i && p->change[i - 1] > at; i--)
		p->change[i] = p->change[i - 1];
	p->change[i] = at;
}

static void begin(struct pct *p, unsigned changes)
{
	shuffle_priorities(p);
	p->nr_changes = p->next = 0;
	p->decisions = 0;
	p->taken.n = 0;
	for (unsigned i = 0; i < changes; i++)
		insert_change(p, 1 + below(p, p->longest));
}

static unsigned highest(const struct pct *p, unsigned enabled)
{
	unsigned best = (unsigned)__builtin_ctz(enabled);

	for (unsigned i = best + 1; i < SCHED_ALL; i++)
		if (enabled & 1u << i && p->priority[i] > p->priority[best])
			best = i;
	return best;
}

/* The later a change, the lower its actor falls. */
static void change_priorities(struct pct *p, unsigned actor)
{
	for (; p->next < p->nr_changes && p->change[p->next] <= p->decisions; p->next++)
		p->priority[actor] = p->nr_changes - p->next;
}

static int choose(void *ctx, const struct sched_decision *d)
{
	struct pct *p = ctx;
	unsigned value;

	if (d->kind == DECIDE_CHOICE) {
		value = below(p, CHOICE_ODDS) ? 0 : below(p, d->n);
	} else {
		p->decisions++;
		change_priorities(p, d->actor);
		value = highest(p, d->enabled);
	}
	if ((int)value != usual_decision(d) && p->taken.n < MAX_FORCED)
		p->taken.v[p->taken.n++] = (struct forced){.actor = (uint8_t)d->actor,
							   .kind = (uint8_t)d->kind,
							   .value = (uint8_t)value,
							   .at = d->at};
	return (int)value;
}

/* ---- runs --------------------------------------------------------------------------- */

static bool one_run(struct pct *p, const struct subject *s, unsigned changes,
		    struct explore_result *r)
{
	enum sched_outcome outcome;

	begin(p, changes);
	outcome = sched_run(choose, p, s->after, s->arg);
	r->schedules++;
	r->steps += sched_steps();
	r->restarts += sched_learned();
	if (p->decisions > p->longest)
		p->longest = p->decisions;
	if (outcome != RUN_VIOLATION)
		return true;
	r->verdict = EXPLORE_VIOLATION;
	r->found = p->taken;
	snprintf(r->violation, sizeof(r->violation), "%s", sched_violation());
	return false;
}

void explore_pct(const struct subject *s, const struct explore_options *o, struct explore_result *r)
{
	struct pct p = {.random = o->seed, .longest = 1};
	unsigned changes = o->bound < MAX_CHANGES ? o->bound : MAX_CHANGES;
	double start = explore_clock();

	memset(r, 0, sizeof(*r));
	r->verdict = EXPLORE_LIMIT;
	r->bound = changes;
	while (r->schedules < o->limit && one_run(&p, s, changes, r))
		if (o->progress && !(r->schedules & 0x3fff))
			o->progress(o->progress_ctx, r->schedules,
				    (double)r->schedules / (double)o->limit);
	r->seconds = explore_clock() - start;
}
