/* SPDX-License-Identifier: MIT */
/*
 * walk.c: one look at a place where a page may be mapped; walk.h has the rules.
 */
#include "core/rmap/walk.h"
#include "core/frame/folio.h"
#include "core/rmap/root.h"
#include "core/table/cursor.h"
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
	bool only =
	    !w->way_back && folio_test(w->folio, FOLIO_EXCLUSIVE) && rmap_is_whole(p, w->folio);
	enum rmap_next next = w->entry(w, p);

	if (only || (!w->way_back && atomic_load(&w->folio->mapcount) <= 0))
		return RMAP_STOP;
	return next;
}

/* The entries of one piece: those of a last-level table, or a leaf. */
static enum rmap_next look_in_piece(struct rmap_walk *w, struct pt_cursor *c, bool *found)
{
	enum rmap_next next = RMAP_GO_ON;

	pt_for_each_entry (c) {
		pte_t e = atomic_load_relaxed(c->entry);
		struct rmap_place p = {.mm = c->mm,
				       .addr = c->addr & ~(slot_span(c->level) - 1),
				       .ref = {c->entry, c->ref.table},
				       .e = e,
				       .n = slot_pages(c->level)};

		if (!is_looked_for(c->mm->machine, w, e))
			continue;
		*found = true;
		next = ask_entry(w, &p);
		if (next == RMAP_STOP)
			break;
	}
	return next;
}

/* A large folio may have a leaf, which is met once, or an entry for each page. */
static enum rmap_next look_for_large(struct rmap_walk *w, struct quire_mm *mm, uint64_t addr,
				     uint64_t n, bool *found)
{
	const struct quire_port *port = &mm->machine->port;
	enum rmap_next next = RMAP_GO_ON;
	struct pt_cursor c;

	rcu_read_lock(port);
	pt_cursor_begin(&c, mm, addr, addr + n * PAGE_SIZE);
	while (next == RMAP_GO_ON && pt_next_piece(&c))
		next = look_in_piece(w, &c, found);
	pt_cursor_pause(&c);
	rcu_read_unlock(port);
	return next;
}

enum rmap_next rmap_look_at(struct rmap_walk *w, struct quire_mm *mm, uint64_t addr, uint64_t n,
			    bool *found)
{
	const struct quire_machine *m = mm->machine;
	enum rmap_next next = RMAP_GO_ON;
	struct rmap_place p = {.mm = mm, .addr = addr, .n = 1};

	*found = false;
	STEP("looks for the page at %#lx", addr);
	if (folio_order(w->folio))
		return look_for_large(w, mm, addr, n, found);
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
