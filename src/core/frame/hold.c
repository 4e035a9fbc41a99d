/* SPDX-License-Identifier: MIT */
/*
 * hold.c: frames side by side that are kept out of the free lists, until all of them are free.
 *
 * Owns zone->held, held_end and nr_held, under zone->lock (Z).
 *
 *   1  A free frame of the held range is in no list: it has FOLIO_HELD, no reference, and no
 *      FOLIO_BUDDY.  One that is freed while the range is held becomes such a frame.
 *   2  A zone holds one range at most.
 *   3  Held frames are free: an allocation that finds none else has them (zone.c), and the range is
 *      held no longer.
 */
#include "core/frame/hold.h"
#include "core/frame/zone.h"

/* Z; retired, or just taken out of a list. */
static void hold_frames(struct quire_machine *m, struct zone *z, pfn_t pfn, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct folio *f = pfn_folio(m, pfn + i);

		folio_set_order(f, 0);
		atomic_store_relaxed(&f->flags, FOLIO_HELD);
	}
	atomic_store_relaxed(&z->nr_held, z->nr_held + count);
}

void zone_hold_freed(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order,
		     bool zeroed)
{
	if (pfn >= z->held && pfn + (1u << order) <= z->held_end) {
		hold_frames(m, z, pfn, 1u << order);
		return;
	}
	order--;
	zone_free_locked(m, z, pfn, order, zeroed);
	zone_free_locked(m, z, pfn + (1u << order), order, zeroed);
}

/* Z: free blocks of the range, none of which reaches beyond it. */
static void take_free(struct quire_machine *m, struct zone *z)
{
	pfn_t pfn = z->held;

	while (pfn < z->held_end) {
		const struct folio *f = pfn_folio(m, pfn);
		unsigned order = folio_test(f, FOLIO_BUDDY) ? folio_order(f) : 0;

		if (folio_test(f, FOLIO_BUDDY) && pfn + (1u << order) <= z->held_end) {
			zone_block_remove(m, z, pfn, order);
			hold_frames(m, z, pfn, 1u << order);
		}
		pfn += 1u << order;
	}
}

void zone_span(const struct quire_machine *m, unsigned zone, pfn_t *first, pfn_t *end)
{
	const struct zone *z = &m->frames->zones[zone];

	*first = z->base;
	*end = atomic_load_relaxed(&z->frontier);
}

uint32_t zone_broken(struct quire_machine *m, unsigned zone, unsigned order)
{
	struct zone *z = &m->frames->zones[zone];
	uint32_t frames = 0;

	zone_lock(m, z);
	if (order > MAX_ORDER)
		frames = z->nr_free + (z->end - z->frontier);
	for (unsigned i = 0; i < order && order <= MAX_ORDER; i++)
		frames += z->nr_blocks[i] << i;
	zone_unlock(z);
	return frames;
}

bool zone_hold(struct quire_machine *m, unsigned zone, pfn_t first, unsigned order)
{
	struct zone *z = &m->frames->zones[zone];
	bool ok;

	zone_lock(m, z);
	ok = !z->held_end && first + (1u << order) <= z->frontier;
	if (ok) {
		z->held = first;
		z->held_end = first + (1u << order);
		take_free(m, z);
	}
	zone_unlock(z);
	return ok;
}

bool zone_holds(struct quire_machine *m, unsigned zone, pfn_t first)
{
	struct zone *z = &m->frames->zones[zone];
	bool holds;

	zone_lock(m, z);
	holds = z->held_end && z->held == first;
	zone_unlock(z);
	return holds;
}

/* Z.  From pfn on, of the range: how many are held; their marks go. */
static uint32_t unmark(struct quire_machine *m, pfn_t pfn, pfn_t end)
{
	uint32_t n = 0;

	for (; pfn + n < end && folio_test(pfn_folio(m, pfn + n), FOLIO_HELD); n++)
		atomic_store_relaxed(&pfn_folio(m, pfn + n)->flags, 0);
	return n;
}

bool zone_release_locked(struct quire_machine *m, struct zone *z)
{
	pfn_t pfn = z->held, end = z->held_end;
	bool any = z->nr_held != 0;

	z->held = z->held_end = 0; /* what is freed now goes to the lists */
	atomic_store_relaxed(&z->nr_held, 0);
	while (pfn < end) {
		uint32_t n = unmark(m, pfn, end);

		if (n)
			zone_free_run_locked(m, z, pfn, n, false);
		pfn += n ? n : 1;
	}
	return any;
}

void zone_release(struct quire_machine *m, unsigned zone, pfn_t first)
{
	struct zone *z = &m->frames->zones[zone];

	zone_lock(m, z);
	if (z->held_end && z->held == first)
		zone_release_locked(m, z);
	zone_unlock(z);
}

bool zone_take_held(struct quire_machine *m, unsigned zone, pfn_t first)
{
	struct zone *z = &m->frames->zones[zone];
	bool whole;

	zone_lock(m, z);
	whole = z->held_end && z->held == first && z->nr_held == z->held_end - first;
	if (whole) {
		unmark(m, first, z->held_end);
		z->held = z->held_end = 0;
		atomic_store_relaxed(&z->nr_held, 0);
	}
	zone_unlock(z);
	return whole;
}
