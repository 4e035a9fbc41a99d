/* SPDX-License-Identifier: MIT */
/*
 * play.h: executes scripts on one or two sides, and compares.
 */
#ifndef REPLAY_PLAY_H
#define REPLAY_PLAY_H

#include "replay/compare/compare.h"
#include "replay/side/side.h"

/* The exit status if the host is not as it was. */
#define STATUS_DAMAGED 3

struct play {
	struct side sides[2];
	unsigned nr_sides;
	bool left_out[2]; /* there is no machine there that the script could be executed on */
	char why[2][SIDE_WHY];
	bool verbose; /* the mappings after each step */
};

/* False: none of the sides is a machine for it, of which standard error tells. */
bool play_possible(struct play *p, const struct script *s);
/* Executes a script, where there is a machine for it.  False: there is none, or: a side or a
 * process of it has died, or takes too long, of which standard error tells. */
bool play_execute(struct play *p, const struct script *s);
/* The sides differ, or one could not execute it: then d->what is NULL. */
bool play_differs(struct play *p, const struct script *s, struct difference *d);
/*
 * Executes it and prints each step, what came of it, and what differs from the other side or from
 * what the script expects.  True: nothing does.
 */
bool play_script(struct play *p, const struct script *s);

#endif
