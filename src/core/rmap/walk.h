/* SPDX-License-Identifier: MIT */
/*
 * walk.h: from a page to all entries that map it.
 *
 * A walk finds an entry by the places where the page may be mapped, and asks no VMA whether it
 * is: the frame in the entry, under the entry's PTL, decides.
 *
 *   1  The caller has the folio locked (F), and a reference on it; of a page of a file's cache,
 *      also one on the file.
 *   2  No entry is missed that was there before the walk began.  Of a file's page: the walk holds I
 *      of the file, which a thread that moves entries of the file holds, too (move.c).  Of a
 *      private page: it holds N of each mm that it visits (walk_anon.c, 1).  What comes while it
 *      goes on is another's business: it has a reference on the folio.  But what fork copies from
 *      an entry that was not seen yet is seen (root.h, 3).
 *      One whose entry() leaves it as it was may be come to twice, where moved ranges overlap.
 *   3  A walk on the way back finds each migration entry of the folio, also one that was moved or
 *      copied since it was put in.
 */
#ifndef CORE_RMAP_WALK_H
#define CORE_RMAP_WALK_H

#include "core/base/file_types.h"
#include "core/table/pagetable.h"

/* An entry of the folio, of n of its pages: a leaf's are all.  Its table is locked. */
struct rmap_place {
	struct quire_mm *mm;
	uint64_t addr;
	struct pt_ref ref;
	pte_t e;
	unsigned n;
};

/* Of a large folio what a leaf maps is one entry; else each page has its own. */
static inline bool rmap_is_whole(const struct rmap_place *p, const struct folio *f)
{
	return p->n == folio_pages(f);
}

enum rmap_next { RMAP_GO_ON, RMAP_STOP };

struct rmap_walk {
	struct folio *folio;
	/* Entries that say that it is on its way (entry.h, 4), not those that map it. */
	bool way_back;
	/* The table's lock held, and I or N. */
	enum rmap_next (*entry)(struct rmap_walk *w, struct rmap_place *p);
	/*
	 * The PTL is given back, I or N is held: flushes what entry() has changed of that mm.
	 * Called once or more for each mm that entry() was called for, before it is called for
	 * another.  NULL: nothing is.
	 */
	void (*flush)(struct rmap_walk *w, struct quire_mm *mm);
	/* For flush(): what was seen may be cached at an address that the entry has left, too; all
	 * of the mm is to be flushed (walk_anon.c, 2). */
	bool flush_all;
	struct anon_root *start; /* rmap_begin(): of a private page, with a reference */
	unsigned visited;        /* address spaces so far */
};

/*
 * Ahead of the first walk of a folio, and after the last one: in between what leads to its entries
 * stays, though none maps it for a while.  False: nothing maps it.  No lock but F of the folio.
 */
bool rmap_begin(struct quire_machine *m, struct rmap_walk *w);
void rmap_end(struct quire_machine *m, struct rmap_walk *w);
/*
 * Sleeps.  No lock but F of the folio.  A walk ahead ends early when the folio is mapped no more,
 * or was one mm's alone.
 */
void rmap_walk(struct quire_machine *m, struct rmap_walk *w);

/* ---- for the walks of each kind of page */

/*
 * Calls entry() for each entry of the folio that the mm has in the n pages from addr on, where that
 * many of the folio's may be.  *found: it was called.  Not R.
 */
enum rmap_next rmap_look_at(struct rmap_walk *w, struct quire_mm *mm, uint64_t addr, uint64_t n,
			    bool *found);
/* walk_file.c, walk_anon.c */
void rmap_walk_file(struct quire_machine *m, struct rmap_walk *w);
void rmap_walk_anon(struct rmap_walk *w);

#endif
