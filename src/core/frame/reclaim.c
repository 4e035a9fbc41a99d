/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c: before memory is out, what only waits for readers is waited for.
 *
 * Page tables that were taken out and pages of files become free a grace period later (defer.c).
 * Where mappings come and go faster than grace periods end, such frames can be all the memory there
 * is.
 *
 * An attempt is one try of a fault, fork or mremap.
 *
 *   1  Memory is out when three things are true: an attempt has found no frame free and none on its
 *      way; no other failed attempt gave any back meanwhile; and one more attempt (7) fared no
 *      better.  Memory is also out when other threads have taken what was tried for again MAX_TRIES
 *      times in a row.
 *   2  The allocation that finds no frame judges this (frames.c). At that moment the attempt still
 *      holds all that it had taken.  What it gives back afterwards is no reason to try again.
 *   3  A failed attempt gives back what it had before it is judged.  It is judged after what others
 *      have given back since it began.  So where attempts stand in each other's way, the last one
 *      has all of the memory.
 *   4  The attempt says which kind of frame it missed.  That some frame was missed is counted for
 *      the whole machine.  So an allocation point that was made to fail, or a refusal by a limit,
 *      is not taken for a want of frames unless some attempt found none of that kind at that time.
 *   5  The embedder (port->oom) is asked when memory is out, and told which memory.  A process may
 *      die for the answer.
 *   6  These functions are called without locks and outside RCU: the callbacks that they wait for
 *      may take any lock.
 *   7  The one more attempt of (1) comes after all attempts of faults and reads have ended that
 *      were under way when the first failed: a grace period.  The attempt that has the last frame
 *      in hand may bring in with it the very page that was wanted, or it gives the frame back.
 *      What a fork or an mremap has in hand is in use, too, until it has failed (3).
 *   8  Frames on their way are waited for until some have come back, not only until those that are
 *      queued have come back.  Between counting frames and queueing them a thread sleeps for
 *      readers only (defer.c, 1).
 */
#include "core/frame/reclaim.h"

#define MAX_TRIES 16

enum verdict { NOT_MISSED, TRY_AGAIN, IS_OUT };

static enum zone_kind kind_of(const struct quire_machine *m, int err)
{
	return err == -ENOTABLE && m->nr_table ? ZONE_TABLE : ZONE_RAM;
}

/* Invariant 3.  How many others have failed since the attempt began. */
static uint32_t count_failed(struct quire_machine *m, struct reclaim *r)
{
	uint32_t was = r->failed_attempts;

	r->failed_attempts = atomic_add(&m->failed_attempts, 1);
	return r->failed_attempts - was - 1;
}

/* Invariant 7: once, since what comes may be what the attempt itself has given back. */
static bool look_again(struct quire_machine *m, struct reclaim *r)
{
	if (r->looked_again || !RULE(attempts_end_first))
		return false;
	r->looked_again = true;
	STEP("waits for attempts that have begun");
	m->port.synchronize_rcu(m->port.ctx);
	return true;
}

/* Invariant 8.  Some of them come back: no thread sleeps between counting and queueing some. */
static void await_waiting(struct quire_machine *m, enum zone_kind kind)
{
	uint64_t were_back = atomic_load(&m->came_back[kind]);

	if (!atomic_load(&m->waiting[kind]))
		return;
	STEP("waits for frames that wait for readers");
	for (;;) {
		m->port.rcu_barrier(m->port.ctx);
		if (atomic_load(&m->came_back[kind]) != were_back ||
		    !atomic_load(&m->waiting[kind]) || !RULE(counted_frames_awaited))
			return;
		m->port.yield(m->port.ctx);
	}
}

/* missed: by how much that has moved (MISSED_*). */
static bool worth_another(struct quire_machine *m, struct reclaim *r, uint64_t missed)
{
	uint32_t others = count_failed(m, r);

	if (r->tries++ >= MAX_TRIES)
		return false;
	if (missed >= MISSED_SOME_COMING)
		return RULE(waiting_frames_awaited);
	return (others && RULE(given_back_counts)) || look_again(m, r);
}

static enum verdict judge(struct quire_machine *m, struct reclaim *r, int err)
{
	enum zone_kind kind = kind_of(m, err);
	uint64_t was = r->missed[kind], now = atomic_load(&m->missed[kind]);

	if (!is_no_frame(err) || now == was)
		return NOT_MISSED;
	r->missed[kind] = now;
	if (!worth_another(m, r, now - was))
		return IS_OUT;
	STEP("has found no frame, and tries again");
	await_waiting(m, kind);
	return TRY_AGAIN;
}

bool reclaim_retry(struct quire_machine *m, struct reclaim *r, int err)
{
	return judge(m, r, err) == TRY_AGAIN;
}

static enum quire_memory what_is_out(const struct quire_machine *m, enum verdict v, int err)
{
	if (v == NOT_MISSED)
		return QUIRE_MEMORY_OTHER;
	return kind_of(m, err) == ZONE_TABLE ? QUIRE_MEMORY_TABLES : QUIRE_MEMORY_RAM;
}

bool reclaim_for(struct quire_mm *mm, struct reclaim *r, int err, bool always)
{
	struct quire_machine *m = mm->machine;
	enum verdict v = judge(m, r, err);

	if (v == TRY_AGAIN)
		return true;
	if ((v == NOT_MISSED && !always) || !m->port.oom ||
	    !m->port.oom(m->port.ctx, mm, mm->cookie, what_is_out(m, v, err)))
		return false;
	r->tries = 0;
	r->looked_again = false;
	return true;
}
