/* SPDX-License-Identifier: MIT */
/*
 * shrink.c: takes away steps, then makes arguments plainer, as long as the difference stays.
 */
#include "replay/random/shrink.h"

#include <string.h>

struct shrinker {
	struct script *best;
	bool (*differs)(void *arg, const struct script *s);
	void *arg;
};

/* Keeps the candidate if it still shows the difference. */
static bool keep(struct shrinker *sh, const struct script *candidate)
{
	unsigned step;

	if (script_invalid(candidate, &step) || !sh->differs(sh->arg, candidate))
		return false;
	*sh->best = *candidate;
	return true;
}

/* The end of an actor that goes takes its other steps along. */
static bool depends(const struct step *s, const struct step *gone)
{
	bool makes = gone->verb == VERB_FORK || gone->verb == VERB_THREAD;

	if (gone->verb == VERB_FILE)
		return s->target == gone->target && verb_takes(s->verb, ARG_FILE);
	if (!makes)
		return false;
	return s->actor == gone->target ||
	       (verb_takes(s->verb, ARG_ACTOR) && s->target == gone->target);
}

static void remove_steps(struct script *s, unsigned first, unsigned n)
{
	memmove(&s->steps[first], &s->steps[first + n],
		(s->nr_steps - first - n) * sizeof(s->steps[0]));
	s->nr_steps -= n;
}

static void remove_step(struct script *s, unsigned i)
{
	struct step gone = s->steps[i];

	remove_steps(s, i, 1);
	for (unsigned k = i; k < s->nr_steps;) {
		if (!depends(&s->steps[k], &gone)) {
			k++;
			continue;
		}
		remove_step(s, k);
	}
}

static bool fewer_steps(struct shrinker *sh)
{
	static struct script candidate;
	bool any = false;

	for (unsigned n = sh->best->nr_steps / 2; n > 1; n /= 2) {
		for (unsigned i = 0; i + n <= sh->best->nr_steps;) {
			candidate = *sh->best;
			remove_steps(&candidate, i, n);
			if (keep(sh, &candidate))
				any = true;
			else
				i += n;
		}
	}
	for (unsigned i = sh->best->nr_steps; i-- > 0;) {
		if (i >= sh->best->nr_steps)
			continue;
		candidate = *sh->best;
		remove_step(&candidate, i);
		any |= keep(sh, &candidate);
	}
	return any;
}

static bool try_number(struct shrinker *sh, unsigned step, unsigned arg, struct value v)
{
	static struct script candidate;
	const struct value *old = &sh->best->steps[step].args[arg];

	if (old->var == v.var && old->add <= v.add)
		return false;
	candidate = *sh->best;
	candidate.steps[step].args[arg] = v;
	return keep(sh, &candidate);
}

/* Whole pages, one page, nothing. */
static bool plainer_number(struct shrinker *sh, unsigned step, unsigned arg)
{
	struct value v = sh->best->steps[step].args[arg];
	const uint64_t plain[] = {
	    0, 1, REPLAY_PAGE, 2 * REPLAY_PAGE, v.add & ~(REPLAY_PAGE - 1), v.add - REPLAY_PAGE};

	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		v.add = plain[i];
		if (try_number(sh, step, arg, v))
			return true;
	}
	return false;
}

static bool plainer_word(struct shrinker *sh, unsigned step, unsigned word)
{
	static struct script candidate;

	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!(sh->best->steps[step].words[word] & bit))
			continue;
		candidate = *sh->best;
		candidate.steps[step].words[word] &= ~bit;
		if (keep(sh, &candidate))
			return true;
	}
	return false;
}

static bool plainer_target(struct shrinker *sh, unsigned step)
{
	static struct script candidate;

	if (sh->best->steps[step].verb != VERB_MAP || sh->best->steps[step].target < 0)
		return false;
	candidate = *sh->best;
	candidate.steps[step].target = -1;
	candidate.steps[step].args[2].add = 0;
	return keep(sh, &candidate);
}

static bool plainer_step(struct shrinker *sh, unsigned step)
{
	bool any = plainer_target(sh, step);

	for (unsigned i = 0; i < MAX_ARGS; i++)
		any |= plainer_number(sh, step, i);
	for (unsigned i = 0; i < MAX_WORD_ARGS; i++)
		any |= plainer_word(sh, step, i);
	return any;
}

void script_shrink(struct script *s, bool (*differs)(void *arg, const struct script *s), void *arg)
{
	struct shrinker sh = {s, differs, arg};
	bool any = true;

	for (unsigned rounds = 0; any && rounds < 20; rounds++) {
		any = fewer_steps(&sh);
		for (unsigned i = 0; i < s->nr_steps; i++)
			any |= plainer_step(&sh, i);
	}
}
