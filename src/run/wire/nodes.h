/* SPDX-License-Identifier: MIT */
/*
 * nodes.h: which processor is on which node of a machine with --nodes: as many of them, in a row,
 * on each.  Freestanding.
 */
#ifndef RUN_WIRE_NODES_H
#define RUN_WIRE_NODES_H

#include "run/wire/run_info.h"

/* nodes == 0: the host's nodes are told of, and nothing here is used. */
static inline uint32_t node_of_cpu(uint32_t nodes, uint32_t cpus, uint32_t cpu)
{
	return cpu < cpus ? (uint32_t)((uint64_t)cpu * nodes / cpus) : nodes - 1;
}

#endif
