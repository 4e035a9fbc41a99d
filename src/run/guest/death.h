/* SPDX-License-Identifier: MIT */
/*
 * death.h: the end of a guest process.
 */
#ifndef RUN_DEATH_H
#define RUN_DEATH_H

#include <stdbool.h>
#include <stdint.h>

struct run;
struct proc;

/* The process does not exist any more: everything of it but its record goes.  Idempotent. */
void proc_died(struct proc *p);
/* Dead, though the main thread may not have come to noticing it. */
bool proc_is_gone(const struct proc *p);
/* Claims of the dead that are too old end. */
void claims_expire(struct run *run);

/* The main thread is to look at p when the descriptor has such an event.  0 or -errno. */
int death_watch(struct run *run, struct proc *p, int fd, uint32_t events);

#endif
