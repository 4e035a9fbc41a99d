/* SPDX-License-Identifier: MIT */
/*
 * walk.c: one look at a place where a page may be mapped; walk.h has the rules.
 */
#include "core/rmap/walk.h"
#include "core/frame/folio.h"
#include "core/rmap/root.h"
#include "core/table/entry.h"

static bool is_looked_for(const struct quire_machine *m, const struct rmap_walk *w, pte_t e)
{
	if (w->way_back)
		return entry_is_moving(e) && migration_folio(m, e) == w->folio;
	return entry_has_folio(m, e) && entry_folio(m, e) == w->folio;
}

/* PTL held.  What is exclusive has this entry and no other: fork changes that under the PTL. */
static enum rmap_next ask_entry(struct rmap_walk *w, struct rmap_place *p)
{
	bool only = !w->way_back && folio_test(w->folio, FOLIO_EXCLUSIVE) && !folio_order(w->folio);
	enum rmap_next next = w->entry(w, p);

	if (only || (!w->way_back && atomic_load(&w->folio->mapcount) <= 0))
		return RMAP_STOP;
	return next;
}

enum rmap_next rmap_look_at(struct rmap_walk *w, struct quire_mm *mm, uint64_t addr, bool *found)
{
	const struct quire_machine *m = mm->machine;
	enum rmap_next next = RMAP_GO_ON;
	struct rmap_place p = {.mm = mm, .addr = addr};

	*found = false;
	STEP("looks for the page at %#lx", addr);
	rcu_read_lock(&m->port);
	if (pt_lock(mm, addr, &p.ref)) {
		p.e = atomic_load_relaxed(p.ref.entry);
		*found = is_looked_for(m, w, p.e);
		if (*found)
			next = ask_entry(w, &p);
		pt_unlock(&p.ref);
	}
	rcu_read_unlock(&m->port);
	return next;
}

bool rmap_begin(struct quire_machine *m, struct rmap_walk *w)
{
	w->start = NULL;
	w->visited = 0;
	w->flush_all = false;
	if (!folio_test(w->folio, FOLIO_ANON))
		return w->folio->mapping && atomic_load(&w->folio->mapcount) > 0;
	w->start = anon_root_of(m, w->folio);
	return w->start != NULL;
}

void rmap_end(struct quire_machine *m, struct rmap_walk *w)
{
	(void)m;
	if (w->start)
		anon_root_put(w->start);
}

void rmap_walk(struct quire_machine *m, struct rmap_walk *w)
{
	if (w->start)
		rmap_walk_anon(w);
	else
		rmap_walk_file(m, w);
}
