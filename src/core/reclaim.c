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
 */
#include "core/folio.h"

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
