/* SPDX-License-Identifier: MIT */
/*
 * allow_huge.h: allowances of scripts about huge pages, between the host and another side: the
 * table in allow.c says what each is for.
 */
#ifndef REPLAY_ALLOW_HUGE_H
#define REPLAY_ALLOW_HUGE_H

#include "replay/compare/compare.h"

bool allow_below_zero(const struct place *at);
bool allow_cached_huge(const struct place *at);
bool allow_late_end(const struct place *at);
bool allow_beyond_end(const struct place *at);
bool allow_lost_quota(const struct place *at);
bool allow_order_of_mappings(const struct place *at);
bool allow_refused_gap(const struct place *at);
bool allow_mark_inherited(const struct place *at);

#endif
