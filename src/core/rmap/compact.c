/* SPDX-License-Identifier: MIT */
/*
 * compact.c: blocks of frames become free as a whole, their pages being moved elsewhere.
 *
 * Owns nothing.  While a block is emptied the zone keeps what is free of it out of its lists
 * (hold.c), so that no page is moved from the block into the block, and nothing new comes in.
 *
 *   1  Blocks with few pages come first, in passes: that costs the fewest moves, and fills the
 *      blocks with many.
 *   2  A block is given up at the first page that does not move.  What has been moved till then
 *      stays where it is.
 *   3  Nothing is moved into a block that is free as a whole: so a second compaction finds nothing
 *      to do.
 *   4  An allocation that finds no other frame has the held ones: then the block is given up.
 */
#include "core/base/kmem.h"
#include "core/base/sized.h"
#include "core/frame/block.h"
#include "core/frame/hold.h"
#include "core/rmap/compact.h"
#include "core/rmap/migrate.h"

#define NOT_STUCK QUIRE_NR_STUCK

struct compaction {
	struct quire_machine *m;
	unsigned zone, order;
	uint64_t want; /* 0: all that can be made */
	struct migrate mg;
	struct quire_compact_result r;
};

const char *quire_stuck_name(enum quire_stuck reason)
{
	static const char *const names[] = {
#define X(reason, name, text) #name,
	    QUIRE_STUCK_REASONS(X)
#undef X
	};

	return (unsigned)reason < QUIRE_NR_STUCK ? names[reason] : NULL;
}

/* ---- one page --------------------------------------------------------------------- */

static bool is_free(const struct folio *f)
{
	return !atomic_load(&f->refs) && !folio_test(f, FOLIO_TAIL | FOLIO_HUGETLB);
}

/* Seen without a lock or a reference: a guess. */
static enum quire_stuck obstacle(const struct folio *f)
{
	uint32_t flags = atomic_load(&f->flags);

	if (flags & FOLIO_TABLE)
		return QUIRE_STUCK_TABLE;
	if (flags & (FOLIO_TAIL | FOLIO_LARGE | FOLIO_HUGETLB))
		return QUIRE_STUCK_LARGE;
	if (folio_pins(f))
		return QUIRE_STUCK_PINNED;
	return flags & FOLIO_LENT ? QUIRE_STUCK_LENT : NOT_STUCK;
}

static enum quire_stuck why_it_stays(const struct folio *f)
{
	enum quire_stuck why = obstacle(f);

	if (why != NOT_STUCK)
		return why;
	return folio_test(f, FOLIO_LOCKED | FOLIO_WRITEBACK) ? QUIRE_STUCK_BUSY
							     : QUIRE_STUCK_REFERENCED;
}

/* With a reference on f, which goes. */
static enum quire_stuck move_away(struct compaction *c, struct folio *f)
{
	int err = migrate_to_node(&c->mg, f, c->zone);

	if (!err || err == -QENOENT)
		return NOT_STUCK;
	return err == -QENOMEM ? QUIRE_STUCK_NO_ROOM : why_it_stays(f);
}

static enum quire_stuck empty_frame(struct compaction *c, struct folio *f)
{
	enum quire_stuck why;

	if (is_free(f))
		return NOT_STUCK;
	why = obstacle(f);
	if (why != NOT_STUCK || !folio_try_get(f))
		return why;
	return move_away(c, f);
}

/* ---- one block -------------------------------------------------------------------- */

/* Old frames of files' pages are free a grace period later. */
static bool await_readers(struct compaction *c)
{
	enum migrate_mode mode = c->mg.mode;

	migrate_end(&c->mg);
	c->r.moved += c->mg.moved;
	if (mode == MIGRATE_WAIT)
		c->m->port.rcu_barrier(c->m->port.ctx);
	migrate_begin(&c->mg, c->m, mode);
	return mode == MIGRATE_WAIT;
}

static enum quire_stuck empty_held(struct compaction *c, pfn_t first)
{
	enum quire_stuck why = NOT_STUCK;

	for (uint32_t i = 0; i < 1u << c->order && why == NOT_STUCK; i++) {
		if (!zone_holds(c->m, c->zone, first)) /* invariant 4 */
			return QUIRE_STUCK_NO_ROOM;
		why = empty_frame(c, pfn_folio(c->m, first + i));
	}
	if (why != NOT_STUCK)
		return why;
	if (zone_take_held(c->m, c->zone, first))
		return NOT_STUCK;
	return await_readers(c) && zone_take_held(c->m, c->zone, first) ? NOT_STUCK
									: QUIRE_STUCK_WAITING;
}

/* True: the block is the caller's, in no list. */
static bool empty_block(struct compaction *c, pfn_t first)
{
	enum quire_stuck why;

	if (!zone_hold(c->m, c->zone, first, c->order))
		return false;
	STEP("empties the block of frame %u", first);
	why = empty_held(c, first);
	if (why == NOT_STUCK)
		return true;
	zone_release(c->m, c->zone, first);
	c->r.stuck[why]++;
	return false;
}

