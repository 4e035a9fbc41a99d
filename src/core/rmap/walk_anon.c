/* SPDX-License-Identifier: MIT */
/*
 * walk_anon.c: the entries of a private page, in all address spaces that may have it.
 *
 * Owns nothing.  Visits the mm that made the page and those that descend from it (root.h), and
 * looks in each where the page's index says.  N of an mm is held over the visit.
 */
#include "core/rmap/root.h"
#include "core/rmap/walk.h"

struct visit {
	struct rmap_walk *w;
	struct quire_mm *mm;
	bool found;
};

static enum rmap_next look_at(struct visit *v, uint64_t place)
{
	enum rmap_next next;
	bool found;

	if (place >= v->mm->machine->task_size >>
	    PAGE_SHIFT) /* another mm has it so low, or so high */
		return RMAP_GO_ON;
	next = rmap_look_at(v->w, v->mm, place << PAGE_SHIFT, &found);
	v->found |= found;
	return next;
}

static enum rmap_next look_in(struct visit *v)
{
	const struct folio *f = v->w->folio;
	enum rmap_next next = RMAP_GO_ON;

	for (unsigned page = 0; page < folio_pages(f) && next == RMAP_GO_ON; page++)
		next = look_at(v, f->index + page);
	return next;
}

static void flush(struct visit *v)
{
	if (v->found && v->w->flush)
		v->w->flush(v->w, v->mm);
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

/* Without the rule that children are asked for afterwards. */
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
