/* SPDX-License-Identifier: MIT */
/*
 * cache.c: which states were explored: an open hash table of their hashes.
 *
 * Two states are taken for one if 58 bits of their hashes agree: with a million states that
 * happens once in half a million explorations.
 */
#include <stdlib.h>
#include <string.h>

#include "explore.h"

#define FIRST_SIZE (1u << 12)
#define LEFT_BITS 6
#define LEFT_MASK ((1ull << LEFT_BITS) - 1)

/* An entry: hash | left + 1; 0 is empty. */
struct state_cache {
	uint64_t *v;
	size_t size, used;
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

void cache_free(struct state_cache *c)
{
	free(c->v);
	free(c);
}

void cache_clear(struct state_cache *c)
{
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

bool cache_seen(struct state_cache *c, uint64_t key, unsigned left)
{
	uint64_t entry = (key & ~LEFT_MASK) | (left + 1), *slot;

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
