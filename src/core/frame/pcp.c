/* SPDX-License-Identifier: MIT */
/*
 * pcp.c: the per-CPU lists of single frames, in front of the zones.
 *
 * Owns per CPU and kind of zone one struct pcp under its own lock (K, before Z).
 *
 * A pcp has a ring of frames that were freed one by one, handed out first and oldest first (so what
 * was freed in ascending order is reused so), and a run of consecutive frames taken from the buddy
 * lists: faults in a row get frames in a row, which an executor can map with one call.
 *
 * Invariants:
 *   1  A frame in a pcp is free for the buddy lists: refs == 0, no FOLIO_BUDDY; in the ring
 *      its FOLIO_ZEROED says whether it reads as zero.
 *   2  A frame whose RAM is of another node than the CPU's is not put in its ring.
 *   3  While frames->scarce is up, which is looked at under each pcp's lock, an emptied pcp stays
 *      empty, and the zones have all there is (frames.c, 1).
 */
#include "core/frame/folio.h"
#include "core/frame/zone.h"

#define RUN_ORDER 5       /* frames of RAM taken from the buddy lists at once: 32 */
#define TABLE_RUN_ORDER 3 /* so that tables of two CPUs share no line of metadata */

static void ring_push(struct pcp *p, pfn_t pfn)
{
	p->ring[(p->head + p->count) % PCP_RING] = pfn;
	atomic_store_relaxed(&p->count, p->count + 1);
}

static pfn_t ring_pop(struct pcp *p)
{
	pfn_t pfn = p->ring[p->head];

	p->head = (p->head + 1) % PCP_RING;
	atomic_store_relaxed(&p->count, p->count - 1);
	return pfn;
}

/* The oldest n frames of the ring go to their zones. */
static void ring_drain(struct quire_machine *m, struct pcp *p, uint32_t n)
{
	while (n--) {
		pfn_t pfn = ring_pop(p);
		struct folio *f = pfn_folio(m, pfn);
		struct zone *z = zone_of(m, f);
		bool zeroed = folio_test(f, FOLIO_ZEROED);

		atomic_store_relaxed(&f->flags, 0);
		zone_lock(m, z);
		zone_free_locked(m, z, pfn, 0, zeroed);
		zone_unlock(z);
	}
}

static void pcp_drain(struct quire_machine *m, struct pcp *p)
{
	struct zone *z;

	spin_lock(&m->port, &p->lock, RANK_PCP);
	ring_drain(m, p, p->count);
	if (p->next < p->end) {
		z = zone_of(m, pfn_folio(m, p->next));
		zone_lock(m, z);
		zone_free_run_locked(m, z, p->next, p->end - p->next, p->run_zeroed);
		zone_unlock(z);
		atomic_store_relaxed(&p->next, p->end);
	}
	spin_unlock(&p->lock, RANK_PCP);
}

void frames_drain(struct quire_machine *m)
{
	for (unsigned cpu = 0; cpu < m->port.ncpus; cpu++)
		for (unsigned kind = 0; kind < NR_ZONE_KINDS; kind++)
			pcp_drain(m, &m->frames->pcps[cpu][kind]);
}

void frames_keep_lists_empty(struct quire_machine *m)
{
	atomic_add(&m->frames->scarce, 1);
	frames_drain(m);
}

void frames_use_lists(struct quire_machine *m)
{
	atomic_sub(&m->frames->scarce, 1);
}

/* A block of the order from this zone, or the largest that it has. */
static bool refill_from(struct quire_machine *m, struct pcp *p, struct zone *z, unsigned order)
{
	pfn_t pfn;

	for (;; order--) {
		pfn = zone_alloc(m, z, order, &p->run_zeroed);
		if (pfn != NO_FRAME)
			break;
		if (!order)
			return false;
	}
	atomic_store_relaxed(&p->next, pfn);
	atomic_store_relaxed(&p->end, pfn + (1u << order));
	return true;
}

/* Invariant 3: then a run is the one frame that is wanted. */
static bool is_scarce(const struct quire_machine *m)
{
	return unlikely(atomic_load_relaxed(&m->frames->scarce));
}

