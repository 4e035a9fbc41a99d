/* SPDX-License-Identifier: MIT */
/*
 * frames.c: allocation and freeing of frames: per-CPU lists in front of the zones.
 *
 * Owns the lists: per CPU and kind of zone one struct pcp under its own lock (K, before Z).
 * Metadata of a frame in use belongs to whoever holds a reference.
 *
 * A pcp has a ring of frames that were freed one by one, handed out first and
 * oldest first (so what was freed in ascending order is reused so), and a run of
 * consecutive frames taken from the buddy lists: faults in a row get frames in a
 * row, which an executor can map with one call.
 *
 * Invariants:
 *   1  A frame in a pcp is free for the buddy lists: refs == 0, no FOLIO_BUDDY; in the ring
 *      its FOLIO_ZEROED says whether it reads as zero.
 *   2  A frame whose RAM is of another node than the CPU's is not put in its ring.
 *   3  A failed allocation of one frame means that neither zones nor pcps have one.  To say so,
 *      frames->scarce is raised and the pcps are emptied one by one; while it is up, which is
 *      looked at under each pcp's lock, they stay empty, and the zones have all there is.
 *   4  machine_cpu.tables sums to the table frames in use.
 */
#include "core/zone.h"

#define RUN_ORDER 5       /* frames of RAM taken from the buddy lists at once: 32 */
#define TABLE_RUN_ORDER 3 /* so that tables of two CPUs share no line of metadata */
#define FREE_RUN 8u       /* this many consecutive frames go to the zone at once */
#define WARM_LINES 8u     /* cache lines of the next frame fetched ahead */

static struct zone *zone_of(struct quire_machine *m, const struct folio *f)
{
	return &m->frames->zones[f->zone];
}

static unsigned home_zone(const struct quire_machine *m, unsigned cpu)
{
	return cpu * m->frames->nr_ram_zones / m->port.ncpus;
}

static enum zone_kind zone_kind(const struct quire_machine *m, unsigned flags)
{
	return (flags & ALLOC_TABLE) && m->nr_table ? ZONE_TABLE : ZONE_RAM;
}

/* ----------------------------------------------------------- per-CPU lists */

static void ring_push(struct pcp *p, pfn_t pfn)
{
	p->ring[(p->head + p->count) % PCP_RING] = pfn;
	at_store_relaxed(&p->count, p->count + 1);
}

static pfn_t ring_pop(struct pcp *p)
{
	pfn_t pfn = p->ring[p->head];

	p->head = (p->head + 1) % PCP_RING;
	at_store_relaxed(&p->count, p->count - 1);
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

		at_store_relaxed(&f->flags, 0);
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
		at_store_relaxed(&p->next, p->end);
	}
	spin_unlock(&p->lock, RANK_PCP);
}

void frames_drain(struct quire_machine *m)
{
	for (unsigned cpu = 0; cpu < m->port.ncpus; cpu++)
		for (unsigned kind = 0; kind < NR_ZONE_KINDS; kind++)
			pcp_drain(m, &m->frames->pcps[cpu][kind]);
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
	at_store_relaxed(&p->next, pfn);
	at_store_relaxed(&p->end, pfn + (1u << order));
	return true;
}

/* Invariant 3: then a run is the one frame that is wanted. */
static bool is_scarce(const struct quire_machine *m)
{
	return unlikely(at_load_relaxed(&m->frames->scarce));
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
		if (refill_from(m, p, &fr->zones[(home + i) % fr->nr_ram_zones],
				scarce ? 0 : RUN_ORDER))
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
		at_store_relaxed(&p->next, pfn + 1);
		*zeroed = p->run_zeroed;
	}
	return pfn;
}

static pfn_t pcp_alloc(struct quire_machine *m, enum zone_kind kind, unsigned cpu, bool *zeroed)
{
	struct pcp *p = &m->frames->pcps[cpu][kind];
	pfn_t pfn;

	spin_lock(&m->port, &p->lock, RANK_PCP);
	pfn = pcp_take(m, p, kind, cpu, zeroed);
	spin_unlock(&p->lock, RANK_PCP);
	return pfn;
}

