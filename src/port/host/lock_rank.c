/* SPDX-License-Identifier: MIT */
/*
 * lock_rank.c: checks the order of locks in debug builds (-DQUIRE_DEBUG_LOCKS).
 *
 * Owns, per thread, the ranks it holds.  A lock may be taken only when its rank
 * is above all of them: equal is an error too, since *_NESTED is the rank of a
 * second lock of one kind.  A lock that was only tried for cannot deadlock by itself: its order is
 * not checked, but it is held from then on, and what is taken after it is checked against it.
 * Locks may be released in any order.
 *
 * A callback of the embedder's that is made with locks held may make calls of its own, of things
 * that have nothing to do with those locks: their order is checked from there on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

#define MAX_HELD 320 /* a run of pages is locked at once (writeback.c) */

static __thread struct {
	enum lock_rank rank[MAX_HELD]; /* ascending from `first` on */
	unsigned count, first;         /* those before are of calls outside the callback */
} held __attribute__((tls_model("initial-exec")));

static const char *const names[RANK_MAX] = {
    [RANK_NONE] = "none",
    [RANK_RESIZE] = "resize of huge pages",
    [RANK_MMAP] = "mmap",
    [RANK_MMAP_NESTED] = "mmap (nested)",
    [RANK_FILE] = "file",
    [RANK_HUGE_FAULT] = "faults of a huge page",
    [RANK_MAPPING] = "mapping",
    [RANK_ANON] = "anonymous root",
    [RANK_FOLIO] = "folio",
    [RANK_PT_PARENT] = "upper page table",
    [RANK_PT_PARENT_NESTED] = "second upper page table",
    [RANK_PTL] = "page table",
    [RANK_PTL_NESTED] = "page table (nested)",
    [RANK_INDEX] = "index",
    [RANK_HUGETLB] = "pools of huge pages",
    [RANK_MMLIST] = "mm list",
    [RANK_PCP] = "per-CPU frames",
    [RANK_ZONE] = "zone",
};

static const char *name_of(enum lock_rank rank)
{
	return (unsigned)rank < RANK_MAX && names[rank] ? names[rank] : "?";
}

static _Noreturn void fail(const char *what, enum lock_rank rank, enum lock_rank top)
{
	fprintf(stderr, "quire: panic: lock rank: %s '%s' (%d) while holding '%s' (%d)\n", what,
		name_of(rank), (int)rank, name_of(top), (int)top);
	abort();
}

void lock_rank_acquire(enum lock_rank rank)
{
	enum lock_rank top = held.count > held.first ? held.rank[held.count - 1] : RANK_NONE;

	if (rank <= top)
		fail("taking", rank, top);
	lock_rank_tried(rank);
}

void lock_rank_tried(enum lock_rank rank)
{
	unsigned i = held.count;

	if (held.count == MAX_HELD)
		fail("too many locks: taking", rank, held.rank[i - 1]);
	for (; i > held.first && held.rank[i - 1] > rank; i--)
		held.rank[i] = held.rank[i - 1];
	held.rank[i] = rank;
	held.count++;
}

void lock_rank_release(enum lock_rank rank)
{
	unsigned i = held.count;

	while (i-- > 0) {
		if (held.rank[i] != rank)
			continue;
		held.count--;
		memmove(held.rank + i, held.rank + i + 1, (held.count - i) * sizeof(held.rank[0]));
		return;
	}
	fail("releasing", rank, held.count ? held.rank[held.count - 1] : RANK_NONE);
}

unsigned lock_rank_nest(void)
{
	unsigned outer = held.first;

	held.first = held.count;
	return outer;
}

void lock_rank_unnest(unsigned outer)
{
	if (held.count != held.first)
		fail("returning from a callback", RANK_NONE, held.rank[held.count - 1]);
	held.first = outer;
}
