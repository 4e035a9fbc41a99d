/* SPDX-License-Identifier: MIT */
/*
 * compact.h: memory is compacted because a program asks for it.
 */
#ifndef RUN_COMPACT_H
#define RUN_COMPACT_H

#include <stdint.h>

struct run;

/* Of the node, or of all where the machine has none of that number.  0 or -errno. */
int compact_memory(struct run *run, uint64_t node);

#endif
