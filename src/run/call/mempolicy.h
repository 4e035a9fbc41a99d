/* SPDX-License-Identifier: MIT */
/*
 * mempolicy.h: memory policies as numbers (mempolicy.c), for files that show them.
 */
#ifndef RUN_MEMPOLICY_H
#define RUN_MEMPOLICY_H

#include "run/guest/creds.h"

#include <linux/mempolicy.h>

#define MPOL_WEIGHTED_INTERLEAVE 6 /* which older headers do not have */
#define NR_POLICIES (MPOL_WEIGHTED_INTERLEAVE + 1)

/* Mode without flags; the flags in numa_maps' words. */
unsigned policy_kind(uint64_t policy);
const char *policy_flags(uint64_t policy);

/* A node mask of `bits` - 1 bits in guest memory.  0 or -errno. */
int64_t nodes_read(struct request *q, uint64_t mask, uint64_t bits, uint64_t *nodes);
/* False: nothing is mapped there. */
bool address_policy(struct quire_mm *mm, uint64_t addr, uint64_t *policy);

#endif
