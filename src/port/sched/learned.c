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
	unsigned n = 0;

	for (unsigned i = 1; i <= S.nr_hot && n + 1 < max; i++) {
		uint32_t word = S.hot_list[i];

		words[n++] = word;
		if (S.hot[word] & HOT_PLAIN)
			words[n++] = word | SCHED_WORD_PLAIN;
	}
	qsort(words, n, sizeof(*words), ascending);
	return n;
}

void sched_words_add(const uint32_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t word = words[i] & ~SCHED_WORD_PLAIN;

		if (word < WORDS)
			point_make_hot(word, words[i] & SCHED_WORD_PLAIN);
	}
}
