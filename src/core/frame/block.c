/* SPDX-License-Identifier: MIT */
/*
 * block.c: blocks of frames side by side, also such as are larger than any that the zones have.
 *
 * Owns nothing.  A block beyond MAX_ORDER is a row of the zone's largest blocks: it is free if all
 * of these are, which is looked at and changed within one hold of the zone's lock (Z).
 */
#include "core/frame/block.h"
#include "core/frame/zone.h"

/* Z.  Blocks of the lists do not reach beyond the range, which is aligned to more than they are. */
static bool range_is_free(struct quire_machine *m, const struct zone *z, pfn_t pfn, pfn_t end)
{
	while (pfn < end && pfn < z->frontier) {
		const struct folio *f = pfn_folio(m, pfn);

		if (!folio_test(f, FOLIO_BUDDY))
			return false;
		pfn += 1u << folio_order(f);
	}
	return true;
}

/* Z.  Returns whether all of it reads as zero. */
static bool take_range(struct quire_machine *m, struct zone *z, pfn_t pfn, pfn_t end)
{
	bool zeroed = true;

	while (pfn < end) {
		unsigned order = folio_order(pfn_folio(m, pfn));

		zeroed &= zone_block_remove(m, z, pfn, order);
		pfn += 1u << order;
	}
	return zeroed;
}

/* One block of the lists at a time: initialising metadata takes its time. */
static void reach(struct quire_machine *m, struct zone *z, pfn_t end)
{
	bool more;

	do {
		zone_lock(m, z);
		more = z->frontier < end && zone_extend_locked(m, z);
		zone_unlock(z);
	} while (more);
}

void zone_reach(struct quire_machine *m, unsigned zone, unsigned order)
{
	struct zone *z = &m->frames->zones[zone];

	reach(m, z, z->base + ((z->end - z->base) & ~((1u << order) - 1)));
}

/* True: it is the caller's.  *lent: or may become free, when a block is back from ram_discard. */
static bool try_range(struct quire_machine *m, struct zone *z, pfn_t first, pfn_t end, bool *zeroed,
		      bool *lent)
{
	bool ok;

	zone_lock(m, z);
	ok = range_is_free(m, z, first, end);
	zone_unlock(z);
	if (ok)
		reach(m, z, end);
	zone_lock(m, z);
	*lent = z->discarding > 0;
	ok = end <= z->frontier && range_is_free(m, z, first, end);
	if (ok)
		*zeroed = take_range(m, z, first, end);
	zone_unlock(z);
	return ok;
}

static pfn_t zone_range(struct quire_machine *m, struct zone *z, unsigned order, bool *zeroed)
{
	uint32_t size = 1u << order;
	bool lent, any_lent;

	do {
		any_lent = false;
		for (pfn_t pfn = z->base; z->end - pfn >= size; pfn += size) {
			if (try_range(m, z, pfn, pfn + size, zeroed, &lent))
				return pfn;
			any_lent |= lent;
		}
		if (any_lent)
			m->port.yield(m->port.ctx);
	} while (any_lent);
	return NO_FRAME;
}

static pfn_t range_alloc(struct quire_machine *m, unsigned order, uint64_t nodes, unsigned from,
			 bool *zeroed)
{
	struct frames *fr = m->frames;
	pfn_t pfn = NO_FRAME;

	for (unsigned i = 0; i < fr->nr_ram_zones && pfn == NO_FRAME; i++)
		if (nodes >> fr->order[from][i] & 1)
			pfn = zone_range(m, &fr->zones[fr->order[from][i]], order, zeroed);
	return pfn;
}

static pfn_t alloc_any(struct quire_machine *m, unsigned order, uint64_t nodes, unsigned from,
		       bool *zeroed)
{
	return order > MAX_ORDER ? range_alloc(m, order, nodes, from, zeroed)
				 : zones_alloc(m, ZONE_RAM, order, from, nodes, zeroed);
}

/* What lies in lists of CPUs may be what a block lacks.  That there is none does not mean that
 * memory is out: it is not counted as missed. */
pfn_t block_alloc(struct quire_machine *m, unsigned order, uint64_t nodes, unsigned from,
		  bool *zeroed)
{
	pfn_t pfn = alloc_any(m, order, nodes, from, zeroed);

	if (pfn != NO_FRAME)
		return pfn;
	frames_keep_lists_empty(m);
	pfn = alloc_any(m, order, nodes, from, zeroed);
	frames_use_lists(m);
	return pfn;
}

void block_free(struct quire_machine *m, pfn_t first, unsigned order, bool zeroed)
{
	zone_free_frames(m, pfn_folio(m, first), 1u << order, zeroed);
}

void blocks_discard(struct quire_machine *m)
{
	for (unsigned i = 0; i < m->frames->nr_ram_zones; i++)
		zone_discard(m, &m->frames->zones[i]);
}
