/* SPDX-License-Identifier: MIT */
/*
 * large_world.h: what scenarios of large pages share: world/large.c is the kind of mapping, w->file
 * the file, and a large page lies at w->addr.
 */
#ifndef CHECK_SCN_FAULT_LARGE_WORLD_H
#define CHECK_SCN_FAULT_LARGE_WORLD_H

#include "check/world/scenario.h"

#define BIG (2ull << 20)
#define FRAMES (3u * 512)           /* of RAM: two large pages, and what small ones are needed */
#define INSIDE (w->addr + 5 * PAGE) /* not the first page of the large one */
#define ELSEWHERE (w->addr + (1ull << 30))

/* For a setup(). */
void make_large(struct world *w);
void map_large(struct world *w, int flags);

/* Nothing is there yet but the tables above, which a small page behind it has, too. */
void large_setup_untouched(struct world *w);
void large_setup_shared_untouched(struct world *w);
/* The next large page is there, and this one is not. */
void large_setup_touched_before(struct world *w);
/* The page holds 5; the private one is cached by CPU 1. */
void large_setup_private(struct world *w);
void large_setup_shared(struct world *w);

/* Actors.  The first: note 0 says that it has stored 7; the second: note 1 that it is over. */
void large_store_inside(struct world *w);
void large_truncate_all(struct world *w);
void large_fork_only(struct world *w);

void large_check_nothing(struct world *w);
void large_check_stored(struct world *w);
void large_check_truncated(struct world *w);

#endif
