/* SPDX-License-Identifier: MIT */
/*
 * recycle.c: the VMAs and the nodes of the tree that an edit takes out serve the next edits.
 *
 * Left to call_rcu() they would be freed by another thread, long after, and each edit would ask
 * for cold memory.  Where the port can say that readers have gone (port->rcu_over), the mm keeps
 * them:
 *
 *      an edit's ──────> young ──────> old ──────> ready ──────> the next edit's
 *      removed           with a number: rcu_now()     rcu_over() of that number
 *
 * Owns mm->recycle, under M.  Invariants:
 *   1  What is ready was taken out of the tree, and readers that may have found it have left.
 *   2  The number of `old` was taken after all that is in it was taken out of the tree.
 *   3  The old keep their number: one question in a hurry is enough for it, and they are ready when
 *      the readers of then have left, whoever has come since.  At most 2 * MOST are young and as
 *      many old, KEEP_VMAS and KEEP_NODES are ready: what is more goes back, the young by
 *      call_rcu().  All of it counts as metadata in use (kmem_bytes) until it has gone back.
 *   4  An allocation from here is an allocation point like any other.  When the port has no memory,
 *      and when the mm ends, everything here is given back.
 */
#include "core/base/kmem.h"
#include "core/vma/vma.h"

#ifdef QUIRE_CHECKER /* nothing is used again: the checker knows of each byte who freed it */
#define ASK_AT 1u
#define MOST 4u
#define KEEP_VMAS 0u
#define KEEP_NODES 0u
#else
#define ASK_AT 32u
#define MOST 192u /* the port may have to interrupt all threads, once for so many */
#define KEEP_VMAS 96u
#define KEEP_NODES 160u
#endif

/* ---- lists ----------------------------------------------------------------------- */

static unsigned count(const struct recycled *r)
{
	return r->nr_vmas + r->nr_nodes;
}

static void push_vma(struct recycled *r, struct vma *vma)
{
	vma->chain = r->vmas;
	r->vmas = vma;
	r->nr_vmas++;
}

static struct vma *pop_vma(struct recycled *r)
{
	struct vma *vma = r->vmas;

	r->vmas = vma->chain;
	r->nr_vmas--;
	return vma;
}

static void push_node(struct recycled *r, struct rtree_retired *node)
{
	node->next = r->nodes;
	r->nodes = node;
	r->nr_nodes++;
}

static struct rtree_retired *pop_node(struct recycled *r)
{
	struct rtree_retired *node = r->nodes;

	r->nodes = node->next;
	r->nr_nodes--;
	return node;
}

static void append(struct recycled *to, struct recycled *from)
{
	if (!count(to)) {
		*to = *from;
		*from = (struct recycled){0};
		return;
	}
	while (from->vmas)
		push_vma(to, pop_vma(from));
	while (from->nodes)
		push_node(to, pop_node(from));
}

/* ---- growing old ------------------------------------------------------------------ */

/* Invariant 1. */
static bool readers_have_gone(struct quire_mm *mm, bool hurry)
{
	const struct quire_port *port = &mm->machine->port;

	return !RULE(recycled_after_readers) ||
	       port->rcu_over(port->ctx, mm->recycle.number, hurry);
}

/* `old` is ready: nobody is in it. */
static void make_ready(struct quire_mm *mm)
{
	struct recycled *old = &mm->recycle.old;

	while (old->vmas)
		recycle_free_vma(mm, pop_vma(old));
	while (old->nodes)
		recycle_free_node(mm, pop_node(old));
}

static void leave_to_rcu(struct quire_machine *m, struct recycled *r)
{
	while (r->vmas)
		vma_free_later(m, pop_vma(r));
	if (r->nodes)
		nodes_free_later(m, r->nodes);
	*r = (struct recycled){0};
}

/* Invariant 2. */
static void make_old(struct quire_mm *mm)
{
	const struct quire_port *port = &mm->machine->port;
	struct recycle *r = &mm->recycle;

	append(&r->old, &r->young);
	r->number = port->rcu_now(port->ctx);
}

