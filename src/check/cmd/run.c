/* SPDX-License-Identifier: MIT */
/*
 * run.c: what is explored, in which parts, until each question has its answer.
 *
 *     asked ── few schedules ────────────────► answered
 *       │                                         ▲
 *       └─ more than --split ──► shards ── agreed ┘
 *                                 ▲  │
 *                                 └──┘ one did not know a word that another has learned
 *
 *   1  Shards are one whole only if all went by the same shared words (sched/learned.c): one that
 *      knew fewer in the end is explored again with those that the others have found.
 *   2  Answers come in the order of the questions.  Whether there is a violation depends on neither
 *      time nor number of jobs; where shards share their states (cache.c), the counts do.
 */
#include <stdlib.h>
#include <string.h>

#include "check/cmd/check.h"

#define SHARDS_PER_JOB 4u
#define RANDOM_SHARDS 4u /* whatever the number of jobs: the seeds of shards differ */

struct question {
	struct outcome whole;
	struct outcome *parts; /* NULL: not split */
	unsigned nparts, missing;
	struct state_cache *cache; /* of the parts */
	bool answered;
};

struct run {
	const struct options *o;
	struct jobs *jobs;
	struct question *v;
	unsigned n, told;
	void (*done)(void *ctx, const struct outcome *out);
	void *ctx;
};

struct item item_of(const struct options *o, const struct scenario *s)
{
	struct item item = {
	    .scenario = s,
	    .bound = o->bound_given ? o->bound
		     : s->bound     ? s->bound
				    : DEFAULT_BOUND,
	    .random = o->random,
	    .seed = o->seed,
	    .shard = o->shard,
	    .nshards = o->nshards,
	    .no_cache = o->no_cache,
	};

	memcpy(item.off, o->off, sizeof(item.off));
	learned_apply(o, &item);
	return item;
}

static void answered(struct run *r, struct question *q)
{
	q->answered = true;
	if (q->cache)
		cache_free(q->cache);
	for (; r->told < r->n && r->v[r->told].answered; r->told++)
		r->done(r->ctx, &r->v[r->told].whole);
}

/* ---- shards ------------------------------------------------------------------------- */

static void split(struct run *r, struct question *q, const struct item *item, unsigned n)
{
	q->parts = calloc(n, sizeof(*q->parts));
	if (!q->parts)
		abort();
	q->nparts = q->missing = n;
	if (!item->no_cache && !item->random)
		q->cache = cache_new_shared();
	for (unsigned i = 0; i < n; i++) {
		struct item part = *item;

		part.limit = 0;
		part.shard = i;
		part.nshards = n;
		part.cache = q->cache;
		jobs_add(r->jobs, &part, (unsigned)(q - r->v));
	}
}

/* The sum of the shards, under the name of the whole. */
static void add_up(struct question *q)
{
	struct item item = q->whole.item;

	q->whole = q->parts[0];
	for (unsigned i = 1; i < q->nparts; i++)
		outcome_add(&q->whole, &q->parts[i]);
	item.known = q->whole.item.known;
	q->whole.item = item;
}

/* (1): asks those again that did not know all. */
static void ask_again(struct run *r, struct question *q)
{
	for (unsigned i = 0; i < q->nparts; i++) {
		struct item part = q->parts[i].item;

		if (words_equal(&part.known, &q->whole.item.known))
			continue;
		part.known = q->whole.item.known;
		part.cache = q->cache;
		jobs_add(r->jobs, &part, (unsigned)(q - r->v));
		q->missing++;
	}
}

static void part_done(struct run *r, struct question *q, const struct outcome *out)
{
	q->parts[out->item.shard] = *out;
	if (--q->missing)
		return;
	add_up(q);
	if (q->whole.verdict == VERDICT_EXHAUSTED)
		ask_again(r, q);
	if (!q->missing)
		answered(r, q);
}

/* ---- questions ---------------------------------------------------------------------- */

static void ask(struct run *r, unsigned i, const struct item *asked)
{
	struct item item = *asked;

	r->v[i].whole.item = *asked;
	if (item.random && !item.nshards) {
		split(r, &r->v[i], &item, RANDOM_SHARDS);
		return;
	}
	if (r->o->jobs > 1 && !item.nshards)
		item.limit = r->o->split;
	jobs_add(r->jobs, &item, i);
}

static void job_done(void *ctx, unsigned tag, const struct outcome *out)
{
	struct run *r = ctx;
	struct question *q = &r->v[tag];
	struct item item = q->whole.item;

	if (q->parts) {
		part_done(r, q, out);
	} else if (out->verdict == VERDICT_LIMIT) {
		item.known = out->item.known;
		split(r, q, &item, r->o->jobs * SHARDS_PER_JOB);
	} else {
		q->whole = *out;
		q->whole.item.limit = 0;
		answered(r, q);
	}
}

void run_all(const struct options *o, const struct item *items, unsigned n,
	     void (*done)(void *ctx, const struct outcome *out), void *ctx)
{
	struct run r = {.o = o, .jobs = jobs_new(o), .n = n, .done = done, .ctx = ctx};

	r.v = calloc(n, sizeof(*r.v));
	if (!r.v)
		abort();
	for (unsigned i = 0; i < n; i++)
		ask(&r, i, &items[i]);
	jobs_run(r.jobs, job_done, &r);
	jobs_free(r.jobs);
	for (unsigned i = 0; i < n; i++)
		free(r.v[i].parts);
	free(r.v);
}
