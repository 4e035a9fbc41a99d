/* SPDX-License-Identifier: MIT */
/*
 * root.c: the roots of private pages, and their tree.
 *
 * Owns struct anon_root but for what is moved (moved.c), and folio->root.  The tree is guarded by
 * L; each root's mm by its N.  root.h has the invariants.
 */
#include "core/base/kmem.h"
#include "core/rmap/root.h"
#include "core/table/cursor.h"

/* Roots above the mm that forks, all ended, with one child each: from so many on they go. */
#ifdef QUIRE_CHECKER
#define LONG_CHAIN 1u
#else
#define LONG_CHAIN 8u
#endif

static void lock_tree(struct quire_machine *m)
{
	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
}

static void unlock_tree(struct quire_machine *m)
{
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

struct anon_root *anon_root_new(struct quire_mm *mm)
{
	struct anon_root *root = kmem_alloc(mm->machine, sizeof(*root));

	if (!root)
		return NULL;
	mutex_init(&root->lock);
	root->mm = mm;
	itree_init(&root->moved);
	root->parent = NULL;
	dlist_init(&root->children);
	dlist_init(&root->sibling);
	root->refs = 1;
	root->machine = mm->machine;
	return root;
}

static void free_root(struct quire_rcu_head *head)
{
	struct anon_root *root = container_of(head, struct anon_root, rcu);

	kmem_free(root->machine, root, sizeof(*root));
}

/* Chained by ->parent; readers in RCU may still ask for a reference. */
static void free_all(struct anon_root *gone)
{
	while (gone) {
		struct quire_machine *m = gone->machine;
		struct anon_root *next = gone->parent;

		STEP("frees the root of an mm that has ended");
		m->port.call_rcu(m->port.ctx, &gone->rcu, free_root);
		gone = next;
	}
}

/* L.  Returns those that nobody has any more: they have left the tree. */
static struct anon_root *drop(struct anon_root *root)
{
	struct anon_root *gone = NULL;

	while (root && !--root->refs) {
		struct anon_root *parent = root->parent;

		dlist_del(&root->sibling);
		root->parent = gone;
		gone = root;
		root = parent;
	}
	return gone;
}

void anon_root_put(struct anon_root *root)
{
	struct quire_machine *m = root->machine;
	struct anon_root *gone;

	lock_tree(m);
	gone = drop(root);
	unlock_tree(m);
	free_all(gone);
}

void anon_root_get(struct anon_root *root)
{
	lock_tree(root->machine);
	root->refs++;
	unlock_tree(root->machine);
}

void anon_root_end(struct anon_root *root)
{
	anon_lock(root);
	root->mm = NULL;
	anon_unlock(root);
	anon_root_put(root);
}

/* ---- walks -------------------------------------------------------------------- */

/* A root that has left the tree has left the folios' names before: the folio has another. */
static struct anon_root *try_root_of(struct quire_machine *m, struct folio *folio, bool *again)
{
	struct anon_root *root = atomic_load(&folio->root);

	*again = false;
	if (atomic_load(&folio->mapcount) <= 0)
		return NULL;
	lock_tree(m);
	if (root->refs)
		root->refs++;
	else
		*again = true;
	unlock_tree(m);
	return *again ? NULL : root;
}

struct anon_root *anon_root_of(struct quire_machine *m, struct folio *folio)
{
	struct anon_root *root;
	bool again;

	rcu_read_lock(&m->port);
	do
		root = try_root_of(m, folio, &again);
	while (again);
	rcu_read_unlock(&m->port);
	return root;
}

/* L. */
static struct anon_root *after(const struct anon_root *start, struct anon_root *at)
{
	struct anon_root *child = dlist_first(&at->children, struct anon_root, sibling);

	if (child)
		return child;
	for (; at != start; at = at->parent)
		if (at->sibling.next != &at->parent->children)
			return container_of(at->sibling.next, struct anon_root, sibling);
	return NULL;
}

struct anon_root *anon_root_next(struct anon_root *start, struct anon_root *at)
{
	struct quire_machine *m = start->machine;
	struct anon_root *next, *gone;

	lock_tree(m);
	next = after(start, at);
	if (next)
		next->refs++;
	gone = drop(at);
	unlock_tree(m);
	free_all(gone);
	return next;
}

/* ---- forks -------------------------------------------------------------------- */

/* Invariant 4.  False: a page is just being moved, and may get its old name with its new frame. */
static bool take_name(struct quire_mm *mm)
{
	const struct quire_machine *m = mm->machine;
	struct pt_cursor c;
	bool all = true;

	STEP("gives its pages its own root");
	pt_cursor_begin(&c, mm, 0, m->task_size);
	while (pt_next_piece(&c))
		pt_for_each_entry (&c) {
			pte_t e = atomic_load_relaxed(c.entry);
			struct folio *f = entry_none(e) ? NULL : entry_anon_folio(m, e);

			if (f && f->root != mm->anon)
				atomic_store(&f->root, mm->anon);
			else if (unlikely(!f && entry_kind(m, e) == ENTRY_MIGRATION))
				all = false;
		}
	return all;
}

/* L.  Its mm has ended, nobody walks through it, and it leads to one other only. */
static bool is_link(const struct anon_root *root)
{
	return root && (root->refs == 1 || (!RULE(walk_keeps_root) && !root->mm));
}

/* L. */
static unsigned links_above(const struct anon_root *root)
{
	unsigned n = 0;

	while (is_link(root->parent)) {
		root = root->parent;
		n++;
	}
	return n;
}

/* L.  The root comes in the place of the highest link above it.  Returns the links. */
static struct anon_root *cut_links(struct anon_root *root)
{
	struct anon_root *gone = NULL, *link;

	while (is_link(link = root->parent)) {
		root->parent = link->parent;
		dlist_del(&root->sibling);
		if (link->parent)
			dlist_add(&link->sibling, &root->sibling);
		dlist_del(&link->sibling);
		link->parent = NULL;
		if (--link->refs)
			continue;
		link->parent = gone;
		gone = link;
	}
	return gone;
}

static bool has_long_chain(struct anon_root *root)
{
	bool is_long;

	lock_tree(root->machine);
	is_long = dlist_empty(&root->children) && links_above(root) >= LONG_CHAIN;
	unlock_tree(root->machine);
	return is_long;
}

static void shorten(struct anon_root *root)
{
	struct anon_root *gone;

	lock_tree(root->machine);
	gone = cut_links(root);
	unlock_tree(root->machine);
	free_all(gone);
}

static void link_child(struct anon_root *parent, struct anon_root *child)
{
	STEP("links the child's root");
	lock_tree(parent->machine);
	child->parent = parent;
	parent->refs++;
	dlist_add_tail(&parent->children, &child->sibling);
	unlock_tree(parent->machine);
}

void anon_root_fork(struct quire_mm *parent, struct quire_mm *child)
{
	if (unlikely(has_long_chain(parent->anon)) && take_name(parent))
		shorten(parent->anon);
	link_child(parent->anon, child->anon);
}

bool anon_root_is_above(const struct anon_root *root, const struct anon_root *below)
{
	while (below && below != root)
		below = below->parent;
	return below != NULL;
}
