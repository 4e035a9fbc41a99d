/* SPDX-License-Identifier: MIT */
/*
 * tenants.h: who lives where: each space that a process executes in, once.
 */
#ifndef RUN_TENANTS_H
#define RUN_TENANTS_H

#include <sys/types.h>

struct proc;
struct run;
struct space;

#define MAX_TENANTS 1024u

struct tenant {
	struct proc *proc;   /* referenced; the first of them */
	struct space *space; /* referenced */
	pid_t pid;           /* 0: not known yet */
	char comm[16];
};

/* Into v, at most MAX_TENANTS; returns how many.  Takes G. */
unsigned tenants_list(struct run *run, struct tenant *v);
void tenants_put(struct tenant *v, unsigned n);

#endif
