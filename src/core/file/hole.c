/* SPDX-License-Identifier: MIT */
/*
 * hole.c: holes that an embedder is just making in one of its files: no old content goes back
 * there.
 *
 *     enlisted -> pages in writeback waited for -> punch_hole
 *              -> made, pages dropped (W) -> delisted
 *
 *   1  A thread that writes a page back looks for a hole under F, right before it writes; the page
 *      is in writeback already.  So either it sees the hole, or hole_begin() sees the page in
 *      writeback and waits.
 *   2  While punch_hole runs, that thread passes the page over.  The page stays dirty.  It is
 *      dropped, or left to the next writeback where punch_hole fails.  The thread does not wait:
 *      punch_hole may itself sync.
 *   3  Once the hole is made, the thread waits for W and looks again: a page that is new there has
 *      content of its own.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"

static void lock_holes(struct mapping *mapping)
{
	spin_lock(&mapping->file->machine->port, &mapping->index_lock, RANK_INDEX);
}

static void unlock_holes(struct mapping *mapping)
{
	spin_unlock(&mapping->index_lock, RANK_INDEX);
}

static void wait_for_writers(struct quire_file *file, uint64_t first, uint64_t last)
{
	struct quire_machine *m = file->machine;
	struct folio *folio;

	for (uint64_t i = first; (folio = filecache_next(file, &i, last, FOLIO_WRITEBACK)); i++) {
		folio_lock(m, folio);
		folio_unlock(m, folio);
		folio_put(m, folio);
		if (i == last)
			break;
	}
}

void hole_begin(struct quire_file *file, struct file_hole *hole, uint64_t first, uint64_t last)
{
	*hole = (struct file_hole){.first = first, .last = last};
	lock_holes(&file->mapping);
	STEP("is going to make a hole of pages %lu to %lu", first, last);
	dlist_add_tail(&file->mapping.holes, &hole->node);
	unlock_holes(&file->mapping);
	if (RULE(hole_waits_for_writeback))
		wait_for_writers(file, first, last);
}

void hole_cancel(struct quire_file *file, struct file_hole *hole)
{
	lock_holes(&file->mapping);
	dlist_del(&hole->node);
	unlock_holes(&file->mapping);
}

void hole_drop(struct quire_file *file, struct file_hole *hole)
{
	const struct quire_port *port = &file->machine->port;

	mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	lock_holes(&file->mapping);
	STEP("has made the hole");
	hole->made = true;
	unlock_holes(&file->mapping);
	truncate_range(file, hole->first, hole->last, false);
	hole_cancel(file, hole);
	mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
}

enum hole_state hole_at(struct mapping *mapping, uint64_t pgoff)
{
	enum hole_state state = HOLE_NONE;
	struct dlist *node;

	lock_holes(mapping);
	for (node = mapping->holes.next; node != &mapping->holes; node = node->next) {
		const struct file_hole *hole = container_of(node, struct file_hole, node);

		if (pgoff < hole->first || pgoff > hole->last)
			continue;
		state = hole->made ? HOLE_MADE : HOLE_BEGUN;
		if (state == HOLE_BEGUN)
			break; /* invariant 2: it must not wait */
	}
	unlock_holes(mapping);
	return state;
}
