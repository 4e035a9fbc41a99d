/* SPDX-License-Identifier: MIT */
/*
 * pool.h: the host's pools of huge pages, which are the whole machine's: one run at a time has
 * them, finds them empty, and puts them back as they were.
 */
#ifndef REPLAY_POOL_H
#define REPLAY_POOL_H

#include <stdbool.h>

/*
 * This run has the pools from now on, and they are empty; waits while another has them.  A keeper,
 * a process of its own, puts them back when this process has ended, however it does.  NULL, or what
 * the host is that it cannot: "lets only root ..".  Later calls say the same again.
 */
const char *pool_take(void);
/* After a script: empties the pools.  False: they do not become as they were before. */
bool pool_settle(void);
/* The four counters of the pools, as text, for whoever is told of that. */
const char *pool_text(void);
/* Puts the pools back as they were found, if they were taken.  False: the keeper could not. */
bool pool_release(void);

#endif
