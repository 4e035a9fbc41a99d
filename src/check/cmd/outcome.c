/* SPDX-License-Identifier: MIT */
/*
 * outcome.c: what came of pieces of work, put together.
 */
#include <string.h>

#include "check/cmd/check.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
	    [VERDICT_EXHAUSTED] = "exhausted",
	    [VERDICT_VIOLATION] = "VIOLATION",
	    [VERDICT_LIMIT] = "unfinished",
	    [VERDICT_SEARCHED] = "searched",
	};

	return names[v];
}

bool words_equal(const struct words *a, const struct words *b)
{
	return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof(a->v[0]));
}

/* Both are in ascending order. */
void words_join(struct words *to, const struct words *from)
{
	struct words a = *to;
	unsigned i = 0, k = 0, n = 0;

	while ((i < a.n || k < from->n) && n < SCHED_MAX_WORDS) {
		uint32_t x = i < a.n ? a.v[i] : UINT32_MAX;
		uint32_t y = k < from->n ? from->v[k] : UINT32_MAX;

		to->v[n++] = x < y ? x : y;
		i += x <= y;
		k += y <= x;
	}
	to->n = n;
}

static void take_violation(struct outcome *whole, const struct outcome *part)
{
	whole->verdict = VERDICT_VIOLATION;
	whole->bound = part->bound;
	whole->preemptions = part->preemptions;
	memcpy(whole->violation, part->violation, sizeof(whole->violation));
	memcpy(whole->id, part->id, sizeof(whole->id));
}

void outcome_add(struct outcome *whole, const struct outcome *part)
{
	bool first = whole->verdict != VERDICT_VIOLATION;

	whole->schedules += part->schedules;
	whole->pruned += part->pruned;
	whole->steps += part->steps;
	whole->restarts += part->restarts;
	whole->seconds += part->seconds;
	words_join(&whole->item.known, &part->item.known);
	if (part->verdict == VERDICT_VIOLATION) {
		if (first || part->preemptions < whole->preemptions)
			take_violation(whole, part);
	} else if (first) {
		if (part->verdict == VERDICT_LIMIT)
			whole->verdict = VERDICT_LIMIT;
		if (part->bound > whole->bound)
			whole->bound = part->bound;
	}
}
