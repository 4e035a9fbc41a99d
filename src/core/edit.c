/* SPDX-License-Identifier: MIT */
/*
 * edit.c: edits: removing and adding VMAs as one transaction (see edit.h).
 *
 * Owns the publication of mm->vmas and the `dead` marks.  M is held throughout; I is taken for each
 * VMA of a file.  Invariants:
 *   1  A VMA that left the tree is dead before the new tree is visible.
 *   2  The totals of the mm and its share of the machine's committed memory are sums over the VMAs
 *      of the published tree: edit_commit() alone changes them.
 *   3  A walk of a file's tree goes by address.  So a VMA is in the tree as long as entries of it
 *      may exist, and only while all entries in its range are its file's (file.h, 4). A new VMA
 *      enters ahead of publication if its range is empty, or holds only what the VMA takes over (a
 *      split, a merge, other flags). Otherwise it is held: it enters when the others' entries are
 *      zapped and flushed.  An old VMA leaves when its entries are gone or a new VMA has entered
 *      for them, and it leaves before the VMAs that take its place come to life.
 *   4  With e->err set nothing more is done to the transaction.
 */
#include "core/edit.h"

void edit_begin(struct vma_edit *e, struct quire_mm *mm)
{
	e->mm = mm;
	e->added = NULL;
	e->removed = NULL;
	e->old_count = rtree_count(&mm->vmas);
	e->cut_pages = 0;
	e->cut_accounted = 0;
	e->held = false;
	e->err = 0;
	rtree_txn_begin(&e->txn, &mm->vmas, &mm->tree_env);
}

const struct rtree *edit_view(const struct vma_edit *e)
{
	return rtree_txn_view(&e->txn);
}

/* True if the edit itself had added it: then it is off the chain. */
static bool unchain_added(struct vma_edit *e, struct vma *vma)
{
	for (struct vma **pp = &e->added; *pp; pp = &(*pp)->chain) {
		if (*pp == vma) {
			*pp = vma->chain;
			return true;
		}
	}
	return false;
}

void edit_remove(struct vma_edit *e, struct vma *vma)
{
	if (e->err)
		return;
	e->err = rtree_txn_erase(&e->txn, vma->start);
	if (e->err)
		return;
	if (unchain_added(e, vma)) {
		vma_free_now(vma);
		return;
	}
	vma->chain = e->removed;
	e->removed = vma;
}

struct vma *edit_add(struct vma_edit *e, const struct vma_spec *spec)
{
	struct vma *vma;

	if (e->err)
		return NULL;
	vma = vma_new(e->mm, spec);
	if (!vma) {
		e->err = -QENOMEM;
		return NULL;
	}
	e->err = rtree_txn_insert(&e->txn, vma->start, vma->end, vma);
	if (e->err) {
		vma_free_now(vma);
		return NULL;
	}
	vma->chain = e->added;
	e->added = vma;
	return vma;
}

static void cut_one(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end)
{
	struct vma_spec left = vma_spec_of(vma, vma->start, start);
	struct vma_spec right = vma_spec_of(vma, end, vma->end);
	uint64_t from = vma->start > start ? vma->start : start;
	uint64_t to = vma->end < end ? vma->end : end;

	e->cut_pages += (to - from) >> PAGE_SHIFT;
	if (vma->flags & VM_ACCOUNT)
		e->cut_accounted += (to - from) >> PAGE_SHIFT;
	edit_remove(e, vma);
	if (left.start < left.end)
		edit_add(e, &left);
	if (right.start < right.end)
		edit_add(e, &right);
}

void edit_cut(struct vma_edit *e, uint64_t start, uint64_t end)
{
	while (!e->err) {
		struct vma *vma = rtree_next(edit_view(e), start, NULL);

		if (!vma || vma->start >= end)
			return;
		cut_one(e, vma, start, end);
	}
}

int edit_check(struct vma_edit *e)
{
	uint64_t count = rtree_count(edit_view(e));

	if (!e->err && count > e->old_count && count > e->mm->machine->max_map_count)
		e->err = -QENOMEM;
	return e->err;
}

static void set_dead(struct vma *chain, uint32_t dead)
{
	for (struct vma *v = chain; v; v = v->chain) {
		at_store(&v->dead, dead);
		STEP(dead ? "marks VMA %#lx-%#lx dead" : "marks VMA %#lx-%#lx alive", v->start,
		     v->end);
	}
}

void edit_hold(struct vma_edit *e)
{
	e->held = true;
	if (RULE(replacement_held))
		set_dead(e->added, 1);
}

static void account(struct vma_edit *e)
{
	struct quire_mm *mm = e->mm;
	int64_t more = 0;

	for (struct vma *v = e->added; v; v = v->chain) {
		mm_account_vma(mm, v, 1);
		more += (int64_t)vma_charged(v);
	}
	for (struct vma *v = e->removed; v; v = v->chain) {
		mm_account_vma(mm, v, -1);
		more -= (int64_t)vma_charged(v);
	}
	mm_note_peaks(mm);
	mm_note_request(mm, more);
}

void edit_link(struct vma_edit *e)
{
	for (struct vma *v = e->added; v; v = v->chain)
		if (!v->in_mapping)
			mapping_link(v);
}

static void unlink_removed(struct vma_edit *e)
{
	for (struct vma *v = e->removed; v; v = v->chain)
		mapping_unlink(v);
}

void edit_commit(struct vma_edit *e)
{
	if (!RULE(linked_throughout))
		unlink_removed(e);
	if (!e->held || !RULE(linked_when_empty))
		edit_link(e);
	if (RULE(dead_before_zap))
		set_dead(e->removed, 1);
	rtree_txn_commit(&e->txn);
	STEP("publishes the new VMA tree");
	account(e);
}

void edit_finish(struct vma_edit *e)
{
	edit_link(e);
	if (e->held && !RULE(unlinked_before_life))
		set_dead(e->added, 0);
	unlink_removed(e);
	if (e->held)
		set_dead(e->added, 0);
	vma_free_rcu(e->mm, e->removed);
	e->removed = NULL;
}

/* A walker of the file's tree may have seen it. */
static void abort_linked(struct vma_edit *e, struct vma *vma)
{
	mapping_unlink(vma);
	vma->chain = NULL;
	vma_free_rcu(e->mm, vma);
}

void edit_abort(struct vma_edit *e)
{
	rtree_txn_abort(&e->txn);
	while (e->added) {
		struct vma *vma = e->added;

		e->added = vma->chain;
		if (vma->in_mapping)
			abort_linked(e, vma);
		else
			vma_free_now(vma);
	}
}

int edit_apply(struct vma_edit *e)
{
	int err = edit_check(e);

	if (err) {
		edit_abort(e);
		return err;
	}
	edit_commit(e);
	edit_finish(e);
	return 0;
}