static void grow_old(struct quire_mm *mm)
{
	struct recycle *r = &mm->recycle;
	bool hurry = count(&r->young) >= MOST;

	if (count(&r->old) && readers_have_gone(mm, hurry))
		make_ready(mm);
	if (!count(&r->old)) {
		make_old(mm);
		if (readers_have_gone(mm, false))
			make_ready(mm);
	} else if (count(&r->young) >= 2 * MOST) { /* a reader stays for long */
		leave_to_rcu(mm->machine, &r->young);
	}
	r->ask_at = count(&r->young) + ASK_AT;
}

void recycle_ask(struct quire_mm *mm)
{
	if (count(&mm->recycle.young) >= mm->recycle.ask_at)
		grow_old(mm);
}

void recycle_nodes(struct quire_mm *mm, struct rtree_retired *list)
{
	while (list) {
		struct rtree_retired *next = list->next;

		push_node(&mm->recycle.young, list);
		list = next;
	}
	recycle_ask(mm);
}

/* ---- allocation ------------------------------------------------------------------- */

static inline bool point_fails(struct quire_machine *m)
{
	return alloc_point_fails_on(m, this_cpu(&m->port));
}

/* The mm's own may be all that there is. */
static void *take(struct quire_mm *mm, size_t bytes)
{
	void *p = kmem_take(mm->machine, bytes);

	if (__builtin_expect(p != NULL, 1))
		return p;
	recycle_end(mm);
	return kmem_take(mm->machine, bytes);
}

struct vma *recycle_alloc_vma(struct quire_mm *mm)
{
	struct recycled *ready = &mm->recycle.ready;

	if (point_fails(mm->machine))
		return NULL;
	return ready->vmas ? pop_vma(ready) : take(mm, sizeof(struct vma));
}

void *recycle_alloc_node(struct quire_mm *mm, size_t bytes)
{
	struct recycled *ready = &mm->recycle.ready;

	if (point_fails(mm->machine))
		return NULL;
	return ready->nodes ? pop_node(ready) : take(mm, bytes);
}

void recycle_free_vma(struct quire_mm *mm, struct vma *vma)
{
	if (mm->recycle.ready.nr_vmas + 1 <= KEEP_VMAS)
		push_vma(&mm->recycle.ready, vma);
	else
		kmem_free(mm->machine, vma, sizeof(*vma));
}

void recycle_free_node(struct quire_mm *mm, void *node)
{
	if (mm->recycle.ready.nr_nodes + 1 <= KEEP_NODES)
		push_node(&mm->recycle.ready, node);
	else
		kmem_free(mm->machine, node, rtree_node_bytes());
}

/* ---- giving back ------------------------------------------------------------------ */

void recycle_end(struct quire_mm *mm)
{
	struct recycle *r = &mm->recycle;

	if (count(&r->young) || count(&r->old)) {
		make_old(mm);
		if (readers_have_gone(mm, true))
			make_ready(mm);
		else
			leave_to_rcu(mm->machine, &r->old);
	}
	while (r->ready.vmas)
		kmem_free(mm->machine, pop_vma(&r->ready), sizeof(struct vma));
	while (r->ready.nodes)
		kmem_free(mm->machine, pop_node(&r->ready), rtree_node_bytes());
}

bool recycle_shrink(struct quire_machine *m)
{
	struct dlist *pos;
	bool any = false;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	for (pos = m->mms.next; pos != &m->mms; pos = pos->next) {
		struct quire_mm *mm = container_of(pos, struct quire_mm, node);

		if (!mutex_trylock(&m->port, &mm->mmap_lock, RANK_MMAP))
			continue;
		any |= count(&mm->recycle.young) || count(&mm->recycle.old) ||
		       count(&mm->recycle.ready);
		recycle_end(mm);
		mutex_unlock(&m->port, &mm->mmap_lock, RANK_MMAP);
	}
	spin_unlock(&m->mm_lock, RANK_MMLIST);
	return any;
}
