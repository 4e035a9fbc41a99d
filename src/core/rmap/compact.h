/* SPDX-License-Identifier: MIT */
/*
 * compact.h: free blocks of many frames, made by moving pages together.
 */
#ifndef CORE_RMAP_COMPACT_H
#define CORE_RMAP_COMPACT_H

#include "core/frame/folio.h"

/*
 * folio_alloc() of a block: where there is none of the order, one is made on the nodes, the nearest
 * first.  Does not wait for pages that are busy, nor for readers.  No lock; sleeps.  For huge
 * pages, which nothing makes yet.
 */
struct folio *folio_alloc_compacted(struct quire_machine *m, unsigned order, unsigned alloc_flags);

#endif
