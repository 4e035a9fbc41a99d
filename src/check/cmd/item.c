/* SPDX-License-Identifier: MIT */
/*
 * item.c: one piece of work from its question to its answer, in this process.
 */
#include <string.h>

#include "check/cmd/check.h"

void rules_set(const bool off[NR_RULES])
{
	for (unsigned i = 0; i < NR_RULES; i++)
		quire_rule_on[i] = !off[i];
}

bool same_question(const struct item *a, const struct item *b)
{
	return a->scenario == b->scenario && !memcmp(a->off, b->off, sizeof(a->off)) &&
	       a->bound == b->bound && a->random == b->random && a->seed == b->seed &&
	       a->nshards == b->nshards;
}

/* A shard of random schedules is a part of their number, from a seed of its own. */
static void random_part(const struct item *item, struct explore_options *o)
{
	unsigned n = item->nshards ? item->nshards : 1;

	o->limit = item->random / n + (item->shard < item->random % n);
	o->seed = item->seed + item->shard * 0x9e3779b97f4a7c15ull;
	o->shard = o->nshards = 0;
}

static enum verdict verdict_of(const struct item *item, enum explore_verdict v)
{
	if (v == EXPLORE_VIOLATION)
		return VERDICT_VIOLATION;
	if (item->random)
		return VERDICT_SEARCHED;
	return v == EXPLORE_LIMIT ? VERDICT_LIMIT : VERDICT_EXHAUSTED;
}

static void note_violation(const struct subject *sub, struct explore_result *r, struct outcome *out)
{
	shrink(sub, &r->found, r->violation, sizeof(r->violation));
	out->preemptions = schedule_preemptions(&r->found);
	snprintf(out->violation, sizeof(out->violation), "%s", r->violation);
	id_format(&out->item, &r->found, out->id, sizeof(out->id));
}

void item_run(const struct item *item, struct outcome *out,
	      void (*progress)(void *ctx, uint64_t schedules, double done), void *ctx)
{
	struct explore_options o = {
	    .bound = item->bound,
	    .limit = item->limit,
	    .shard = item->shard,
	    .nshards = item->nshards,
	    .no_cache = item->no_cache,
	    .cache = item->cache,
	    .progress = progress,
	    .progress_ctx = ctx,
	};
	struct explore_result r = {0};
	struct subject sub;
	double start = explore_clock();

	memset(out, 0, sizeof(*out));
	out->item = *item;
	rules_set(item->off);
	world_build(item->scenario, &sub);
	sched_words_add(item->known.v, item->known.n);
	if (item->random) {
		random_part(item, &o);
		explore_pct(&sub, &o, &r);
	} else {
		explore(&sub, &o, &r);
	}
	out->verdict = verdict_of(item, r.verdict);
	out->schedules = r.schedules;
	out->pruned = r.pruned;
	out->steps = r.steps;
	out->restarts = r.restarts;
	out->bound = r.bound;
	out->seconds = explore_clock() - start;
	out->item.known.n = sched_words(out->item.known.v, SCHED_MAX_WORDS);
	if (r.verdict == EXPLORE_VIOLATION)
		note_violation(&sub, &r, out);
}
