/* SPDX-License-Identifier: MIT */
/*
 * engine.h: small programs of actors on the checker's engine, without the core.
 *
 * A program's shared memory is one struct in the arena; its actors are functions of it.
 */
#ifndef TESTS_CHECK_ENGINE_H
#define TESTS_CHECK_ENGINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/engine/explore.h"
#include "sched.h"
#include "sync.h"

struct cell {
	uint64_t value;
	struct cell *next;
	struct quire_rcu_head rcu;
};

struct shared {
	struct quire_port port;
	uint64_t t;
	uint32_t x, y, flag, seq;
	uint32_t plain;
	struct spinlock a, b;
	struct cell *ptr;
	struct cell *v[3];
	uint32_t tagged;
	uint32_t pte, tlb; /* index of a frame + 1 */
	struct cell *frame[3];
	uint32_t got[SCHED_ACTORS];
};

extern struct shared *sh;

/* Empty memory, actors still to be named. */
void world_new(void);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#endif
