/* SPDX-License-Identifier: MIT */
/*
 * frames.c: allocation and freeing of frames: out of the per-CPU lists, or of the zones.
 *
 * Owns nothing.  Metadata of a frame in use belongs to whoever holds a reference.
 *
 * Invariants:
 *   1  A failed allocation of one frame means that neither zones nor pcps have one, on the nodes
 *      that it was to be of.  To say so, frames->scarce is raised and the pcps are emptied one by
 *      one: while it is up they stay empty (pcp.c, 3).
 *   2  machine_cpu.tables sums to the table frames in use.
 */
#include "core/base/kmem.h"
#include "core/frame/block.h"
#include "core/frame/folio.h"
#include "core/frame/hold.h"
#include "core/frame/zone.h"

#define FREE_RUN 8u   /* this many consecutive frames go to the zone at once */
#define WARM_LINES 8u /* cache lines of the next frame fetched ahead */

static enum zone_kind zone_kind(const struct quire_machine *m, unsigned flags)
{
	return (flags & ALLOC_TABLE) && m->nr_table ? ZONE_TABLE : ZONE_RAM;
}

/* ---------------------------------------------------------------- allocate */

pfn_t zones_alloc(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned from,
		  uint64_t nodes, bool *zeroed)
{
	struct frames *fr = m->frames;
	pfn_t pfn;

	if (kind == ZONE_TABLE)
		return zone_alloc(m, &fr->zones[fr->nr_ram_zones], order, zeroed);
	for (unsigned i = 0; i < fr->nr_ram_zones; i++) {
		unsigned node = fr->order[from][i];

		if (!(nodes >> node & 1))
			continue;
		pfn = zone_alloc(m, &fr->zones[node], order, zeroed);
		if (pfn != NO_FRAME)
			return pfn;
	}
	return NO_FRAME;
}

/* A frame may have come to one zone while another was looked into. */
static bool any_free(struct quire_machine *m, enum zone_kind kind, uint64_t nodes)
{
	for (unsigned i = 0; i < m->frames->nr_zones; i++)
		if (m->frames->zones[i].kind == kind && (kind == ZONE_TABLE || nodes >> i & 1) &&
		    zone_free_count(&m->frames->zones[i]))
			return true;
	return false;
}

/* Invariant 1. */
__attribute__((noinline)) pfn_t zones_alloc_last(struct quire_machine *m, enum zone_kind kind,
						 unsigned order, unsigned from, uint64_t nodes,
						 bool *zeroed)
{
	/* Asked first: what has come back by now is found below. */
	bool waiting = atomic_load(&m->waiting[kind]) != 0;
	pfn_t pfn;

	frames_keep_lists_empty(m);
	do
		pfn = zones_alloc(m, kind, order, from, nodes, zeroed);
	while (pfn == NO_FRAME && !order && any_free(m, kind, nodes));
	frames_use_lists(m);
	if (pfn == NO_FRAME)
		atomic_add(&m->missed[kind], waiting ? MISSED_SOME_COMING : MISSED_NONE_COMING);
	return pfn;
}

static pfn_t alloc_block(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned cpu,
			 bool *zeroed)
{
	pfn_t pfn = order ? zones_alloc(m, kind, order, home_zone(m, cpu), ALL_NODES, zeroed)
			  : pcp_alloc(m, kind, cpu, zeroed);

	return likely(pfn != NO_FRAME)
		   ? pfn
		   : zones_alloc_last(m, kind, order, home_zone(m, cpu), ALL_NODES, zeroed);
}

static __attribute__((noinline)) void prepare_tails(struct folio *f, unsigned order)
{
	for (uint32_t i = 1; i < 1u << order; i++) {
		folio_set_order(&f[i], order);
		atomic_store_relaxed(&f[i].flags, FOLIO_TAIL);
	}
}

