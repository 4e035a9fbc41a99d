/* SPDX-License-Identifier: MIT */
/*
 * locks.c: locks: who holds them, who waits, and the order in which they are taken.
 *
 * A lock's word is 1 while it is held.  Owns actor->held.
 *
 *   1  Taking a lock and giving it back are decisions and events on its word.  To run an actor
 *      that wants the lock before it is given back, up to where the actor waits, differs from
 *      running it afterwards: there it would not wait, and to stop it would be one preemption
 *      more.
 *   2  Ranks are checked at each acquisition that may wait (lock_rank.h); RANK_NONE has none.
 */
#include "internal.h"

static const char *const rank_names[RANK_MAX] = {
    [RANK_NONE] = "word",
    [RANK_RESIZE] = "resize of huge pages (O)",
    [RANK_MMAP] = "mmap_lock (M)",
    [RANK_MMAP_NESTED] = "child's mmap_lock (M')",
    [RANK_FILE] = "write_lock (W)",
    [RANK_HUGE_FAULT] = "faults of the huge page (G)",
    [RANK_MAPPING] = "i_lock (I)",
    [RANK_ANON] = "anonymous root's lock (N)",
    [RANK_FOLIO] = "folio lock (F)",
    [RANK_PT_PARENT] = "lock of an upper table (U)",
    [RANK_PT_PARENT_NESTED] = "lock of a second upper table (U')",
    [RANK_PTL] = "PTL",
    [RANK_PTL_NESTED] = "second PTL",
    [RANK_INDEX] = "index_lock (X)",
    [RANK_HUGETLB] = "pools of huge pages (J)",
    [RANK_MMLIST] = "mm_lock (L)",
    [RANK_PCP] = "per-CPU lists' lock (C)",
    [RANK_ZONE] = "zone lock (Z)",
};

const char *rank_name(enum lock_rank rank)
{
	return rank < RANK_MAX ? rank_names[rank] : "?";
}

struct sched_actor *lock_holder(const uint32_t *word)
{
	for (unsigned i = 0; i < SCHED_ALL; i++)
		for (unsigned k = 0; k < S.actors[i].nr_held; k++)
			if (S.actors[i].held[k].word == word)
				return &S.actors[i];
	return NULL;
}

/* The scheduler's own accesses: the core's are reported by the compiler. */
static void set_word(uint32_t *word, uint32_t v)
{
	heap_check_range(word, sizeof(*word), true);
	if (S.watch && S.cur)
		S.watch(self_index(), word, sizeof(*word), true, __builtin_return_address(0));
	*word = v;
}

static void check_rank(enum lock_rank rank)
{
	const struct sched_actor *a = S.cur;

	for (unsigned k = a->first_held; k < a->nr_held; k++)
		if (a->held[k].rank >= rank && rank != RANK_NONE)
			sched_fail("lock order: %s takes %s while it holds %s",
				   sched_actor_name(self_index()), rank_name(rank),
				   rank_name(a->held[k].rank));
}

static void hold(const uint32_t *word, enum lock_rank rank)
{
	struct sched_actor *a = S.cur;

	if (a->nr_held == SCHED_MAX_HELD)
		sched_fail("%s holds too many locks", sched_actor_name(self_index()));
	a->held[a->nr_held++] = (struct sched_held){word, rank};
}

static void drop(const uint32_t *word, enum lock_rank rank)
{
	struct sched_actor *a = S.cur;

	for (unsigned k = a->nr_held; k-- > 0;) {
		if (a->held[k].word != word || a->held[k].rank != rank)
			continue;
		a->held[k] = a->held[--a->nr_held];
		return;
	}
	sched_fail("%s releases a %s that it does not hold", sched_actor_name(self_index()),
		   rank_name(rank));
}

/* The core tells of the locks of tables itself, with their addresses; those of the frames' lists
 * are rarely what a schedule is about. */
static bool quiet(enum lock_rank rank)
{
	return rank == RANK_PT_PARENT || rank == RANK_PT_PARENT_NESTED || rank == RANK_PTL ||
	       rank == RANK_PTL_NESTED || rank == RANK_MMLIST || rank == RANK_PCP ||
	       rank == RANK_ZONE;
}

static bool worth_telling(const uint32_t *word, enum lock_rank rank)
{
	return sched_telling && S.hot[arena_offset(word) >> 2] && (S.tell_raw || !quiet(rank));
}

void lock_rank_acquire(enum lock_rank rank)
{
	if (!S.cur)
		return;
	check_rank(rank);
	hold(NULL, rank);
}

void lock_rank_tried(enum lock_rank rank)
{
	if (S.cur)
		hold(NULL, rank);
}

void lock_rank_release(enum lock_rank rank)
{
	if (S.cur)
		drop(NULL, rank);
}

unsigned lock_rank_nest(void)
{
	unsigned outer = S.cur ? S.cur->first_held : 0;

	if (S.cur)
		S.cur->first_held = S.cur->nr_held;
	return outer;
}

void lock_rank_unnest(unsigned outer)
{
	if (S.cur)
		S.cur->first_held = outer;
}

void sched_lock(uint32_t *word, enum lock_rank rank)
{
	if (!scheduling()) {
		if (*word)
			sched_fail("%s is held when nobody runs", rank_name(rank));
		set_word(word, 1);
		return;
	}
	check_rank(rank);
	sched_decide(SCHED_RMW, word, 4);
	while (heap_check_range(word, sizeof(*word), false), *word)
		actor_block(BLOCK_LOCK, word, rank);
	sched_event(SCHED_RMW, word, 4);
	set_word(word, 1);
	hold(word, rank);
	if (worth_telling(word, rank))
		STEP("takes %s", rank_name(rank));
}

bool sched_trylock(uint32_t *word, enum lock_rank rank)
{
	sched_at(SCHED_RMW, word, 4);
	if (*word)
		return false;
	set_word(word, 1);
	if (scheduling())
		hold(word, rank);
	return true;
}

void sched_unlock(uint32_t *word, enum lock_rank rank)
{
	if (scheduling()) {
		sched_at(SCHED_RMW, word, 4);
		drop(word, rank);
		if (worth_telling(word, rank))
			STEP("releases %s", rank_name(rank));
	}
	set_word(word, 0);
	for (unsigned i = 0; i < SCHED_ALL; i++) {
		struct sched_actor *a = &S.actors[i];

		if (a->state == ACTOR_BLOCKED && a->why == BLOCK_LOCK && a->block_addr == word)
			actor_ready(a);
	}
}
