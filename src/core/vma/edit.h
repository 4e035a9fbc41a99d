/* SPDX-License-Identifier: MIT */
/*
 * edit.h: the one way in which the set of VMAs of an address space changes.
 *
 * An edit is a transaction: VMAs to remove, VMAs to add.  Everything that can fail happens before
 * edit_commit(). Until then nothing is visible, and edit_abort() leaves everything as it was.
 *
 *     edit_begin -> edit_remove / edit_add / edit_cut ... -> edit_check
 *        -> edit_commit      the old are dead, the new tree is published
 *        -> change entries, flush
 *        -> edit_finish      the old leave their files' trees and go to RCU
 *
 * New VMAs may take the place of others (edit_hold() before the commit). Then they are published
 * dead.  edit_finish() enters them in their files' trees and then brings them to life, and
 * allocates nothing.  New VMAs that only take over what is there already, or an empty range, are
 * entered by edit_commit() and live at once.
 *
 * An error in a step is kept in edit->err.  The steps after it do nothing.  So callers ask once, by
 * edit_check().
 *
 * mremap moves entries before it publishes: edit_link() comes ahead of the move, and edit_abort()
 * takes it back if the move fails.
 *
 * M is held from begin to finish.
 */
#ifndef CORE_VMA_EDIT_H
#define CORE_VMA_EDIT_H

#include "core/vma/mm.h"
#include "core/vma/vma.h"

/*
 * What edit_cut() has found: VMAs to be removed, and what is left of the first and the last.  It
 * waits for the VMA that takes their place, so that one change of the tree does for all.
 */
struct edit_cut {
	uint64_t start, end; /* what was asked for */
	uint64_t from, to;   /* of the VMAs as a whole; empty: none */
	struct vma_spec left, right;
	bool has_left, has_right;
};

/* A VMA that is dead ahead of the commit, and the identity that it had then: edit_kill(). */
struct asked {
	struct vma *vma;
	uint64_t id;
};

/* At most: two neighbours, the first and the last of a cut, and the source of a move. */
#define EDIT_ASKED 5

struct vma_edit {
	struct quire_mm *mm;
	struct rtree_txn txn;
	struct vma *added, *removed; /* chains */
	struct edit_cut cut;         /* not in txn yet */
	uint64_t old_count, count;   /* VMAs before, and as it is now */
	uint64_t cut_pages;          /* taken out by edit_cut */
	uint64_t cut_accounted;      /* of them charged to committed memory */
	struct asked asked[EDIT_ASKED];
	unsigned nr_asked;
	bool held;    /* edit_hold() */
	bool charged; /* edit_charge() */
	int err;
};

/* ---- edit.c */
void edit_begin(struct vma_edit *e, struct quire_mm *mm);
/* What the tree will be. */
const struct rtree *edit_view(struct vma_edit *e);
/*
 * The edit goes by the identity of the VMA: if that is 0, the VMA is dead from here on (identity.c,
 * 2).  Returns it, and the same each time: a fault may give one to the dead VMA, but no page.
 */
uint64_t edit_ask_untouched(struct vma_edit *e, struct vma *vma);
static inline uint64_t edit_ask(struct vma_edit *e, struct vma *vma)
{
	uint64_t id = atomic_load_relaxed(&vma->anon_id);

	if (likely(!vma_is_dead(vma)) && (id || (vma->flags & VM_MAYSHARE)))
		return id;
	return edit_ask_untouched(e, vma);
}
/* What takes the place of [start, end) of the VMA: what that has, with the identity as asked. */
static inline struct vma_spec edit_spec_of(struct vma_edit *e, struct vma *vma, uint64_t start,
					   uint64_t end)
{
	return vma_spec_with(vma, start, end, edit_ask(e, vma));
}
/* The VMA, a published one, is dead from here on.  If the edit is aborted it lives again. */
void edit_kill(struct vma_edit *e, struct vma *vma);
/* A neighbour that was asked is none of the edit's: it lives again. */
void edit_spare(struct vma_edit *e, struct vma *vma);
/* A VMA of the view; one that the edit itself added is freed. */
void edit_remove(struct vma_edit *e, struct vma *vma);
/* NULL only with e->err. */
struct vma *edit_add(struct vma_edit *e, const struct vma_spec *spec);
/* Removes whatever the view has in [start, end), splitting at the borders. */
void edit_cut(struct vma_edit *e, uint64_t start, uint64_t end);
/* A split has brought the map count over its limit. */
bool edit_too_many(const struct vma_edit *e);
/* edit_charge(), where there are accounts. */
int edit_charge_accounts(struct vma_edit *e);
/* The last step before the commit: 0, e->err, or the errno of an account that refuses to be charged
 * for what the edit adds (charge.c). */
static inline int edit_charge(struct vma_edit *e)
{
	return unlikely(atomic_load_relaxed(&e->mm->machine->own_charges)) ? edit_charge_accounts(e)
									   : e->err;
}
/* The same, and -ENOMEM if there are too many. */
int edit_check(struct vma_edit *e);
/*
 * What is removed is not all the added VMAs' own: entries of others lie in their ranges until the
 * caller has zapped and flushed them.  Faults wait on M for edit_finish().
 */
void edit_hold(struct vma_edit *e);
/* Ahead of edit_commit(): the added VMAs enter their files' interval trees, their ranges being
 * empty or their own. */
void edit_link(struct vma_edit *e);
void edit_commit(struct vma_edit *e);
void edit_finish(struct vma_edit *e);
void edit_abort(struct vma_edit *e);
/* From edit_check() to edit_commit(): what it returns. */
int edit_commit_or_abort(struct vma_edit *e);
/* To edit_finish(), for an edit that changes no entries. */
int edit_apply(struct vma_edit *e);

/* For vma_merge.c: a VMA that edit_replace() is to remove. */
void edit_take(struct vma_edit *e, struct vma *vma);
/* One change of the tree: what was taken, all in [from, to), goes; `mid` and, if wanted, what is
 * left of the cut come.  NULL only with e->err. */
struct vma *edit_replace(struct vma_edit *e, uint64_t from, uint64_t to, bool left,
			 const struct vma_spec *mid, bool right);

/* ---- vma_merge.c */
/* edit_add, merged with the neighbours that the view has where the rules allow it. */
struct vma *edit_add_merged(struct vma_edit *e, const struct vma_spec *spec);
/* The same of a VMA that was there, and has grown at its end: with what is behind it alone. */
struct vma *edit_add_grown(struct vma_edit *e, const struct vma_spec *spec);
/*
 * [start, end) of vma gets other flags: an edit of its own, committed; the VMA that has the
 * range now is in *out.  The caller changes entries and then calls edit_finish(e).
 */
int vma_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		     uint64_t flags, struct vma **out);
/* The same for the policy. */
int vma_change_policy(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		      uint64_t policy, struct vma **out);
/* Of flags, within an edit that has begun, and has changed nothing yet. */
int edit_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		      uint64_t flags, struct vma **out);

#endif
