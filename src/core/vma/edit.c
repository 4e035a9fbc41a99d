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
#include "core/file/file.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/vma.h"

void edit_begin(struct vma_edit *e, struct quire_mm *mm)
{
	e->mm = mm;
	e->added = NULL;
	e->removed = NULL;
	e->old_count = e->count = rtree_count(&mm->vmas);
	e->cut.start = e->cut.end = 0;
	e->cut.from = e->cut.to = 0;
	e->cut_pages = 0;
	e->cut_accounted = 0;
	e->nr_asked = 0;
	e->held = false;
	e->charged = false;
	e->err = 0;
	if (!RULE(bounds_shrink_first))
		mm->tree_env.shrink_late = true;
	rtree_txn_begin(&e->txn, &mm->vmas, &mm->tree_env);
}

static inline uint64_t kill(struct vma_edit *e, struct vma *vma)
{
	struct asked *a = &e->asked[e->nr_asked];

	Q_ASSERT(e->mm->machine, e->nr_asked < EDIT_ASKED);
	e->nr_asked++;
	a->vma = vma;
	atomic_store(&vma->dead, 1);
	STEP("marks VMA %#lx-%#lx dead", vma->start, vma->end);
	atomic_fence(); /* a fault finds the mark, or its identity is found: identity.c, 2 */
	a->id = atomic_load_relaxed(&vma->anon_id);
	return a->id;
}

void edit_kill(struct vma_edit *e, struct vma *vma)
{
	kill(e, vma);
}

static bool is_added(const struct vma_edit *e, const struct vma *vma)
{
	const struct vma *v = e->added;

	while (v && v != vma)
		v = v->chain;
	return v != NULL;
}

uint64_t edit_ask_untouched(struct vma_edit *e, struct vma *vma)
{
	if (!vma_is_dead(vma) && RULE(dead_while_asked) && !is_added(e, vma))
		return kill(e, vma);
	for (unsigned i = 0; i < e->nr_asked && RULE(asked_once); i++)
		if (e->asked[i].vma == vma)
			return e->asked[i].id;
	return atomic_load_relaxed(&vma->anon_id);
}

static void revive(struct vma *vma)
{
	atomic_store(&vma->dead, 0);
	STEP("marks VMA %#lx-%#lx alive", vma->start, vma->end);
}

