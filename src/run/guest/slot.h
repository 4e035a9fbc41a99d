/* SPDX-License-Identifier: MIT */
/*
 * slot.h: a guest thread's channel, and what the supervisor knows of the thread.
 */
#ifndef RUN_SLOT_H
#define RUN_SLOT_H

#include "run/guest/space.h"
#include "run/wire/proto.h"

struct proc;

/* One guest thread's channel, and the supervisor's own knowledge of it (never in shared memory). */
struct slot {
	unsigned index;        /* C */
	struct chan *chan;     /* C: shared with the guest: trust nothing in it */
	struct answer *answer; /* C: which guests only read */
	pthread_mutex_t lock;
	struct proc *proc;   /* G; C while a worker is attached; referenced */
	struct space *space; /* O after the thread started; referenced */
	bool started;        /* A: the thread has spoken: it may have host mappings */
	pid_t tid;           /* S: of its last kick; 0 until the first */
	bool used, gone;     /* S: given to a thread; that thread is dead */
	bool owned;          /* S: a worker is attached */
	uint64_t notif;      /* S: notification that the sleeping guest waits on, 0: none */
	uint32_t event;      /* A: futex: bumped at a kick, at death */
	uint32_t turn;       /* O: last turn we saw or wrote */
	bool owes_turn;      /* O: stopped, or dead, in a flush that we did not wait for */
	uint32_t gap_ns; /* O: running mean of the time between our answer and the next request */
	uint64_t answered_ns;   /* O: when we last gave the turn away */
	uint64_t unfilled;      /* O: page plus 1, whose flush was left to its fill; 0: none */
	uint64_t asked;         /* G: the remote flush that last asked its thread .. */
	uint64_t signalled;     /* G: .. and that last sent it a signal */
	uint32_t service;       /* G: number of the last request of flush.c's; never goes back */
	struct quire_task task; /* O: the thread's memory policy, and the node it is on */
	struct slot *next;      /* G: list of the process's slots, or of free or idle ones */
};

int slots_create(struct run *run);
/* A free slot for a thread of p, or NULL.  G held. */
struct slot *slot_alloc_locked(struct run *run, struct proc *p, struct space *space);
/* Nobody executes in the space any more, and maps channels there.  G held. */
void slots_unmapped_locked(struct space *space);
/* The thread is gone, or never came: free once no worker is attached.  G held. */
void slot_retire_locked(struct slot *s);
/* The attached worker leaves a retired slot.  Takes G. */
void slot_reap(struct slot *s);
void slot_set_space(struct slot *s, struct space *space);
void slot_set_leader(struct slot *s);
/* The threads of a space: of p, or of the processes after it; NULL: no more.  G held. */
struct slot *slot_first_locked(const struct space *space, struct proc *p);
struct slot *slot_next_locked(const struct slot *s, const struct space *space);
/* The host's number of its thread: until it has kicked, its process's. */
pid_t slot_tid(const struct slot *s);

#endif
