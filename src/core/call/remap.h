/* SPDX-License-Identifier: MIT */
/*
 * remap.h: one mremap on its way: mremap.c decides, remap_move.c moves.
 */
#ifndef CORE_CALL_REMAP_H
#define CORE_CALL_REMAP_H

#include "core/vma/edit.h"

struct remap {
	struct quire_mm *mm;
	struct vma *vma; /* has addr; M held */
	uint64_t addr, old_len, new_len;
	int flags;
	uint64_t new_addr; /* wanted, then the result */
	bool same_length;  /* in pages, as asked: huge ones may make it so, which does not count */
	bool locked;       /* the result is VM_LOCKED: populate what has grown */
	bool changed;      /* something was unmapped or moved: a failure cannot start over */
	bool kept;         /* tables at the target are */
};

/*
 * Moves [addr, addr+old_len) of vma, which lies in it, to new_addr, where nothing is mapped, and
 * gives it new_len there.  -ENOTABLE, or what an edit says (-ENOMEM), leaves everything as it was.
 */
int remap_move(struct remap *r);

/* ---- remap_tables.c: of what was asked for, ahead of anything that cannot be undone */

/* 0 or -ENOTABLE.  remap_release_tables() follows in either case. */
int remap_keep_tables(struct remap *r);
void remap_release_tables(const struct remap *r);

#endif
