/* SPDX-License-Identifier: MIT */
/*
 * walk.c: one look at a place where a page may be mapped; walk.h has the rules.
 */
#include "core/rmap/walk.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"

static bool is_looked_for(const struct quire_machine *m, const struct rmap_walk *w, pte_t e)
{
	if (w->way_back)
		return entry_is_moving(e) && migration_folio(m, e) == w->folio;
	return entry_has_folio(m, e) && entry_folio(m, e) == w->folio;
}

enum rmap_next rmap_look_at(struct rmap_walk *w, struct quire_mm *mm, uint64_t addr, bool *found)
{
	const struct quire_machine *m = mm->machine;
	enum rmap_next next = RMAP_GO_ON;
	struct rmap_place p = {.mm = mm, .addr = addr};

	*found = false;
	rcu_read_lock(&m->port);
	if (pt_lock(mm, addr, &p.ref)) {
		p.e = atomic_load_relaxed(p.ref.entry);
		*found = is_looked_for(m, w, p.e);
		if (*found)
			next = w->entry(w, &p);
		pt_unlock(&p.ref);
	}
	rcu_read_unlock(&m->port);
	return next;
}

void rmap_walk(struct quire_machine *m, struct rmap_walk *w)
{
	if (folio_test(w->folio, FOLIO_ANON))
		rmap_walk_anon(m, w);
	else
		rmap_walk_file(m, w);
}
