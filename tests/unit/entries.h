/* SPDX-License-Identifier: MIT */
/*
 * entries.h: from an address to its page, and from a page to the entries that map it.
 */
#ifndef UNIT_ENTRIES_H
#define UNIT_ENTRIES_H

#include "unit.h"

#include "core/frame/folio.h"
#include "core/rmap/walk.h"
#include "core/table/entry.h"

/* The page that mm has there. */
static inline struct folio *folio_at(struct quire_mm *mm, uint64_t addr)
{
	struct quire_machine *m = quire_mm_machine(mm);
	pte_t e = quire_pte(mm, addr);

	assert_true(entry_has_folio(m, e));
	return entry_folio(m, e);
}

#define SEEN_MOST 16u

/* What a walk has come to, in that order. */
struct seen {
	struct rmap_walk walk;
	unsigned n, flushes;
	unsigned stop_at; /* goes no further than so many; 0: to all */
	struct quire_mm *last;
	struct quire_mm *mm[SEEN_MOST]; /* the first so many */
	uint64_t addr[SEEN_MOST];
};

static inline enum rmap_next seen_entry(struct rmap_walk *w, struct rmap_place *p)
{
	struct seen *s = container_of(w, struct seen, walk);

	assert_ptr_equal(entry_folio(p->mm->machine, p->e), w->folio);
	assert_int_equal(*p->ref.entry, p->e);
	s->last = p->mm;
	if (s->n < SEEN_MOST) {
		s->mm[s->n] = p->mm;
		s->addr[s->n] = p->addr;
	}
	return ++s->n == s->stop_at ? RMAP_STOP : RMAP_GO_ON;
}

static inline void seen_flush(struct rmap_walk *w, struct quire_mm *mm)
{
	struct seen *s = container_of(w, struct seen, walk);

	assert_false(w->flush_all);
	assert_ptr_equal(s->last, mm);
	s->flushes++;
}

/* The entries of a page that some thread maps. */
static inline struct seen see_entries(struct unit *u, struct folio *folio, unsigned stop_at)
{
	struct seen s = {.walk = {.folio = folio, .entry = seen_entry, .flush = seen_flush},
			 .stop_at = stop_at};

	folio_get(folio);
	folio_lock(u->m, folio);
	assert_true(rmap_begin(u->m, &s.walk));
	rmap_walk(u->m, &s.walk);
	rmap_end(u->m, &s.walk);
	folio_unlock(u->m, folio);
	folio_put(u->m, folio);
	unit_verify(u);
	return s;
}

static inline bool has_seen(const struct seen *s, const struct quire_mm *mm, uint64_t addr)
{
	for (unsigned i = 0; i < s->n && i < SEEN_MOST; i++)
		if (s->mm[i] == mm && s->addr[i] == addr)
			return true;
	return false;
}

#endif
