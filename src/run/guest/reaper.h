/* SPDX-License-Identifier: MIT */
/*
 * reaper.h: address spaces of dead processes are taken apart.
 */
#ifndef RUN_REAPER_H
#define RUN_REAPER_H

#include <stdbool.h>

struct run;
struct proc;
struct space;

int reaper_start(struct run *run);
/* What the mm counted becomes p's; then all of it is unmapped.  Nobody is in the space any more. */
void space_absorb(struct proc *p, struct space *space);
void reaper_stop(struct run *run);
/* The dead process's space (its reference goes along); last: nobody is in it any more.  G held. */
void reaper_push_locked(struct proc *p, struct space *space, bool last);

#endif