/* Up to n frames of RAM under one lock.  *zeroed: bit i for v[i].  Returns how many there were. */
static unsigned pcp_alloc_many(struct quire_machine *m, unsigned cpu, struct folio **v, unsigned n,
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

/* ---------------------------------------------------------------- allocate */

static pfn_t zones_alloc(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned cpu,
			 bool *zeroed)
{
	struct frames *fr = m->frames;
	unsigned home = home_zone(m, cpu);
	pfn_t pfn;

	if (kind == ZONE_TABLE)
		return zone_alloc(m, &fr->zones[fr->nr_ram_zones], order, zeroed);
	for (unsigned i = 0; i < fr->nr_ram_zones; i++) {
		pfn = zone_alloc(m, &fr->zones[(home + i) % fr->nr_ram_zones], order, zeroed);
		if (pfn != NO_FRAME)
			return pfn;
	}
	return NO_FRAME;
}

/* A frame may have come to one zone while another was looked into. */
static bool any_free(struct quire_machine *m, enum zone_kind kind)
{
	for (unsigned i = 0; i < m->frames->nr_zones; i++)
		if (m->frames->zones[i].kind == kind && zone_free_count(&m->frames->zones[i]))
			return true;
	return false;
}

/* Invariant 3. */
static __attribute__((noinline)) pfn_t alloc_last(struct quire_machine *m, enum zone_kind kind,
						  unsigned order, unsigned cpu, bool *zeroed)
{
	/* Asked first: what has come back by now is found below. */
	bool waiting = at_load(&m->waiting[kind]) != 0;
	pfn_t pfn;

	at_add(&m->frames->scarce, 1);
	frames_drain(m);
	do
		pfn = zones_alloc(m, kind, order, cpu, zeroed);
	while (pfn == NO_FRAME && !order && any_free(m, kind));
	at_sub(&m->frames->scarce, 1);
	if (pfn == NO_FRAME)
		at_add(&m->missed[kind], waiting ? MISSED_SOME_COMING : MISSED_NONE_COMING);
	return pfn;
}

static pfn_t alloc_block(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned cpu,
			 bool *zeroed)
{
	pfn_t pfn =
	    order ? zones_alloc(m, kind, order, cpu, zeroed) : pcp_alloc(m, kind, cpu, zeroed);

	return likely(pfn != NO_FRAME) ? pfn : alloc_last(m, kind, order, cpu, zeroed);
}

static void prepare_folio(struct folio *f, unsigned order)
{
	for (uint32_t i = 1; i < 1u << order; i++)
		at_store_relaxed(&f[i].flags, FOLIO_TAIL);
	f->order = (uint8_t)order;
	at_store_relaxed(&f->mapping, NULL);
	f->index = 0;
	at_store_relaxed(&f->mapcount, 0);
	at_store_relaxed(&f->flags, 0);
	at_store(&f->refs, 1);
}

static void clear_frames(struct quire_machine *m, pfn_t pfn, unsigned order)
{
	if (!order)
		memset(pfn_addr(m, pfn), 0, PAGE_SIZE);
	else
		memset(pfn_addr(m, pfn), 0, PAGE_SIZE << order);
}

/*
 * The frame behind the one just handed out is most likely the next: fetching its first lines for
 * writing now, while this fault waits for its own stores to drain, hides their misses and that of
 * its translation (docs/performance.md: a third of an anonymous fault).  A prefetch does not fault.
 */
static void warm_next(struct quire_machine *m, pfn_t pfn)
{
	const char *next = pfn_addr(m, pfn + 1);

	for (unsigned i = 0; i < WARM_LINES; i++)
		prefetch_write(next + i * 64);
}

struct folio *folio_alloc(struct quire_machine *m, unsigned order, unsigned alloc_flags)
{
	unsigned cpu = this_cpu(&m->port);
	enum zone_kind kind = zone_kind(m, alloc_flags);
	bool zeroed = false;
	pfn_t pfn;

	if (order > MAX_ORDER || alloc_point_fails_on(m, cpu))
		return NULL;
	pfn = alloc_block(m, kind, order, cpu, &zeroed);
	if (unlikely(pfn == NO_FRAME))
		return NULL;
	mem_in_use(pfn_addr(m, pfn), PAGE_SIZE << order);
	prepare_folio(pfn_folio(m, pfn), order);
	if ((alloc_flags & ALLOC_ZERO) && !zeroed)
		clear_frames(m, pfn, order);
	if (!order && kind == ZONE_RAM)
		warm_next(m, pfn);
	if (alloc_flags & ALLOC_TABLE)
		at_add_relaxed(&m->cpus[cpu].tables, 1);
	return pfn_folio(m, pfn);
}

static void prepare_many(struct quire_machine *m, struct folio **v, unsigned n, uint64_t zeroed)
{
	for (unsigned i = 0; i < n; i++) {
		pfn_t pfn = folio_pfn(m, v[i]);

		mem_in_use(pfn_addr(m, pfn), PAGE_SIZE);
		prepare_folio(v[i], 0);
		if (!(zeroed >> i & 1))
			clear_frames(m, pfn, 0);
		if (i + 1 == n)
			warm_next(m, pfn);
	}
}

unsigned folio_alloc_many(struct quire_machine *m, struct folio **v, unsigned n,
			  unsigned alloc_flags)
{
	unsigned cpu = this_cpu(&m->port), got;
	uint64_t zeroed;

	n = alloc_points_pass(m, cpu, min_u32(n, FOLIO_ALLOC_MANY));
	if (!n)
		return 0;
	got = pcp_alloc_many(m, cpu, v, n, &zeroed);
	if (unlikely(!got)) {
		v[0] = folio_alloc(m, 0, alloc_flags); /* asks everywhere for the last one */
		return v[0] ? 1 : 0;
	}
	prepare_many(m, v, got, alloc_flags & ALLOC_ZERO ? zeroed : UINT64_MAX);
	return got;
}

/* -------------------------------------------------------------------- free */

/* Whoever may still use the frame is left with its old memory (tlb.c, 4). */
static uint32_t renew(struct quire_machine *m, struct folio *f)
{
	STEP("has other memory put in the place of frame %u", folio_pfn(m, f));
	if (m->port.ram_discard(m->port.ctx, folio_pfn(m, f), 1ull << f->order))
		return FOLIO_ZEROED;
	q_log(m, QUIRE_LOG_WARN, "frame %u is used again while the host may still use it",
	      folio_pfn(m, f));
	return 0;
}

/* Leaves the metadata as a free frame's; returns whether the frame reads as zero. */
static bool retire_folio(struct quire_machine *m, struct folio *f, unsigned cpu)
{
	uint32_t flags = at_load_relaxed(&f->flags);

	if (unlikely(flags & FOLIO_LENT))
		flags |= renew(m, f);
	mem_out_of_use(folio_addr(m, f), PAGE_SIZE << f->order);
	Q_ASSERT(m, at_load_relaxed(&f->mapcount) == 0);
	Q_ASSERT(m, !(flags & (FOLIO_BUDDY | FOLIO_TAIL | FOLIO_PERMANENT)));
	if (flags & FOLIO_TABLE)
		at_add_relaxed(&m->cpus[cpu].tables, -1);
	for (uint32_t i = 1; i < 1u << f->order; i++)
		at_store_relaxed(&f[i].flags, 0);
	at_store_relaxed(&f->flags, flags & FOLIO_ZEROED);
	return (flags & FOLIO_ZEROED) != 0;
}

static void free_to_zone(struct quire_machine *m, struct folio *f, uint32_t count, bool zeroed)
{
	struct zone *z = zone_of(m, f);

	for (uint32_t i = 0; i < count; i++)
		at_store_relaxed(&f[i].flags, 0);
	zone_lock(m, z);
	zone_free_run_locked(m, z, folio_pfn(m, f), count, zeroed);
	zone_unlock(z);
}

/* Order 0, already retired. */
static void pcp_free(struct quire_machine *m, struct folio *f, unsigned cpu)
{
	struct zone *z = zone_of(m, f);
	struct pcp *p = &m->frames->pcps[cpu][z->kind];

	if (z->kind == ZONE_RAM && z->index != home_zone(m, cpu)) {
		free_to_zone(m, f, 1, folio_test(f, FOLIO_ZEROED));
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

void frames_free(struct quire_machine *m, struct folio *f)
{
	unsigned cpu = this_cpu(&m->port);
	bool zeroed = retire_folio(m, f, cpu);

	if (f->order)
		free_to_zone(m, f, 1u << f->order, zeroed);
	else
		pcp_free(m, f, cpu);
}

/* How many of v[0..n) are frames in a row, all zeroed or all not, of one zone. */
static unsigned run_length(struct folio **v, unsigned n)
{
	uint32_t zeroed = at_load_relaxed(&v[0]->flags) & FOLIO_ZEROED;
	unsigned k = 1;

	while (k < n && v[k] == v[0] + k && v[k]->zone == v[0]->zone && !v[k]->order &&
	       (at_load_relaxed(&v[k]->flags) & FOLIO_ZEROED) == zeroed)
		k++;
	return k;
}

void frames_free_many(struct quire_machine *m, struct folio **v, unsigned n)
{
	unsigned cpu = this_cpu(&m->port);
	unsigned k;

	for (unsigned i = 0; i < n; i++)
		retire_folio(m, v[i], cpu);
	for (unsigned i = 0; i < n; i += k) {
		k = v[i]->order ? 1 : run_length(v + i, n - i);
		if (v[i]->order)
			free_to_zone(m, v[i], 1u << v[i]->order, folio_test(v[i], FOLIO_ZEROED));
		else if (k >= FREE_RUN)
			free_to_zone(m, v[i], k, folio_test(v[i], FOLIO_ZEROED));
		else
			for (unsigned j = 0; j < k; j++)
				pcp_free(m, v[i + j], cpu);
	}
	for (unsigned i = 0; i < m->frames->nr_ram_zones; i++)
		zone_discard(m, &m->frames->zones[i]);
}
