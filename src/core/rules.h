/* SPDX-License-Identifier: MIT */
/*
 * rules.h: the protections that concurrency rests on, by name.
 *
 * RULE(name) stands where the core keeps one.  In the checker's build it is a switch: with the
 * rule off, `quire check --without name` has to find the bug that it prevents.  Everywhere
 * else it is the constant 1.
 *
 * QUIRE_RULES(X): X(name, what it says, where it comes from).  On the command line the
 * underscores of a name are dashes.
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#define QUIRE_RULES(X)                                                                             \
	X(vma_dead_check, "an entry is inserted only for a VMA that is alive under the PTL",       \
	  "message 004")

enum quire_rule {
#define X(name, text, source) RULE_##name,
	QUIRE_RULES(X)
#undef X
	    NR_RULES
};

#ifdef QUIRE_CHECKER
#include <stdbool.h>

/* True unless switched off. */
extern bool quire_rule_on[NR_RULES];
#define RULE(name) (quire_rule_on[RULE_##name])
#else
#define RULE(name) 1
#endif

#endif