static inline void prepare_folio(struct folio *f, unsigned order)
{
	if (unlikely(order))
		prepare_tails(f, order);
	folio_set_order(f, order);
	atomic_store_relaxed(&f->mapping, NULL);
	f->index = 0;
	atomic_store_relaxed(&f->mapcount, 0);
	atomic_store_relaxed(&f->flags, order ? FOLIO_LARGE : 0);
	atomic_store(&f->refs, 1);
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

static inline struct folio *use_frames(struct quire_machine *m, pfn_t pfn, unsigned order,
				       unsigned alloc_flags, bool zeroed)
{
	mem_in_use(pfn_addr(m, pfn), PAGE_SIZE << order);
	prepare_folio(pfn_folio(m, pfn), order);
	if ((alloc_flags & ALLOC_ZERO) && !zeroed)
		clear_frames(m, pfn, order);
	return pfn_folio(m, pfn);
}

struct folio *frame_to_folio(struct quire_machine *m, pfn_t pfn, unsigned alloc_flags, bool zeroed)
{
	return use_frames(m, pfn, 0, alloc_flags, zeroed);
}

struct folio *block_to_folio(struct quire_machine *m, pfn_t first, unsigned order)
{
	return use_frames(m, first, order, 0, false);
}

struct folio *folio_alloc(struct quire_machine *m, unsigned order, unsigned alloc_flags)
{
	unsigned cpu = this_cpu(&m->port);
	enum zone_kind kind = zone_kind(m, alloc_flags);
	bool zeroed = false;
	struct folio *f;
	pfn_t pfn;

	if (order > MAX_ORDER || alloc_point_fails_on(m, cpu))
		return NULL;
	pfn = alloc_block(m, kind, order, cpu, &zeroed);
	if (unlikely(pfn == NO_FRAME))
		return NULL;
	f = use_frames(m, pfn, order, alloc_flags, zeroed);
	if (!order && kind == ZONE_RAM)
		warm_next(m, pfn);
	if (alloc_flags & ALLOC_TABLE)
		atomic_add_relaxed(&m->cpus[cpu].tables, 1);
	return f;
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
	if (m->port.ram_discard(m->port.ctx, folio_pfn(m, f), 1ull << folio_order(f)))
		return FOLIO_ZEROED;
	q_log(m, QUIRE_LOG_WARN, "frame %u is used again while the host may still use it",
	      folio_pfn(m, f));
	return 0;
}

/* What most frames have nothing of.  Returns what the frame's flags are now.  A huge page stays
 * what it is, tails and all: it goes to its pool. */
static __attribute__((noinline)) uint32_t retire_special(struct quire_machine *m, struct folio *f,
							 uint32_t flags, unsigned cpu)
{
	if (flags & FOLIO_LENT)
		flags |= renew(m, f);
	Q_ASSERT(m, !(flags & (FOLIO_BUDDY | FOLIO_TAIL | FOLIO_PERMANENT)) && !folio_pins(f));
	if (flags & FOLIO_TABLE)
		atomic_add_relaxed(&m->cpus[cpu].tables, -1);
	for (uint32_t i = 1; !(flags & FOLIO_HUGETLB) && i < 1u << folio_order(f); i++)
		atomic_store_relaxed(&f[i].flags, 0);
	return flags;
}

/* Leaves the metadata as a free frame's; returns whether the frame reads as zero. */
static inline bool retire_folio(struct quire_machine *m, struct folio *f, unsigned cpu)
{
	const uint32_t special =
	    FOLIO_LENT | FOLIO_BUDDY | FOLIO_TAIL | FOLIO_PERMANENT | FOLIO_TABLE;
	uint32_t flags = atomic_load_relaxed(&f->flags);

	if (unlikely((flags & special) || !folio_is_plain(f)))
		flags = retire_special(m, f, flags, cpu);
	mem_out_of_use(folio_addr(m, f), PAGE_SIZE << folio_order(f));
	Q_ASSERT(m, atomic_load_relaxed(&f->mapcount) == 0);
	atomic_store_relaxed(&f->flags, flags & (FOLIO_ZEROED | FOLIO_HUGETLB));
	return (flags & FOLIO_ZEROED) != 0;
}

/* More than one frame, retired. */
static __attribute__((noinline)) void free_large(struct quire_machine *m, struct folio *f,
						 bool zeroed)
{
	if (folio_test(f, FOLIO_HUGETLB))
		m->give_huge(m, f, zeroed);
	else
		zone_free_frames(m, f, 1u << folio_order(f), zeroed);
}

void frames_free(struct quire_machine *m, struct folio *f)
{
	unsigned cpu = this_cpu(&m->port);
	bool zeroed = retire_folio(m, f, cpu);

	if (folio_order(f))
		free_large(m, f, zeroed);
	else
		pcp_free(m, f, cpu);
}

/* How many of v[0..n) are frames in a row, all zeroed or all not, of one zone. */
static inline unsigned run_length(struct folio **v, unsigned n)
{
	const struct folio *first = v[0];
	uint32_t flags = atomic_load_relaxed(&first->flags), shape = first->shape;
	unsigned k = 1;

	while (k < n && v[k] == first + k && v[k]->shape == shape &&
	       atomic_load_relaxed(&v[k]->flags) == flags)
		k++;
	return k;
}

/* Frames in a row, retired.  What is larger than one has no neighbour that is a folio. */
static void free_run(struct quire_machine *m, struct folio **v, unsigned n, unsigned cpu)
{
	bool zeroed = folio_test(v[0], FOLIO_ZEROED);

	if (folio_order(v[0]))
		free_large(m, v[0], zeroed);
	else if (n >= FREE_RUN)
		zone_free_frames(m, v[0], n, zeroed);
	else
		for (unsigned i = 0; i < n; i++)
			pcp_free(m, v[i], cpu);
}

void frames_free_many(struct quire_machine *m, struct folio **v, unsigned n)
{
	unsigned cpu = this_cpu(&m->port);
	unsigned k;

	for (unsigned i = 0; i < n; i++)
		retire_folio(m, v[i], cpu);
	for (unsigned i = 0; i < n; i += k) {
		k = run_length(v + i, n - i);
		free_run(m, v + i, k, cpu);
	}
	for (unsigned i = 0; i < m->frames->nr_ram_zones; i++)
		zone_discard(m, &m->frames->zones[i]);
}
