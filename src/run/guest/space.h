/* SPDX-License-Identifier: MIT */
/*
 * space.h: address spaces.
 */
#ifndef RUN_SPACE_H
#define RUN_SPACE_H

#include "quire/quire.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

struct run;
struct slot;
struct window_ref;

/* A core mm and what belongs to it; shared by vfork and CLONE_VM children.  The mm's cookie. */
struct space {
	struct run *run;     /* C */
	struct quire_mm *mm; /* C */
	uint32_t refs;       /* A: users, plus requests being handled, plus readers */
	uint32_t users;      /* G: living processes; 0: nobody executes in it, flushes are no-ops */
	uint32_t nr_slots;   /* A: threads that are in it, or are about to be */
	struct slot *idle;   /* G: whose threads were in it: it maps their channels still */
	struct space *next, *prev;  /* G: run->spaces, while users > 0 */
	pthread_mutex_t flush_lock; /* E */

	pthread_mutex_t lock;
	struct window_ref *windows; /* H: by the low part of the file id */
	unsigned cap_windows;       /* H: allocated */
	unsigned low_free;          /* H: none below is free */
	bool dontfork;              /* A: a child may have windows of files that it does not map */

	/* Set by OP_EXEC_LOAD, inherited by fork; for maps.  Lie above GUEST_TASK_SIZE. */
	uint64_t vdso, vvar;                                 /* C after load */
	uint64_t vdso_bytes, vvar_bytes;                     /* A: 0 when moved (vdso_move.c) */
	char *exe;                                           /* C after load: path of the program */
	uint64_t start_code, end_code, start_data, end_data; /* C after load */
	uint64_t stack_top,
	    args_bytes; /* C after load: [stack_top - args_bytes, stack_top): argv.. */
	uint64_t entry; /* C after load */
};

/* What other rooms keep of a space.  run->space_hooks: who begins the run says which (start). */
struct space_hooks {
	int (*copy)(struct space *to, struct space *from); /* by fork, before the mm: 0 or -errno */
	void (*destroy)(struct space *s);                  /* with the last reference */
	void (*unmapped)(struct run *run);                 /* a space has no mappings any more */
};

struct space *space_get(struct space *s);
void space_put(struct space *s);

/* Of vvar and vdso, which count as mappings but are none of the core's. */
uint64_t space_special_bytes(const struct space *s);
/* One of its limits, as enum quire_rlimit.  Again where space_special_bytes() has changed. */
void space_limit(struct space *s, int i, const struct rlimit *r);
int space_create(struct run *run, const struct rlimit *rlim, struct space **out);
int space_fork(struct space *parent, struct space **out);
/* One more or one less process executes in it (G held).  Leaving returns true for the last. */
void space_enter_locked(struct space *s);
bool space_leave_locked(struct space *s);

#endif
