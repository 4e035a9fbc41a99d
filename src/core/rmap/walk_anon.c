/* SPDX-License-Identifier: MIT */
/*
 * walk_anon.c: the entries of a private page, in all address spaces that may have it.
 *
 * Owns nothing.  Visits the mm that made the page and those that descend from it (root.h).  In each
 * it looks where the page's index says, and where mremap has moved that (moved.h).
 *
 *   1  N of an mm is held over the visit, and mremap takes an entry out and puts it in within one
 *      hold.  So during a visit each entry is at one address, and all its addresses are looked at.
 *      That closes the gap that any order leaves: the entry comes to where the walk has been, from
 *      where it will look, be it on the way to its new place, into a neighbour that it merges with,
 *      or back.  N is the mm's own; nobody else waits.
 *   2  What mremap moves is flushed later, for many tables at once.  Until then an entry may be
 *      cached at its old address, which the visit does not know: mm->unflushed says so, set before
 *      the first entry moves and cleared after the flush.  It is read when the entry was found.
 */
#include "core/rmap/moved.h"
#include "core/rmap/root.h"
#include "core/rmap/walk.h"

struct visit {
	struct rmap_walk *w;
	struct quire_mm *mm;
	bool found;
};

/* n pages from page number `place` on. */
static enum rmap_next look_at(struct visit *v, uint64_t place, uint64_t n)
{
	uint64_t end = v->mm->machine->task_size >> PAGE_SHIFT;
	enum rmap_next next;
	bool found;

	if (place >= end || n > end - place) /* another mm has it so low, or so high */
		return RMAP_GO_ON;
	next = rmap_look_at(v->w, v->mm, place << PAGE_SHIFT, n, &found);
	v->found |= found;
	return next;
}

/* Those pages of the folio, whose indexes go up one by one, that the range has moved. */
static enum rmap_next look_in_range(struct visit *v, const struct moved_range *r, uint64_t first,
				    uint64_t last)
{
	if (first < r->node.first)
		first = r->node.first;
	if (last > r->node.last)
		last = r->node.last;
	return look_at(v, first - (uint64_t)r->delta, last - first + 1);
}

/* Moved places come first: so the checker, with moved_under_n off, finds what is missed. */
static enum rmap_next look_in(struct visit *v)
{
	const struct anon_root *root = v->mm->anon;
	const struct folio *f = v->w->folio;
	uint64_t first = f->index, last = first + folio_pages(f) - 1;
	enum rmap_next next = RMAP_GO_ON;
	struct moved_range *r;

	for (r = moved_first(root, first, last); r && next == RMAP_GO_ON;
	     r = moved_next(r, first, last))
		next = look_in_range(v, r, first, last);
	return next == RMAP_GO_ON ? look_at(v, first, last - first + 1) : next;
}

/* Invariant 2. */
static void flush(struct visit *v)
{
	struct rmap_walk *w = v->w;

	if (!v->found || !w->flush)
		return;
	w->flush_all = RULE(unflushed_as_a_whole) && atomic_load(&v->mm->unflushed);
	w->flush(w, v->mm);
}

static enum rmap_next visit(struct rmap_walk *w, struct anon_root *root)
{
	struct visit v = {.w = w};
	enum rmap_next next = RMAP_GO_ON;

	anon_lock(root);
	v.mm = root->mm;
	if (v.mm) {
		w->visited++;
		next = look_in(&v);
		flush(&v);
	}
	anon_unlock(root);
	return next;
}

/* Visits `at` and returns the next to be visited; the reference is passed on. */
static struct anon_root *visit_and_step(struct rmap_walk *w, struct anon_root *at)
{
	if (visit(w, at) == RMAP_GO_ON)
		return anon_root_next(w->start, at);
	anon_root_put(at);
	return NULL;
}

/* For the checker: children_afterwards is off. */
static struct anon_root *step_and_visit(struct rmap_walk *w, struct anon_root *at)
{
	struct anon_root *next;

	anon_root_get(at);
	next = anon_root_next(w->start, at);
	visit(w, at);
	anon_root_put(at);
	return next;
}

void rmap_walk_anon(struct rmap_walk *w)
{
	struct anon_root *at = w->start;

	anon_root_get(at);
	while (at)
		at = RULE(children_afterwards) ? visit_and_step(w, at) : step_and_visit(w, at);
}