/* ---- a zone ----------------------------------------------------------------------- */

/* Pages of the block.  *why: what would keep it from becoming free, as far as can be seen. */
static uint32_t count_pages(const struct compaction *c, pfn_t first, enum quire_stuck *why)
{
	uint32_t pages = 0;

	*why = NOT_STUCK;
	for (uint32_t i = 0; i < 1u << c->order && *why == NOT_STUCK; i++) {
		const struct folio *f = pfn_folio(c->m, first + i);

		if (is_free(f))
			continue;
		pages++;
		*why = obstacle(f);
	}
	return pages;
}

static bool is_enough(const struct compaction *c)
{
	return c->want && c->r.made >= c->want;
}

/* Is there room for its pages without breaking another free block?  Else nothing is won. */
static bool has_room(const struct compaction *c, uint32_t pages)
{
	uint32_t own = (1u << c->order) - pages;

	return zone_broken(c->m, c->zone, c->order) >= pages + own;
}

/* The block, if it has not more pages than that, but some.  True: it is the caller's. */
static bool try_block(struct compaction *c, pfn_t first, uint32_t least, uint32_t most)
{
	enum quire_stuck why;
	uint32_t pages = count_pages(c, first, &why);

	if (why != NOT_STUCK) {
		c->r.stuck[why] += least == 1; /* in the first pass */
		return false;
	}
	return pages >= least && pages <= most && has_room(c, pages) && empty_block(c, first);
}

/* Blocks with so many pages.  *block, unless NULL: where the first that is made is to go. */
static void pass(struct compaction *c, uint32_t least, uint32_t most, pfn_t *block)
{
	uint32_t size = 1u << c->order;
	pfn_t first, end;

	zone_span(c->m, c->zone, &first, &end);
	for (; end - first >= size && !is_enough(c); first += size) {
		if (!try_block(c, first, least, most))
			continue;
		c->r.made++;
		if (block)
			*block = first;
		else
			block_free(c->m, first, c->order, false);
	}
}

/* Invariant 1. */
static void compact_zone(struct compaction *c, unsigned zone, pfn_t *block)
{
	uint32_t least = 1, size = 1u << c->order;

	c->zone = zone;
	if (c->order > MAX_ORDER)
		zone_reach(c->m, zone, c->order);
	for (int shift = 3; shift >= 0 && !is_enough(c); shift--) {
		uint32_t most = size >> shift;

		if (most >= least)
			pass(c, least, most, block);
		least = most + 1;
	}
}

static void begin(struct compaction *c, enum migrate_mode mode)
{
	frames_keep_lists_empty(c->m);
	migrate_begin(&c->mg, c->m, mode);
}

static void end(struct compaction *c)
{
	migrate_end(&c->mg);
	frames_use_lists(c->m);
	c->r.moved += c->mg.moved;
}

static void compact_nodes(struct compaction *c, unsigned node)
{
	begin(c, MIGRATE_WAIT);
	for (unsigned i = 0; i < quire_machine_nodes(c->m); i++)
		if (node == QUIRE_ALL_NODES || node == i)
			compact_zone(c, i, NULL);
	end(c);
}

int quire_compact_sized(struct quire_machine *m, unsigned node, unsigned order, uint64_t want,
			struct quire_compact_result *out, size_t size)
{
	struct compaction c = {.m = m, .order = order, .want = want};

	if (!order || order > MAX_ORDER ||
	    (node >= quire_machine_nodes(m) && node != QUIRE_ALL_NODES))
		return -QEINVAL;
	compact_nodes(&c, node);
	fill_sized(out, size, &c.r, sizeof(c.r));
	return 0;
}

void compact_node(struct quire_machine *m, unsigned node, unsigned order, uint64_t want,
		  struct quire_compact_result *out)
{
	struct compaction c = {.m = m, .order = order, .want = want};

	compact_nodes(&c, node);
	*out = c.r;
}

/* ---- on demand ---------------------------------------------------------------------- */

static pfn_t make_block(struct quire_machine *m, unsigned order, uint64_t nodes, unsigned from)
{
	struct compaction c = {.m = m, .order = order, .want = 1};
	unsigned n = quire_machine_nodes(m);
	pfn_t block = NO_FRAME;

	begin(&c, MIGRATE_NOWAIT);
	for (unsigned i = 0; i < n && block == NO_FRAME; i++)
		if (nodes >> (from + i) % n & 1)
			compact_zone(&c, (from + i) % n, &block);
	end(&c);
	return block;
}

struct folio *folio_alloc_compacted(struct quire_machine *m, unsigned order, uint64_t nodes,
				    unsigned from, bool *zeroed)
{
	pfn_t block = NO_FRAME;

	*zeroed = false;
	if (alloc_point_fails(m))
		return NULL;
	block = block_alloc(m, order, nodes, from, zeroed);
	if (block == NO_FRAME)
		block = make_block(m, order, nodes, from);
	return block == NO_FRAME ? NULL : block_to_folio(m, block, order);
}
