/* SPDX-License-Identifier: MIT */
/*
 * migrate.h: a page goes to another frame, and whoever uses it goes on using it.
 *
 *     struct migrate mg;
 *
 *     migrate_begin(&mg, m, MIGRATE_WAIT);
 *     err = migrate_folio(&mg, from, to);       once for each page
 *     migrate_end(&mg);
 *
 * No lock is held, and no read-side section, from migrate_begin() to migrate_end().
 */
#ifndef CORE_RMAP_MIGRATE_H
#define CORE_RMAP_MIGRATE_H

#include "core/base/mm_types.h"
#include "core/frame/defer.h"
#include "core/frame/folio.h"

enum migrate_mode {
	MIGRATE_NOWAIT, /* a page that somebody has locked, or writes back, stays */
	MIGRATE_WAIT,   /* is waited for */
};

/*
 * How often a page is looked for and tried that somebody has a reference on.  Without one in
 * between: two that move the same page would keep it from each other.
 */
#define MIGRATE_TRIES 10u

struct migrate {
	struct quire_machine *m;
	enum migrate_mode mode;
	struct frame_chain gone; /* the old frames of files' pages */
	uint64_t moved;          /* pages so far */
};

void migrate_begin(struct migrate *mg, struct quire_machine *m, enum migrate_mode mode);
void migrate_end(struct migrate *mg);

/*
 * Moves the page to the frame of `to`, a folio that nobody else knows.  The caller's reference on
 * `from` goes in any case, that on `to` only with success.  Otherwise all is as it was:
 *
 *     -EAGAIN   somebody has it locked, or a reference on it: perhaps not for long
 *     -EBUSY    it is pinned, lent to the host, or being written back
 *     -ENOENT   nobody uses it any more, or it has left its file
 *     -EINVAL   it is of no kind that moves: the zero page, a page table; or `to` has not as many
 *               frames
 */
int migrate_folio(struct migrate *mg, struct folio *from, struct folio *to);
/* The same to a frame of that node; -ENOMEM: it has none. */
int migrate_to_node(struct migrate *mg, struct folio *from, unsigned node);

struct migrate_item {
	struct folio *folio; /* with a reference, which goes */
	unsigned node;       /* where it is to go */
	int err;             /* afterwards: 0, or as of migrate_folio(); -ENOMEM: no frame */
};
/* As many pages are moved for the price of one flush. */
#define MIGRATE_BATCH 32u

/*
 * Moves up to MIGRATE_BATCH pages, which are in different frames or are refused with -EAGAIN, and
 * flushes that mm once for all of them; any other in which they are mapped for each page.  Where a
 * node has no frame left, to the nearest of the set `among` that has.  A reference on the mm.
 */
void migrate_batch(struct migrate *mg, struct quire_mm *mm, struct migrate_item *items, unsigned n,
		   uint64_t among);

/* ---- migrate_range.c */

struct migrate_plan {
	/* The node to which a page that is at addr, and on `node`, is to go; -1: it stays.  PTL. */
	int (*target)(void *arg, uint64_t addr, unsigned node);
	void *arg;
	uint64_t among; /* a set: where that node has no frame, one of these will do */
	bool all;       /* also pages that others map, too */
};

struct migrate_result {
	uint64_t moved;
	uint64_t failed; /* an embedder's frames, which are on node 0 and stay, among them */
	uint64_t again;  /* of those that failed: another try may do */
	uint64_t shared; /* that were left because others map them, too */
};

/* All pages that the mm has in [start, end).  No lock; sleeps. */
void migrate_range(struct quire_mm *mm, uint64_t start, uint64_t end,
		   const struct migrate_plan *plan, struct migrate_result *r);

/* More than one entry maps it. */
static inline bool folio_is_shared(const struct folio *f)
{
	return atomic_load_relaxed(&f->mapcount) > (int32_t)folio_pages(f);
}

#endif
