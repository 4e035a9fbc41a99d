/* SPDX-License-Identifier: MIT */
/*
 * mover.h: whoever moves a page to another frame, which it has found by its number: it may be
 * another page by then.
 */
#ifndef CHECK_SCN_MEMORY_MOVER_H
#define CHECK_SCN_MEMORY_MOVER_H

#include "check/world/scenario.h"
#include "core/base/mm_types.h"

#define OTHER_FRAME 11 /* note: of another page */
#define MOVED_FRAME 12 /* note: of the page */
#define MOVES 13       /* note: pages that have been moved */

/* From setup(): the page that w->mm has at addr. */
void moved_choose(struct world *w, uint64_t addr);
void moved_choose_other(struct world *w, uint64_t addr);
/* A setup(): a private page at w->addr, which holds 5, is the one. */
void moved_setup(struct world *w);
/* The same, cached writable by CPU 0; and with a child that shares it. */
void moved_setup_cached(struct world *w);
void moved_setup_forked(struct world *w);
/* What is in the frame now. */
struct folio *moved_folio(struct world *w);
/* Actors.  The second: nothing keeps the page, so that it is moved for sure. */
void moved_page(struct world *w);
void moved_for_sure(struct world *w);
void moved_other(struct world *w);
/* Both at once, for the price of one flush of w->mm. */
void moved_both(struct world *w);
void moved_both_from_behind(struct world *w);

#endif
