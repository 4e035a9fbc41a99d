/* SPDX-License-Identifier: MIT */
/*
 * defer.h: frames that wait for a grace period.
 */
#ifndef CORE_FRAME_DEFER_H
#define CORE_FRAME_DEFER_H

#include "core/base/machine.h"

struct frame_chain {
	pfn_t head; /* NO_FRAME: empty */
	uint32_t nr;
	bool tables; /* else pages of files */
};
#define CHAIN_OF_TABLES ((struct frame_chain){NO_FRAME, 0, true})
#define CHAIN_OF_PAGES ((struct frame_chain){NO_FRAME, 0, false})
/* n frames more of that kind are free but for a grace period, or (negative) are free. */
void frames_waiting(struct quire_machine *m, enum zone_kind kind, int64_t n);
/* A table that was taken out, or a page that has left its mapping, with the reference on it; or
 * such a page frozen. */
void chain_add(struct quire_machine *m, struct frame_chain *c, struct folio *f);
/* The chain's references are dropped a grace period later.  Empties it.  No lock, not in RCU. */
void frames_defer(struct quire_machine *m, struct frame_chain *c);
/* And at once, where no reader can have them.  No spinlock. */
void frames_put_now(struct quire_machine *m, struct frame_chain *c);

#endif
