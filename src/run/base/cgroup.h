/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h: how much memory the host allows us.
 */
#ifndef RUN_CGROUP_H
#define RUN_CGROUP_H

#include <stdint.h>

/*
 * The least limit of the memory cgroups that this process is in, version 1 or 2, up to the topmost
 * that can be seen; UINT64_MAX: none.  Files are looked for below `root`, which is "" but in tests.
 */
uint64_t cgroup_memory_limit(const char *root);

#endif
