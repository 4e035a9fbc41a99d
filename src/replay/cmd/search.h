/* SPDX-License-Identifier: MIT */
/*
 * search.h: plays random scripts until two sides differ.
 */
#ifndef REPLAY_SEARCH_H
#define REPLAY_SEARCH_H

#include "replay/cmd/play.h"
#include "replay/random/random.h"

struct search {
	uint64_t seed, seeds; /* seeds from seed on */
	uint64_t count;       /* steps of each */
	enum random_kind kind;
};

/*
 * Each difference is shrunk, printed and saved as replay-SEED.txt in the current directory.
 * Returns how many seeds have shown one.
 */
uint64_t search_random(struct play *p, const struct search *search);

#endif
