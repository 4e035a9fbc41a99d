/* SPDX-License-Identifier: MIT */
/*
 * known.h: what is known by name: scenarios, rules, and schedules that were a bug once.
 */
#ifndef CHECK_KNOWN_H
#define CHECK_KNOWN_H

#include "check/world/scenario.h"

/* ---- scenarios.c */
const struct scenario *const *scenarios(void); /* in the order of their names; ends with NULL */
const struct scenario *scenario_find(const char *name);

/* ---- rules.c */
const char *rule_name(enum quire_rule rule); /* with dashes */
int rule_find(const char *name);             /* -1: none */
const char *rule_text(enum quire_rule rule);
const char *rule_source(enum quire_rule rule);

/* ---- replays.c */

/* A schedule that was a bug once. */
struct known_replay {
	const char *name;
	const char *scenario;
	enum quire_rule rule; /* that mends it */
	const char *schedule;
};
extern const struct known_replay known_replays[]; /* ends without a name */
/* True: a violation without the rule, none with it. */
bool replay_known(const struct known_replay *k, char *violation, size_t len);

#endif
