/* SPDX-License-Identifier: MIT */
/*
 * block.h: blocks of 2^order frames side by side, of any order up to that of 1 GiB.
 *
 * Blocks are aligned from the first frame of their node on.
 */
#ifndef CORE_FRAME_BLOCK_H
#define CORE_FRAME_BLOCK_H

#include "core/frame/folio.h"

/*
 * The first frame of a block that was free, of one of these nodes, the nearest to `from` that has
 * one; out of the lists, without a reference.  NO_FRAME: there is none.  *zeroed: it reads as zero.
 * No allocation point.  No spinlock.
 */
pfn_t block_alloc(struct quire_machine *m, unsigned order, uint64_t nodes, unsigned from,
		  bool *zeroed);
/* A block without a reference goes back. */
void block_free(struct quire_machine *m, pfn_t first, unsigned order, bool zeroed);
/* A block without a reference becomes a folio, as folio_alloc() gives it. */
struct folio *block_to_folio(struct quire_machine *m, pfn_t first, unsigned order);
/* What is free beyond what block_free() has given back may go back to the host. */
void blocks_discard(struct quire_machine *m);
/* Frames of the zone up to the last whole block of the order have metadata (zone.c, 1). */
void zone_reach(struct quire_machine *m, unsigned zone, unsigned order);

#endif
