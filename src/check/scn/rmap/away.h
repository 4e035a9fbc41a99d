/* SPDX-License-Identifier: MIT */
/*
 * away.h: an actor that walks twice, as whoever moves a page does: migration entries in the place
 * of all that map it, then the page in the place of these.
 *
 * An entry that the first walk misses goes on being used; one that the second walk misses is left
 * behind, and quire_verify() finds it.
 */
#ifndef CHECK_SCN_RMAP_AWAY_H
#define CHECK_SCN_RMAP_AWAY_H

#include "check/world/scenario.h"

#define AWAY_FRAME 8 /* note: the frame of the page */

/* From setup(): the page that w->mm has at addr. */
void away_choose(struct world *w, uint64_t addr);
/* The actor. */
void away_and_back(struct world *w);

#endif
