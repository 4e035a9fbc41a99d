/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c: before memory is said to be out: what only waits for readers is waited for.
 *
 * Page tables that were taken out and pages of files are free a grace period later (defer.c).
 * Where mappings come and go faster than grace periods end, they can be all the memory there is.
 *
 *   1  Nothing is waited for unless an allocation found no frame while some of that kind were on
 *      their way (frames.c counts those): a point that was made to fail fails.
 *   2  Called without locks and outside RCU: the callbacks that are waited for may take any lock.
 *   3  The embedder is asked (port->oom) last, and told what is out: of that there is no frame free
 *      by then, or too few again and again: what a failed attempt gives back, which needs more than
 *      there is, is free or on its way each time.  Somebody may die for the answer.
 *   4  Misses are counted for the whole machine.  So only that is brought here on behalf of an mm
 *      which failed where frames are asked for: a refusal by a limit has nothing to do with what
 *      others miss meanwhile.
 */
#include "core/folio.h"
#include "core/mm.h"

#define MAX_TRIES 16 /* others may take it all each time */

bool reclaim_retry(struct quire_machine *m, struct reclaim *r)
{
	uint32_t failures = at_load(&m->frame_failures);

	if (failures == r->failures || r->tries >= MAX_TRIES || !RULE(waiting_frames_awaited))
		return false;
	r->failures = failures;
	r->tries++;
	STEP("waits for frames that wait for readers");
	m->port.rcu_barrier(m->port.ctx);
	return true;
}

/* Since r was begun, or this was last asked: what was missed, and is still. */
static enum quire_memory what_is_out(struct quire_machine *m, struct reclaim *r)
{
	enum quire_memory what = QUIRE_MEMORY_OTHER;

	for (unsigned kind = 0; kind < NR_ZONE_KINDS; kind++) {
		uint32_t missed = at_load(&m->missed[kind]);

		if (missed != r->missed[kind] &&
		    (what == QUIRE_MEMORY_OTHER || !frames_free_count(m, kind)))
			what = kind == ZONE_TABLE ? QUIRE_MEMORY_TABLES : QUIRE_MEMORY_RAM;
		r->missed[kind] = missed;
	}
	return what;
}

static bool any_free(struct quire_machine *m, enum quire_memory what)
{
	return frames_free_count(m, what == QUIRE_MEMORY_TABLES ? ZONE_TABLE : ZONE_RAM) != 0;
}

bool reclaim_for(struct quire_mm *mm, struct reclaim *r, bool always)
{
	struct quire_machine *m = mm->machine;
	enum quire_memory what;

	if (reclaim_retry(m, r))
		return true;
	what = what_is_out(m, r);
	if (what == QUIRE_MEMORY_OTHER && !always)
		return false;
	if (what != QUIRE_MEMORY_OTHER && any_free(m, what) && r->tries++ < MAX_TRIES)
		return true;
	if (!m->port.oom || !m->port.oom(m->port.ctx, mm, mm->cookie, what))
		return false;
	r->tries = 0;
	return true;
}
