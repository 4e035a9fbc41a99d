/* SPDX-License-Identifier: MIT */
/*
 * test_ds_alloc.h: an allocator for the tests of ds/ that counts, and fails when
 * told to.  One thread.
 */
#ifndef QUIRE_TEST_DS_ALLOC_H
#define QUIRE_TEST_DS_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct counter {
	int64_t bytes;        /* given out and not yet given back */
	unsigned calls;       /* of alloc, since counter_fail_at() */
	unsigned fail_at;     /* this call of alloc fails; 0: none */
	unsigned retirements; /* calls of retire */
};

static inline void *counter_alloc(void *ctx, size_t bytes)
{
	struct counter *c = ctx;
	void *p;

	if (++c->calls == c->fail_at)
		return NULL;
	p = malloc(bytes);
	if (p) {
		memset(p, 0xa5, bytes);
		c->bytes += (int64_t)bytes;
	}
	return p;
}

static inline void counter_free(void *ctx, void *p, size_t bytes)
{
	struct counter *c = ctx;

	memset(p, 0x5a, bytes);
	c->bytes -= (int64_t)bytes;
	free(p);
}

static inline void counter_fail_at(struct counter *c, unsigned call)
{
	c->calls = 0;
	c->fail_at = call;
}

/* xorshift: the tests must be the same everywhere. */
static inline uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t rnd_below(uint64_t *state, uint64_t n)
{
	return rnd(state) % n;
}

#endif
