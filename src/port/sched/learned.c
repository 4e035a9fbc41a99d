/* SPDX-License-Identifier: MIT */
/*
 * learned.c: which words are shared, handed from one exploration to another.
 *
 * The decisions of a run depend on the words learned so far (point.c, 1).  Parts of one exploration
 * that are explored apart are parts of the same whole only if they go by the same words.
 */
#include <stdlib.h>

#include "internal.h"

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

unsigned sched_words(uint32_t *words, unsigned max)
{
	unsigned n = S.nr_hot < max ? S.nr_hot : max;

	for (unsigned i = 0; i < n; i++)
		words[i] = S.hot_list[i + 1];
	qsort(words, n, sizeof(*words), ascending);
	return n;
}

void sched_words_add(const uint32_t *words, unsigned n)
{
	for (unsigned i = 0; i < n && S.nr_hot + 1 < MAX_HOT; i++) {
		if (words[i] >= WORDS || S.hot[words[i]])
			continue;
		S.hot_list[++S.nr_hot] = words[i];
		S.hot[words[i]] = (uint16_t)S.nr_hot;
	}
}
