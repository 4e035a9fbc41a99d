/* SPDX-License-Identifier: MIT */
/*
 * privilege.h: the capability that no guest has (privilege.c).
 */
#ifndef RUN_PRIVILEGE_H
#define RUN_PRIVILEGE_H

#include <stdint.h>

struct run;

/* In the first process before it becomes a guest: neither it nor a descendant will have it. */
void privilege_withhold(struct run *run);
/* A guest's set of capabilities, and what it would hold besides if nothing had been withheld. */
uint64_t privilege_restored(uint64_t set);

#endif
