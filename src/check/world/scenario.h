/* SPDX-License-Identifier: MIT */
/*
 * scenario.h: what a scenario is made of.
 *
 * setup() builds the world, once; every run begins with what it left.  Each actor is a function
 * that runs on a CPU of its own; check() sees the world when all have ended, and quire_verify()
 * is called after it by itself.
 */
#ifndef CHECK_SCENARIO_H
#define CHECK_SCENARIO_H

#include "check/engine/explore.h"
#include "check/world/world.h"
#include "core/base/rules.h"

#define MAX_GUARDS 12

struct scenario_actor {
	const char *name; /* the head of its column */
	void (*run)(struct world *w);
};

struct scenario {
	const char *name;   /* with dashes */
	const char *title;  /* one line */
	const char *source; /* where it comes from: docs/checking.md */
	/* Of docs/locking.md, "Who excludes whom": "fault × map, unmap; exit × truncate". */
	const char *pairs;
	unsigned bound; /* if not the default one */
	unsigned alloc_failures;
	unsigned frames; /* of RAM; 0: 48 */
	bool device;     /* there is one (device.c) */
	bool polls;      /* the port can say when readers have gone (recycle.c) */
	bool no_tlb;     /* its CPUs cache no translations: a port without tlb_flush */
	void (*setup)(struct world *w);
	struct scenario_actor actors[SCHED_ACTORS];
	void (*check)(struct world *w); /* may be NULL */
	unsigned nr_guards;
	enum quire_rule guards[MAX_GUARDS]; /* rules without which it finds a violation */
};

/*
 * Defines a scenario: SCENARIO(fault_brk) = {.name = "fault-brk", ...};  Nothing else lists it.
 * Whoever links the archive of scenarios takes the whole of it (check_all in meson.build).
 */
#define SCENARIO(id)                                                                               \
	static const struct scenario id;                                                           \
	static const struct scenario *const id##_listed                                            \
	    __attribute__((section("scenarios"), used)) = &id;                                     \
	static const struct scenario id

/* Builds the scenario's world and takes the snapshot; *out is what to explore. */
void world_build(const struct scenario *s, struct subject *out);

#endif
