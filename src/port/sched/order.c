/* SPDX-License-Identifier: MIT */
/*
 * order.c: which accesses are ordered by others, and which only happened to come in this order.
 *
 * Owns S.shadow, S.knows and S.races.
 *
 * A plain access is no decision: locks, grace periods or a published pointer are to order it with
 * whatever conflicts with it.  Where nothing does, that is noticed here, in a run in which it
 * went well, and the word is a decision from the next run on, plain accesses included: so the
 * order in which it goes wrong is found.  Freeing memory is a write to all of it.
 *
 *   1  An actor's clock moves with each of its events on hot words.  S.knows[a][b] is the clock
 *      of b up to which all that b did comes before what a does now, by a chain of events each
 *      on the same word as the one before, one of the two a write.
 *   2  Clocks are taken from one counter that never goes back, so that nothing needs clearing
 *      between runs.
 *   3  In a run that meets words newly shared the chains are not known: its races do not count.
 */
#include <string.h>

#include "internal.h"

#define CLOCK_MAX (1u << 28)

void order_begin_run(void)
{
	uint32_t before = S.clock;

	if (before > CLOCK_MAX) {
		memset(&S.shadow, 0, sizeof(S.shadow));
		before = S.clock = 0;
	}
	for (unsigned a = 0; a < SCHED_ALL; a++) {
		for (unsigned b = 0; b < SCHED_ALL; b++)
			S.knows[a][b] = before;
		S.knows[a][a] = ++S.clock;
	}
	S.nr_races = 0;
	S.told = NULL;
}

/* ---- chains ------------------------------------------------------------------ */

static void join(uint32_t *to, const uint32_t *from)
{
	for (unsigned i = 0; i < SCHED_ALL; i++)
		to[i] = to[i] > from[i] ? to[i] : from[i];
}

void order_acquire(const struct hot_word *h, bool write)
{
	uint32_t *mine = S.knows[self_index()];

	join(mine, h->after_write);
	if (write)
		join(mine, h->after_reads);
}

void order_release(struct hot_word *h, bool write)
{
	uint32_t *mine = S.knows[self_index()];

	if (write) {
		memcpy(h->after_write, mine, sizeof(h->after_write));
		memset(h->after_reads, 0, sizeof(h->after_reads));
	} else {
		join(h->after_reads, mine);
	}
	mine[self_index()] = ++S.clock;
}

/* ---- races ------------------------------------------------------------------- */

static void note_race(uint32_t word)
{
	if (S.nr_races < MAX_RACES && !(S.hot[word] & HOT_PLAIN))
		S.races[S.nr_races++] = word;
}

static inline bool unordered_write(const uint32_t *mine, uint32_t stamp)
{
	return stamp >> STAMP_SHIFT > mine[stamp & STAMP_ACTOR];
}

static bool unordered_read(const uint32_t *mine, uint32_t word)
{
	for (unsigned b = 0; b < SCHED_ALL; b++)
		if (S.shadow.read[b][word] > mine[b])
			return true;
	return false;
}

/*
 * The same access again, with no event of this actor in between, tells nothing new: whoever came
 * between was not ordered with the first, and has noted that.
 */
static inline void narrow_read(unsigned self, const uint32_t *mine, uint32_t word)
{
	uint32_t chunk = word / CHUNK_WORDS;
	struct shadow *s = &S.shadow;

	if (s->read[self][word] == mine[self])
		return;
	s->read[self][word] = s->any_read[self][chunk] = mine[self];
	if (__builtin_expect(unordered_write(mine, s->write[word]) ||
				 unordered_write(mine, s->wide_write[chunk]),
			     0))
		note_race(word);
}

static inline void narrow_write(unsigned self, const uint32_t *mine, uint32_t word)
{
	uint32_t chunk = word / CHUNK_WORDS, stamp = mine[self] << STAMP_SHIFT | self;
	struct shadow *s = &S.shadow;
	bool race;

	if (s->write[word] == stamp)
		return;
	race = unordered_write(mine, s->write[word]) || unordered_write(mine, s->wide_write[chunk]);
	for (unsigned b = 0; b < SCHED_ALL; b++)
		race |= s->read[b][word] > mine[b] || s->wide_read[b][chunk] > mine[b];
	s->write[word] = stamp;
	s->any_write[self][chunk] = mine[self];
	if (__builtin_expect(race, 0))
		note_race(word);
}

/* Something in the chunk is not ordered with an access to all of it. */
static void find_races(const uint32_t *mine, uint32_t chunk, bool write)
{
	uint32_t first = chunk * CHUNK_WORDS, before = S.nr_races;

	for (uint32_t word = first; word < first + CHUNK_WORDS; word++)
		if (unordered_write(mine, S.shadow.write[word]) ||
		    (write && unordered_read(mine, word)))
			note_race(word);
	if (S.nr_races == before)
		note_race(first);
}

static void wide(uint32_t chunk, bool write)
{
	unsigned self = self_index();
	const uint32_t *mine = S.knows[self];
	struct shadow *s = &S.shadow;
	bool race = unordered_write(mine, s->wide_write[chunk]);

	for (unsigned b = 0; b < SCHED_ALL; b++) {
		race |= s->any_write[b][chunk] > mine[b];
		if (write)
			race |= s->any_read[b][chunk] > mine[b] || s->wide_read[b][chunk] > mine[b];
	}
	if (race)
		find_races(mine, chunk, write);
	if (write)
		s->wide_write[chunk] = mine[self] << STAMP_SHIFT | self;
	else
		s->wide_read[self][chunk] = mine[self];
}

/* Words up to the next chunk; a chunk at once where it is whole. */
static uint32_t access_some(uint32_t word, uint32_t last, bool write)
{
	unsigned self = self_index();
	const uint32_t *mine = S.knows[self];
	uint32_t end = (word | (CHUNK_WORDS - 1)) + 1;

	if (end - word == CHUNK_WORDS && last >= end - 1) {
		wide(word / CHUNK_WORDS, write);
		return end;
	}
	end = end <= last ? end : last + 1;
	if (write)
		for (; word < end; word++)
			narrow_write(self, mine, word);
	else
		for (; word < end; word++)
			narrow_read(self, mine, word);
	return end;
}

void order_access(uint32_t at, size_t bytes, bool write)
{
	uint32_t word = at >> 2, last = (at + (uint32_t)bytes - 1) >> 2;

	while (word <= last)
		word = access_some(word, last, write);
}
