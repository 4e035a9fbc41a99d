/* SPDX-License-Identifier: MIT */
/*
 * hold.h: a block that is being emptied keeps what becomes free in it (hold.c).
 *
 * Zones are named by their number: of RAM's, the node.
 */
#ifndef CORE_FRAME_HOLD_H
#define CORE_FRAME_HOLD_H

#include "core/frame/folio.h"

/* Frames of it that were ever used: [*first, *end).  Blocks are aligned from *first on. */
void zone_span(const struct quire_machine *m, unsigned zone, pfn_t *first, pfn_t *end);

/*
 * How many free frames are not in a free block of this order, or a larger one.  Of an order that no
 * list has: all free frames.
 */
uint32_t zone_broken(struct quire_machine *m, unsigned zone, unsigned order);

/*
 * The free frames of [first, first + 2^order) leave the free lists, and those that are freed from
 * now on do not enter them.  False: the zone holds others, or these were never used.
 */
bool zone_hold(struct quire_machine *m, unsigned zone, pfn_t first, unsigned order);
/* The range that begins there is held still: no allocation has needed it. */
bool zone_holds(struct quire_machine *m, unsigned zone, pfn_t first);
/* It is held no longer, and what is free of it is in the lists. */
void zone_release(struct quire_machine *m, unsigned zone, pfn_t first);
/* If all of it is free it is the caller's: out of the lists, without a reference. */
bool zone_take_held(struct quire_machine *m, unsigned zone, pfn_t first);

#endif