void edit_spare(struct vma_edit *e, struct vma *vma)
{
	if (e->nr_asked && e->asked[e->nr_asked - 1].vma == vma) {
		e->nr_asked--;
		revive(vma);
	}
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

void edit_take(struct vma_edit *e, struct vma *vma)
{
	e->count--;
	if (e->added && unchain_added(e, vma)) {
		vma_free_now(vma);
		return;
	}
	vma->chain = e->removed;
	e->removed = vma;
}

static struct vma *chain_added(struct vma_edit *e, const struct vma_spec *spec)
{
	struct vma *vma = vma_new(e->mm, spec);

	if (!vma) {
		e->err = -QENOMEM;
		return NULL;
	}
	e->count++;
	vma->chain = e->added;
	e->added = vma;
	return vma;
}

static inline void add_entry(struct rtree_entry *add, unsigned *n, struct vma *vma)
{
	if (vma)
		add[(*n)++] = (struct rtree_entry){vma->start, vma->end, vma};
}

static bool has_cut(const struct vma_edit *e)
{
	return e->cut.from < e->cut.to;
}

struct vma *edit_replace(struct vma_edit *e, uint64_t from, uint64_t to, bool left,
			 const struct vma_spec *mid, bool right)
{
	struct rtree_entry add[3];
	struct vma *vma = NULL;
	unsigned n = 0;

	if (has_cut(e)) /* edit_cut() has counted them */
		e->count -= (unsigned)e->cut.has_left + e->cut.has_right;
	e->cut.start = e->cut.end = 0;
	e->cut.from = e->cut.to = 0;
	if (left)
		add_entry(add, &n, chain_added(e, &e->cut.left));
	if (mid && !e->err) {
		vma = chain_added(e, mid);
		add_entry(add, &n, vma);
	}
	if (right && !e->err)
		add_entry(add, &n, chain_added(e, &e->cut.right));
	if (!e->err && (n || from < to))
		e->err = rtree_txn_replace(&e->txn, from, to, add, n);
	return e->err ? NULL : vma;
}

/* The cut stands alone. */
static void settle(struct vma_edit *e)
{
	if (has_cut(e) && !e->err)
		edit_replace(e, e->cut.from, e->cut.to, e->cut.has_left, NULL, e->cut.has_right);
}

/* Inline within this file, as check() is: both calls are 46 instructions of an mprotect. */
static inline const struct rtree *settled_view(struct vma_edit *e)
{
	settle(e);
	if (!e->err)
		e->err = rtree_txn_settle(&e->txn);
	return e->err ? &e->mm->vmas : rtree_txn_view(&e->txn);
}

const struct rtree *edit_view(struct vma_edit *e)
{
	return settled_view(e);
}

void edit_remove(struct vma_edit *e, struct vma *vma)
{
	settle(e);
	e->cut.start = e->cut.end = 0;
	if (!e->err)
		e->err = rtree_txn_erase(&e->txn, vma->start);
	if (!e->err)
		edit_take(e, vma);
}

struct vma *edit_add(struct vma_edit *e, const struct vma_spec *spec)
{
	settle(e);
	return e->err ? NULL : edit_replace(e, 0, 0, false, spec, false);
}

static inline void ask_split(struct vma_edit *e, const struct vma *vma, uint64_t addr)
{
	int err = vma_may_split(vma, addr);

	if (unlikely(err))
		e->err = err;
}

static void cut_one(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end)
{
	struct edit_cut *c = &e->cut;
	uint64_t from = vma->start > start ? vma->start : start;
	uint64_t to = vma->end < end ? vma->end : end;
	uint64_t id = vma->start < start || vma->end > end ? edit_ask(e, vma) : 0;

	e->cut_pages += (to - from) >> PAGE_SHIFT;
	if (vma->flags & VM_ACCOUNT)
		e->cut_accounted += (to - from) >> PAGE_SHIFT;
	if (c->from == c->to)
		c->from = vma->start;
	c->to = vma->end;
	if (vma->start < start) {
		ask_split(e, vma, start);
		c->left = vma_spec_with(vma, vma->start, start, id);
		c->has_left = true;
		e->count++;
	}
	if (vma->end > end) {
		ask_split(e, vma, end);
		c->right = vma_spec_with(vma, end, vma->end, id);
		c->has_right = true;
		e->count++;
	}
}

void edit_cut(struct vma_edit *e, uint64_t start, uint64_t end)
{
	const struct rtree *view = settled_view(e);
	struct rtree_range r;
	struct vma *vma;

	if (e->err)
		return;
	e->cut.start = start;
	e->cut.end = end;
	e->cut.has_left = e->cut.has_right = false;
	for (vma = rtree_txn_first(&e->txn, start, end, &r); vma && r.start < end && !e->err;
	     vma = r.end < end ? rtree_next(view, r.end, &r) : NULL) {
		cut_one(e, vma, start, end);
		edit_take(e, vma);
	}
}

bool edit_too_many(const struct vma_edit *e)
{
	return e->count > e->old_count && e->count > e->mm->machine->max_map_count;
}

int edit_charge_accounts(struct vma_edit *e)
{
	if (!e->err) {
		e->err = charge_more(e->added, e->removed);
		e->charged = !e->err;
	}
	return e->err;
}

static inline int check(struct vma_edit *e)
{
	settle(e);
	if (!e->err && edit_too_many(e))
		e->err = -QENOMEM;
	return edit_charge(e);
}

int edit_check(struct vma_edit *e)
{
	return check(e);
}

static void set_dead(struct vma *chain, uint32_t dead)
{
	for (struct vma *v = chain; v; v = v->chain) {
		atomic_store(&v->dead, dead);
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

void edit_link(struct vma_edit *e)
{
	for (struct vma *v = e->added; v; v = v->chain)
		if (v->file && !v->in_mapping)
			mapping_link(v);
}

static void unlink_removed(struct vma_edit *e)
{
	for (struct vma *v = e->removed; v; v = v->chain)
		if (v->file)
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
	mm_account_edit(e->mm, e->added, e->removed);
}

void edit_finish(struct vma_edit *e)
{
	if (e->held)
		edit_link(e);
	if (e->held && !RULE(unlinked_before_life))
		set_dead(e->added, 0);
	unlink_removed(e);
	if (e->held)
		set_dead(e->added, 0);
	if (unlikely(atomic_load_relaxed(&e->mm->machine->own_charges)))
		charge_less(e->added, e->removed);
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
	while (e->nr_asked)
		revive(e->asked[--e->nr_asked].vma);
	if (unlikely(e->charged))
		charge_undo(e->added, e->removed);
	while (e->added) {
		struct vma *vma = e->added;

		e->added = vma->chain;
		if (vma->in_mapping)
			abort_linked(e, vma);
		else
			vma_free_now(vma);
	}
}

int edit_commit_or_abort(struct vma_edit *e)
{
	int err = check(e);

	if (err)
		edit_abort(e);
	else
		edit_commit(e);
	return err;
}

int edit_apply(struct vma_edit *e)
{
	int err = edit_commit_or_abort(e);

	if (!err)
		edit_finish(e);
	return err;
}
