/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h: what is done before a want of memory is reported.
 */
#ifndef CORE_FRAME_RECLAIM_H
#define CORE_FRAME_RECLAIM_H

#include "core/base/mm_types.h"

/*
 * What steps inside the core return for want of a frame, so that a failed attempt knows of which
 * kind.  Among them -QENOMEM is a want of metadata, or of what a callback of the embedder wanted.
 * No call of quire.h returns these two: memory_errno().
 */
#define ENOPAGE 4097  /* in RAM */
#define ENOTABLE 4098 /* for a page table, wherever these are */

static inline bool is_no_frame(int err)
{
	return err == -ENOPAGE || err == -ENOTABLE;
}

static inline int memory_errno(int err)
{
	return is_no_frame(err) ? -QENOMEM : err;
}

struct reclaim {
	uint64_t missed[NR_ZONE_KINDS]; /* machine->missed, as it was */
	uint32_t failed_attempts;       /* machine->failed_attempts, when the attempt began */
	unsigned tries;                 /* in vain, since the embedder was asked */
	bool looked_again;
};
/* Ahead of what allocates frames.  Field by field: a copy of the whole would wait
 * for its stores. */
static inline void reclaim_begin(const struct quire_machine *m, struct reclaim *r)
{
	r->missed[ZONE_RAM] = atomic_load_relaxed(&m->missed[ZONE_RAM]);
	r->missed[ZONE_TABLE] = atomic_load_relaxed(&m->missed[ZONE_TABLE]);
	r->failed_attempts = atomic_load_relaxed(&m->failed_attempts);
	r->tries = 0;
	r->looked_again = false;
}
/*
 * An attempt has failed with err.  True: frames that it wanted have come free, or were waited for:
 * worth another.  No lock held, not in RCU: may wait for a grace period.
 */
bool reclaim_retry(struct quire_machine *m, struct reclaim *r, int err);
/*
 * The same on behalf of mm: in the end port->oom is asked; where no frame was missed only if
 * `always`.
 */
bool reclaim_for(struct quire_mm *mm, struct reclaim *r, int err, bool always);

#endif
