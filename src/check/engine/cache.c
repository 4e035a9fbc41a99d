/* SPDX-License-Identifier: MIT */
/*
 * cache.c: which states were explored: an open hash table of their hashes.
 *
 * Two states are taken for one if 58 bits of their hashes agree: with a million states that
 * happens once in half a million explorations.
 *
 * One that is shared lies in memory that forked processes have in common.  A state that one of
 * them has noted is explored by it, and is left to it by the others:
 *
 *   1  That is worth something only if all of them come to their end, and went by the same shared
 *      words in the end (run.c asks those again that did not).
 *   2  A hash means something for one set of shared words and one bound: both are part of the key.
 *   3  When it is full, states are no longer noted, and so explored more than once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check/engine/explore.h"

#define FIRST_SIZE (1u << 12)
#define SHARED_SIZE (1u << 24)
#define SHARED_PROBES 64u /* none free among so many: it is full */
#define LEFT_BITS 6
#define LEFT_MASK ((1ull << LEFT_BITS) - 1)

/* An entry: hash | left + 1; 0 is empty. */
struct state_cache {
	uint64_t *v;
	size_t size, used;
	uint64_t salt; /* (2) */
	bool shared;   /* used counts what this process has noted */
};

static void *xcalloc(size_t n, size_t bytes)
{
	void *p = calloc(n, bytes);

	if (!p)
		abort();
	return p;
}

struct state_cache *cache_new(void)
{
	struct state_cache *c = xcalloc(1, sizeof(*c));

	c->size = FIRST_SIZE;
	c->v = xcalloc(c->size, sizeof(*c->v));
	return c;
}

struct state_cache *cache_new_shared(void)
{
	struct state_cache *c = xcalloc(1, sizeof(*c));

	c->size = SHARED_SIZE;
	c->shared = true;
	c->v = mmap(NULL, c->size * sizeof(*c->v), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->v == MAP_FAILED)
		abort();
	return c;
}

void cache_free(struct state_cache *c)
{
	if (c->shared)
		munmap(c->v, c->size * sizeof(*c->v));
	else
		free(c->v);
	free(c);
}

static uint64_t salt_of(unsigned bound)
{
	uint32_t words[SCHED_MAX_WORDS];
	unsigned n = sched_words(words, SCHED_MAX_WORDS);
	uint64_t h = bound + 1;

	for (unsigned i = 0; i < n; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h;
}

void cache_begin(struct state_cache *c, unsigned bound)
{
	if (c->shared) {
		c->salt = salt_of(bound);
		return;
	}
	memset(c->v, 0, c->size * sizeof(*c->v));
	c->used = 0;
}

static uint64_t *slot_of(struct state_cache *c, uint64_t key)
{
	size_t i = (size_t)(key >> LEFT_BITS) & (c->size - 1);

	while (c->v[i] && (c->v[i] ^ key) & ~LEFT_MASK)
		i = (i + 1) & (c->size - 1);
	return &c->v[i];
}

static void grow(struct state_cache *c)
{
	struct state_cache old = *c;

	c->size *= 2;
	c->v = xcalloc(c->size, sizeof(*c->v));
	for (size_t i = 0; i < old.size; i++)
		if (old.v[i])
			*slot_of(c, old.v[i]) = old.v[i];
	free(old.v);
}

/* Notes entry at *slot, which was *old; false: it was noted with as many left. */
static bool note_shared(uint64_t *slot, uint64_t old, uint64_t entry)
{
	do {
		/* Another state has taken the free slot: noted nowhere, explored twice (3). */
		if (old && (old ^ entry) & ~LEFT_MASK)
			return true;
		if (old && (old & LEFT_MASK) >= (entry & LEFT_MASK))
			return false;
	} while (!__atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

static bool seen_shared(struct state_cache *c, uint64_t key, unsigned left)
{
	uint64_t entry = (key & ~LEFT_MASK) | (left + 1);
	size_t i = (size_t)(key >> LEFT_BITS);

	for (unsigned k = 0; k < SHARED_PROBES; k++, i++) {
		uint64_t *slot = &c->v[i & (c->size - 1)];
		uint64_t old = __atomic_load_n(slot, __ATOMIC_RELAXED);

		if (!old || !((old ^ entry) & ~LEFT_MASK))
			return !note_shared(slot, old, entry);
	}
	return false;
}

bool cache_seen(struct state_cache *c, uint64_t key, unsigned left)
{
	uint64_t entry = (key & ~LEFT_MASK) | (left + 1), *slot;

	if (c->shared)
		return seen_shared(c, key ^ c->salt, left);
	if (c->used * 2 > c->size)
		grow(c);
	slot = slot_of(c, key);
	if (*slot && (*slot & LEFT_MASK) >= left + 1)
		return true;
	if (!*slot)
		c->used++;
	*slot = entry;
	return false;
}
