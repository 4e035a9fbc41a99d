/* SPDX-License-Identifier: MIT */
/*
 * own_limits.h: the limits that we were started with.
 */
#ifndef RUN_OWN_LIMITS_H
#define RUN_OWN_LIMITS_H

#include <stdint.h>
#include <sys/resource.h>

struct run;

/* Ours are as high as they can be from here on; threads that are made get small stacks. */
void own_limits_take(struct run *run);
/* In the child that becomes the first process. */
void own_limits_give_back(const struct run *run);
/* Bytes of RAM for which what is left of limits has room. */
uint64_t own_limits_most_ram(void);
/* Ours, as it is now. */
rlim_t own_limits_hard(__rlimit_resource_t resource);

#endif
