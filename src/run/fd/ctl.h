/* SPDX-License-Identifier: MIT */
/*
 * ctl.h: descriptors that guests send.
 */
#ifndef RUN_CTL_H
#define RUN_CTL_H

#include <stdint.h>

struct run;

int ctl_create(struct run *run, int *guest_end);
/* A thread has the slot from here on: what it sends is taken in.  Nobody has it any more. */
void ctl_open(struct run *run, uint32_t slot);
void ctl_close(struct run *run, uint32_t slot);
/* Descriptor that slot's thread sent under this token, now the caller's; or -EBADF. */
int ctl_take(struct run *run, uint32_t slot, uint64_t token);
/* Any descriptor that this slot has sent (a forked child's life pipe), or -1. */
int ctl_take_any(struct run *run, uint32_t slot);
/* Closes what the slot's thread has sent, which sends nothing more. */
void ctl_forget(struct run *run, uint32_t slot);
/* Without a listener: waits for the next kick.  Slot number, or -1. */
int ctl_wait_kick(struct run *run);
/* Empties the socket into the table. */
void ctl_drain(struct run *run);

#endif