static bool refill(struct quire_machine *m, struct pcp *p, enum zone_kind kind, unsigned cpu)
{
	struct frames *fr = m->frames;
	unsigned home = home_zone(m, cpu);
	bool scarce = is_scarce(m);

	if (kind == ZONE_TABLE)
		return refill_from(m, p, &fr->zones[fr->nr_ram_zones],
				   scarce ? 0 : TABLE_RUN_ORDER);
	for (unsigned i = 0; i < fr->nr_ram_zones; i++)
		if (refill_from(m, p, &fr->zones[fr->order[home][i]], scarce ? 0 : RUN_ORDER))
			return true;
	return false;
}

/* K held. */
static inline pfn_t pcp_take(struct quire_machine *m, struct pcp *p, enum zone_kind kind,
			     unsigned cpu, bool *zeroed)
{
	pfn_t pfn = NO_FRAME;

	if (p->count) {
		pfn = ring_pop(p);
		*zeroed = folio_test(pfn_folio(m, pfn), FOLIO_ZEROED);
	} else if (p->next < p->end || refill(m, p, kind, cpu)) {
		pfn = p->next;
		atomic_store_relaxed(&p->next, pfn + 1);
		*zeroed = p->run_zeroed;
	}
	return pfn;
}

pfn_t pcp_alloc(struct quire_machine *m, enum zone_kind kind, unsigned cpu, bool *zeroed)
{
	struct pcp *p = &m->frames->pcps[cpu][kind];
	pfn_t pfn;

	spin_lock(&m->port, &p->lock, RANK_PCP);
	pfn = pcp_take(m, p, kind, cpu, zeroed);
	spin_unlock(&p->lock, RANK_PCP);
	return pfn;
}

/* K held.  The run may be of another node, if the CPU's own had nothing when it was taken. */
static bool run_is_own(struct quire_machine *m, struct pcp *p, struct zone *own)
{
	if (p->next < p->end)
		return p->next >= own->base && p->next < own->end;
	return refill_from(m, p, own, is_scarce(m) ? 0 : RUN_ORDER);
}

pfn_t pcp_alloc_own(struct quire_machine *m, unsigned cpu, bool *zeroed)
{
	struct pcp *p = &m->frames->pcps[cpu][ZONE_RAM];
	pfn_t pfn = NO_FRAME;

	spin_lock(&m->port, &p->lock, RANK_PCP);
	if (p->count || run_is_own(m, p, &m->frames->zones[home_zone(m, cpu)]))
		pfn = pcp_take(m, p, ZONE_RAM, cpu, zeroed);
	spin_unlock(&p->lock, RANK_PCP);
	return pfn;
}

unsigned pcp_alloc_many(struct quire_machine *m, unsigned cpu, struct folio **v, unsigned n,
			uint64_t *zeroed)
{
	struct pcp *p = &m->frames->pcps[cpu][ZONE_RAM];
	unsigned got = 0;
	bool is_zeroed;
	pfn_t pfn;

	*zeroed = 0;
	spin_lock(&m->port, &p->lock, RANK_PCP);
	while (got < n && (pfn = pcp_take(m, p, ZONE_RAM, cpu, &is_zeroed)) != NO_FRAME) {
		*zeroed |= (uint64_t)is_zeroed << got;
		v[got++] = pfn_folio(m, pfn);
	}
	spin_unlock(&p->lock, RANK_PCP);
	return got;
}

void pcp_free(struct quire_machine *m, struct folio *f, unsigned cpu)
{
	struct zone *z = zone_of(m, f);
	struct pcp *p = &m->frames->pcps[cpu][z->kind];

	if (z->kind == ZONE_RAM && z->index != home_zone(m, cpu)) {
		zone_free_frames(m, f, 1, folio_test(f, FOLIO_ZEROED));
		return;
	}
	spin_lock(&m->port, &p->lock, RANK_PCP);
	if (p->count == PCP_RING)
		ring_drain(m, p, PCP_RING / 2);
	ring_push(p, folio_pfn(m, f));
	if (is_scarce(m)) /* invariant 3 */
		ring_drain(m, p, p->count);
	spin_unlock(&p->lock, RANK_PCP);
}
