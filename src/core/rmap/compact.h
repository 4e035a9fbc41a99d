/* SPDX-License-Identifier: MIT */
/*
 * compact.h: free blocks of many frames, made by moving pages together.
 */
#ifndef CORE_RMAP_COMPACT_H
#define CORE_RMAP_COMPACT_H

#include "core/frame/folio.h"

/*
 * folio_alloc() of a block, of any order up to that of 1 GiB, on one of these nodes, `from` first:
 * where there is none one is made.  *zeroed: it reads as zero, which else nobody has seen to.  Does
 * not wait for pages that are busy, nor for readers.  Sleeps; not in R, with no lock from F on
 * inwards.
 */
struct folio *folio_alloc_compacted(struct quire_machine *m, unsigned order, uint64_t nodes,
				    unsigned from, bool *zeroed);

/* As quire_compact(), of one node and of any order: so many blocks (0: all that can be) are made
 * free.  No lock but O; sleeps, and waits for pages that are busy. */
void compact_node(struct quire_machine *m, unsigned node, unsigned order, uint64_t want,
		  struct quire_compact_result *out);

#endif
