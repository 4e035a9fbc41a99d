/* SPDX-License-Identifier: MIT */
/*
 * anon_types.h: what the private pages of an address space are found by (rmap/root.h has the
 * invariants).
 */
#ifndef CORE_BASE_ANON_TYPES_H
#define CORE_BASE_ANON_TYPES_H

#include "core/base/machine.h"
#include "ds/itree.h"

struct quire_mm;

/* One of each address space.  It outlives it while pages that it has made may be mapped. */
struct anon_root {
	struct mutex lock;   /* N itself */
	struct quire_mm *mm; /* N: NULL once it has ended */
	struct itree moved;  /* N, writers M: of struct moved_range */

	/* L: the tree of forks. */
	struct anon_root *parent;       /* of the mm that this one was forked from; NULL: none */
	struct dlist children, sibling; /* the older children come first */
	uint32_t refs;                  /* its mm's, one for each child, one for each walk */
	struct quire_machine *machine;  /* C */
	struct quire_rcu_head rcu;      /* once nobody has it */
};

/*
 * N.  While it is held mremap moves no private entry of this mm, and no other walk looks for one.
 * Sleeps: not in RCU.
 */
static inline void anon_lock(struct anon_root *root)
{
	mutex_lock(&root->machine->port, &root->lock, RANK_ANON);
}

static inline void anon_unlock(struct anon_root *root)
{
	mutex_unlock(&root->machine->port, &root->lock, RANK_ANON);
}

#endif
