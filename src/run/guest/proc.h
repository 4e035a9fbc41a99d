/* SPDX-License-Identifier: MIT */
/*
 * proc.h: guest processes.
 */
#ifndef RUN_PROC_H
#define RUN_PROC_H

#include "run/guest/account.h"
#include "run/guest/slot.h"

enum proc_state {
	PROC_NEW, /* fork was granted; the child has not spoken yet */
	PROC_ALIVE,
	PROC_DEAD, /* kept for the report */
};

struct proc {
	struct proc *next, *prev;             /* G: run->procs, in order of birth */
	struct run *run;                      /* C */
	uint32_t refs;                        /* A: the list, its slots, readers */
	uint32_t parent_serial;               /* C: 0: the supervisor */
	enum proc_state state;                /* G */
	uint32_t serial;                      /* C: 1 is the first process */
	pid_t pid, ppid;                      /* G: host numbers; 0 until known */
	int pidfd, life;                      /* G: -1: none.  life: write end of its life pipe */
	unsigned promised;                    /* G: descriptors it has yet to get (fds.c) */
	struct space *space;                  /* G: NULL when dead */
	struct slot *slots;                   /* G: of its living threads, linked by next */
	unsigned nr_slots;                    /* G */
	struct slot *exec_slot;               /* G: one of them, for its next program; or NULL */
	char comm[16];                        /* G */
	char *exe;                            /* G: path */
	char cmdline[128];                    /* G: arguments, blanks between */
	bool vforked;                         /* G: shares the parent's space until exec */
	bool oom_killed;                      /* A */
	bool has_exit_status;                 /* G: it called exit_group itself */
	int exit_status;                      /* G */
	uint64_t born_ns, died_ns;            /* G: CLOCK_MONOTONIC */
	bool has_claims;                      /* G: dead, but children of it may still be to come */
	struct rlimit rlim[QUIRE_NR_RLIMITS]; /* G: virtual: the host process's own differ */
	struct proc_stats
	    stats; /* A (relaxed) while alive: what the present mm does not count itself */
	struct refusal *refusals;     /* G: PROC_MAX_REFUSALS of them, or NULL */
	unsigned nr_refusals;         /* G */
	struct proc *reap_next;       /* G: queue of the reaper */
	struct space *reap_space;     /* G: what it left */
	bool reap_last;               /* G: and was the last in */
	struct pending_exec *pending; /* O of the slot that execs */
};

struct proc *proc_get(struct proc *p);
void proc_put(struct proc *p);
/* The living guest process that has this pid or a thread of this id, or NULL (zombies do not live).
 * Both are referenced: proc_put(), space_put(). */
struct proc *proc_find(struct run *run, pid_t pid, struct space **space);

struct proc *proc_create_locked(struct run *run, struct proc *parent);
/*
 * It has spoken.  life: our end of its life pipe, or -1.  The caller closes what is returned, if it
 * is not -1: it has one, taken when its parent died, or is dead already.
 */
int proc_start_locked(struct proc *p, pid_t pid, int life);
void proc_start(struct proc *p, pid_t pid, int life);
/* The number by which the host knows it; from then on its death is noticed in any case.  False:
 * there is no such process any more.  G held. */
bool proc_set_pid(struct proc *p, pid_t pid);
/* exec: the process leaves its space for a new one; all slots but `keep` are retired. */
void proc_replace_space(struct proc *p, struct slot *keep, struct space *space);
void proc_set_names(struct proc *p, const char *exe, const char *comm);
void procs_fold_locked(struct run *run);
int procs_create(struct run *run);
void procs_destroy(struct run *run);

/* One of memory's limits (enum quire_rlimit). */
struct rlimit proc_limit(struct proc *p, int i);

/* What it is about to execute. */
struct pending_exec {
	char *path;
	char comm[16];
};
struct pending_exec *pending_create(const char *path, const char *comm);
void pending_free(struct pending_exec *p);

#endif
