/* SPDX-License-Identifier: MIT */
/*
 * random.h: random scripts.  The same source gives the same scripts, on every machine.
 */
#ifndef REPLAY_RANDOM_H
#define REPLAY_RANDOM_H

#include "replay/script/script.h"

struct random_source {
	uint64_t state;
};

struct random_source random_from(uint64_t seed);
/* 0 .. below - 1 */
uint64_t random_below(struct random_source *r, uint64_t below);

/* What a script is about.  One of huge pages has nothing that the host must not get. */
enum random_kind { RANDOM_ORDINARY, RANDOM_HUGE };
/* The next script. */
void random_script(struct random_source *r, enum random_kind kind, struct script *s);

#endif
