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

/* Links from which on a chain is cut, and how many are cut at once. */
#ifdef QUIRE_CHECKER
#define LONG_CHAIN 1u
#else
#define LONG_CHAIN 8u
#endif
#define LONGEST_CHAIN 32u
/* How many roots that are no links are looked above, and how many may be below. */
#define FAR_ABOVE 16u
#define FEW_BELOW 16u

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

/* No folio names a root that has left the tree: this one has got another name meanwhile. */
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

/* ---- chains ------------------------------------------------------------------- */

/* Roots one above the other that lead nowhere else, of mms that have ended: the lowest first. */
struct chain {
	struct anon_root
	    *below; /* whose pages have their names, or its descendants'; a reference */
	unsigned n;
	struct anon_root *link[LONGEST_CHAIN];
};

/* L.  Its mm has ended, nobody walks through it, and it has one child. */
static bool is_link(const struct anon_root *root)
{
	return root && (root->refs == 1 || (!RULE(walk_keeps_root) && !root->mm));
}

/* L.  Returns the root above them. */
static struct anon_root *collect_links(struct chain *c)
{
	struct anon_root *root = c->below->parent;

	for (c->n = 0; c->n < LONGEST_CHAIN && is_link(root); root = root->parent)
		c->link[c->n++] = root;
	return root;
}

/* L.  Not so many that looking through all of them would hold up a fork for long. */
static bool has_few_below(struct anon_root *root)
{
	struct anon_root *at = root;
	unsigned n = 0;

	while (at && n <= FEW_BELOW) {
		at = after(root, at);
		n++;
	}
	return n <= FEW_BELOW;
}

/* A chain worth cutting, directly above the root or above one that it descends from. */
static bool find_chain(struct anon_root *root, struct chain *c)
{
	bool found = false;

	lock_tree(root->machine);
	for (unsigned i = 0; root && i < FAR_ABOVE && !found; i++) {
		c->below = root;
		root = collect_links(c);
		found = c->n >= LONG_CHAIN && has_few_below(c->below);
	}
	if (found)
		c->below->refs++;
	unlock_tree(c->below->machine);
	return found;
}

static bool has_name_of(const struct chain *c, const struct folio *f)
{
	const struct anon_root *name = atomic_load_relaxed(&f->root);
	unsigned i = 0;

	if (name == c->below)
		return false;
	while (i < c->n && c->link[i] != name)
		i++;
	return i < c->n;
}

/* N.  False: a page is just being moved, and may get its old name with its new frame. */
static bool rename_in(const struct chain *c, struct quire_mm *mm)
{
	const struct quire_machine *m = mm->machine;
	struct pt_cursor at;
	bool all = true;

	rcu_read_lock(&m->port);
	pt_cursor_begin(&at, mm, 0, m->task_size);
	while (pt_next_piece(&at))
		pt_for_each_entry (&at) {
			pte_t e = atomic_load_relaxed(at.entry);
			struct folio *f = entry_none(e) ? NULL : entry_anon_folio(m, e);

			if (f && has_name_of(c, f))
				atomic_store(&f->root, c->below);
			else if (unlikely(!f && entry_kind(m, e) == ENTRY_MIGRATION))
				all = false;
		}
	rcu_read_unlock(&m->port);
	return all;
}

/* Invariant 4: parents first, as a walk does. */
static bool rename_pages(const struct chain *c)
{
	struct anon_root *at = c->below;
	bool all = true;

	STEP("gives pages that have the names of ended mms another");
	anon_root_get(at);
	while (at) {
		anon_lock(at);
		all = (!at->mm || rename_in(c, at->mm)) && all;
		anon_unlock(at);
		at = anon_root_next(c->below, at);
	}
	return all;
}

/* L.  The root comes in the place of its parent, a link. */
static void take_place(struct anon_root *root, struct anon_root *link)
{
	root->parent = link->parent;
	dlist_del(&root->sibling);
	if (link->parent)
		dlist_add(&link->sibling, &root->sibling);
	dlist_del(&link->sibling);
	link->parent = NULL;
}

/* Those of the links that still are.  Another fork may have been faster. */
static void cut(struct chain *c)
{
	struct anon_root *gone = NULL;

	lock_tree(c->below->machine);
	for (unsigned i = 0; i < c->n; i++) {
		struct anon_root *link = c->link[i];

		if (c->below->parent != link || !is_link(link))
			break;
		take_place(c->below, link);
		if (--link->refs)
			continue;
		link->parent = gone;
		gone = link;
	}
	unlock_tree(c->below->machine);
	free_all(gone);
}

static __attribute__((noinline)) void shorten(struct chain *c)
{
	if (rename_pages(c))
		cut(c);
	anon_root_put(c->below);
}

/* ---- forks -------------------------------------------------------------------- */

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
	struct chain c;

	if (unlikely(find_chain(parent->anon, &c)))
		shorten(&c);
	link_child(parent->anon, child->anon);
}

bool anon_root_is_above(const struct anon_root *root, const struct anon_root *below)
{
	while (below && below != root)
		below = below->parent;
	return below != NULL;
}
