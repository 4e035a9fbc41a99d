/* SPDX-License-Identifier: MIT */
/*
 * lock_rank.h: the order in which locks are taken, the same in every port.
 */
#ifndef QUIRE_LOCK_RANK_H
#define QUIRE_LOCK_RANK_H

/*
 * The tree of docs/locking.md, outermost first.  A thread may only wait for a
 * lock of a higher rank than all it holds (one that it only tries may have any); *_NESTED are
 * second locks of one kind, of which docs/locking.md says who nests them.
 */
enum lock_rank {
	RANK_NONE = 0,
	RANK_RESIZE,           /* O  machine->huge.resizing: a pool's size (sleepable) */
	RANK_MMAP,             /* M  mm->mmap_lock */
	RANK_MMAP_NESTED,      /* M' the child's mmap_lock in fork */
	RANK_FILE,             /* W  mapping->write_lock: size, write(2), truncation (sleepable) */
	RANK_HUGE_FAULT,       /* G  machine->huge.faults[]: faults of one huge page (sleepable) */
	RANK_FOLIO,            /* F  folio lock (a bit, waited for) */
	RANK_MAPPING,          /* I  mapping->i_lock: its interval tree of VMAs (sleepable) */
	RANK_ANON,             /* N  root->lock: walks for an mm's private pages (sleepable) */
	RANK_PT_PARENT,        /* U  lock of an upper page table (linking of tables) */
	RANK_PT_PARENT_NESTED, /* U' a second upper table: fork */
	RANK_PTL,              /* P  lock of a last-level table */
	RANK_PTL_NESTED,       /* P' second last-level table: fork, mremap */
	RANK_INDEX,            /* X  mapping->index_lock: page-cache index */
	RANK_HUGETLB,          /* J  machine->huge.lock: pools of huge pages */
	RANK_MMLIST,           /* L  machine->mm_lock: all mms, files, the tree of forks */
	RANK_PCP,              /* K  per-CPU frame lists */
	RANK_ZONE,             /* Z  zone->lock: buddy lists */
	RANK_MAX
};

#endif
