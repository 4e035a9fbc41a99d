/* SPDX-License-Identifier: MIT */
/*
 * folio.h: frames and folios: allocation, references, the folio lock.
 *
 * zone.c owns the zones (buddy allocator, orders 0..10), pcp.c the per-CPU lists of order-0
 * frames; folio.c owns references, flags and the folio lock.
 */
#ifndef CORE_FRAME_FOLIO_H
#define CORE_FRAME_FOLIO_H

#include "core/base/machine.h"

enum alloc_flags {
	ALLOC_ZERO = 1,  /* content must read as zero */
	ALLOC_TABLE = 2, /* for a page table: the table zone if there is one */
};

int frames_init(struct quire_machine *m, const struct quire_machine_options *opts);
void frames_destroy(struct quire_machine *m);
/* Empties per-CPU lists into the buddy lists. */
void frames_drain(struct quire_machine *m);
/* The same, and what is freed from now on goes to the zones, not to lists of CPUs. */
void frames_keep_lists_empty(struct quire_machine *m);
/* The end of that. */
void frames_use_lists(struct quire_machine *m);
uint64_t frames_free_count(struct quire_machine *m, enum zone_kind kind);
void frames_stats(struct quire_machine *m, struct quire_machine_stats *out);

/* refs = 1, mapcount = 0, flags = 0.  NULL: no memory, or a failed allocation point. */
struct folio *folio_alloc(struct quire_machine *m, unsigned order, unsigned alloc_flags);
/*
 * Up to n frames of RAM, of order 0, into v[]; at most FOLIO_ALLOC_MANY.  Returns how many: fewer
 * where an allocation fails or the next are dearer; 0 only as folio_alloc() fails.
 */
#define FOLIO_ALLOC_MANY 64u
unsigned folio_alloc_many(struct quire_machine *m, struct folio **v, unsigned n,
			  unsigned alloc_flags);
/* Drops one reference; the last frees.  With a spinlock held only what was never mapped. */
void folio_put(struct quire_machine *m, struct folio *f);
/* Drops n references of one folio at once. */
void folio_put_refs(struct quire_machine *m, struct folio *f, uint32_t n);
/* Drops one of each of n folios; scrambles v.  No spinlock held: may call port->ram_discard. */
void folio_put_many(struct quire_machine *m, struct folio **v, unsigned n);
/* Frees a frame whose last reference is gone (folio.c) */
void frames_free(struct quire_machine *m, struct folio *f);
void frames_free_many(struct quire_machine *m, struct folio **v, unsigned n);

static inline pfn_t folio_pfn(const struct quire_machine *m, const struct folio *f)
{
	return (pfn_t)(f - m->folios);
}

/*
 * A frame is not a folio: pfn_folio() is the metadata of the frame itself, be it the head of a
 * folio, a tail, or free; for zones, lists and tables.  What an entry maps is asked of
 * frame_folio(), below.
 */
static inline struct folio *pfn_folio(const struct quire_machine *m, uint64_t pfn)
{
#ifdef QUIRE_CHECKER
	Q_ASSERT(m, pfn < m->nr_ram + m->nr_table); /* an embedder's frame number is none */
#endif
	return &m->folios[pfn];
}

static inline void *pfn_addr(const struct quire_machine *m, uint64_t pfn)
{
	return pfn < m->nr_ram ? m->ram + (pfn << PAGE_SHIFT)
			       : m->table_ram + ((pfn - m->nr_ram) << PAGE_SHIFT);
}

static inline void *folio_addr(const struct quire_machine *m, const struct folio *f)
{
	return pfn_addr(m, folio_pfn(m, f));
}

static inline bool folio_test(const struct folio *f, uint32_t flag)
{
	return (atomic_load_relaxed(&f->flags) & flag) != 0;
}

/* Of a page of the cache.  True: who asks sees its content (filecache.c, 2). */
static inline bool folio_is_up_to_date(const struct folio *f)
{
	return (atomic_load(&f->flags) & FOLIO_UPTODATE) != 0;
}

static inline void folio_set(struct folio *f, uint32_t flag)
{
	atomic_or(&f->flags, flag);
}

static inline void folio_clear(struct folio *f, uint32_t flag)
{
	atomic_and(&f->flags, ~flag);
}

static inline void folio_get(struct folio *f)
{
	atomic_add_relaxed(&f->refs, 1);
}

/* folio->shape: the order, from bit 8 on the zone, from bit 16 on the pins. */
#define SHAPE_ORDER 0xffu
#define SHAPE_ZONE_SHIFT 8
#define SHAPE_ZONE (0xffu << SHAPE_ZONE_SHIFT)
#define SHAPE_PIN (1u << 16)

static inline unsigned folio_order(const struct folio *f)
{
	return atomic_load_relaxed(&f->shape) & SHAPE_ORDER;
}

static inline unsigned folio_zone(const struct folio *f)
{
	return (atomic_load_relaxed(&f->shape) & SHAPE_ZONE) >> SHAPE_ZONE_SHIFT;
}

static inline uint32_t folio_pins(const struct folio *f)
{
	return atomic_load(&f->shape) / SHAPE_PIN;
}

/* A frame that is a folio by itself, or free, and has no pin. */
static inline bool folio_is_plain(const struct folio *f)
{
	return !(atomic_load(&f->shape) & ~SHAPE_ZONE);
}

/* Frames of it. */
static inline unsigned folio_pages(const struct folio *f)
{
	return 1u << folio_order(f);
}

/* The folio that a frame of the machine's belongs to. */
struct folio *frame_folio_of_tail(const struct quire_machine *m, uint64_t pfn);
static inline struct folio *frame_folio(const struct quire_machine *m, uint64_t pfn)
{
	struct folio *f = pfn_folio(m, pfn);

	return likely(!folio_test(f, FOLIO_TAIL)) ? f : frame_folio_of_tail(m, pfn);
}

/* Of a page of it, by its frame: of the file, or of the address space. */
static inline uint64_t folio_index(const struct quire_machine *m, const struct folio *f,
				   uint64_t pfn)
{
	return f->index + (pfn - folio_pfn(m, f));
}

/* Pages of one folio: n of them, from number `page` on.  No folio: none. */
struct folio_run {
	struct folio *folio;
	uint32_t page, n;
};

/* True: these n frames are the next pages of the run, which has them now. */
static inline bool folio_run_extend(const struct quire_machine *m, struct folio_run *r,
				    uint64_t pfn, unsigned n)
{
	if (!r->folio || folio_pfn(m, r->folio) + r->page + r->n != pfn ||
	    r->page + r->n >= folio_pages(r->folio))
		return false;
	r->n += n;
	return true;
}

/* Of a frame that nobody else looks at. */
static inline void folio_set_order(struct folio *f, unsigned order)
{
	atomic_store_relaxed(&f->shape, (f->shape & SHAPE_ZONE) | order);
}

/*
 * A pin: a reference of somebody outside who reads or writes the page by its address.  Under the
 * PTL of an entry that maps it, so that fork, which looks there, misses none.  False: the folio has
 * as many as can be counted.
 */
bool folio_pin(struct folio *f);
void folio_unpin(struct quire_machine *m, struct folio *f);

/*
 * A reference for a thread that has found the folio without holding what keeps it: only if there is
 * one.  It may be another's page by now, so where it was found is asked again afterwards.
 */
static inline bool folio_try_get(struct folio *f)
{
	uint32_t refs = atomic_load_relaxed(&f->refs);

	do {
		if (!refs && RULE(reference_tried))
			return false;
	} while (!atomic_cas(&f->refs, &refs, refs + 1));
	return true;
}

/*
 * Takes all references, if there are just n: no folio_try_get() succeeds until folio_unfreeze()
 * gives them back, or for good.  It is frozen under the lock that guards where it is found, and
 * stays there not longer than that lock is held: of the page cache, under X (filecache.c, 5).
 */
static inline bool folio_freeze(struct folio *f, uint32_t n)
{
	return atomic_cas(&f->refs, &n, 0);
}

static inline void folio_unfreeze(struct folio *f, uint32_t n)
{
	atomic_store(&f->refs, n);
}

/*
 * refs and mapcount are one word: an entry of fork's copy costs one atomic add for both.  Which of
 * them is its low half depends on the byte order.
 */
_Static_assert(offsetof(struct folio, refs) == 0 && offsetof(struct folio, mapcount) == 4,
	       "refs and mapcount side by side");
typedef uint64_t __attribute__((may_alias)) folio_counts_t;
#define COUNTS_MAPCOUNT_SHIFT (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 32 : 0)

/* n references and mappings more, of a folio that has a reference.  Returns the new mapcount. */
static inline int32_t folio_get_mapped(struct folio *f, uint32_t n)
{
	uint64_t both =
	    atomic_add_relaxed((folio_counts_t *)(void *)&f->refs, n | ((uint64_t)n << 32));

	return (int32_t)(both >> COUNTS_MAPCOUNT_SHIFT);
}

/* n of each less, of a folio that has another reference.  Returns the new mapcount. */
static inline int32_t folio_put_mapped(struct folio *f, uint32_t n)
{
	uint64_t both = atomic_sub((folio_counts_t *)(void *)&f->refs, n | (uint64_t)n << 32);

	return (int32_t)(both >> COUNTS_MAPCOUNT_SHIFT);
}

static inline bool counts_have_refs(folio_counts_t both)
{
	return (both & (UINT64_C(0xffffffff) << (32 - COUNTS_MAPCOUNT_SHIFT))) != 0;
}

/*
 * A reference and a mapping more, of a folio of a page cache that was found in this read-side
 * section: only if there is a reference.  *first: it had no mapping.  False: it is frozen, and this
 * frame has no page any more.
 */
static inline bool folio_try_get_mapped(struct folio *f, bool *first)
{
	folio_counts_t *counts = (folio_counts_t *)(void *)&f->refs;
	folio_counts_t both = atomic_load_relaxed(counts);

	do {
		if (unlikely(!counts_have_refs(both)) && RULE(mapped_if_referenced))
			return false;
	} while (!atomic_cas(counts, &both, both + (1 | UINT64_C(1) << 32)));
	*first = !(uint32_t)(both >> COUNTS_MAPCOUNT_SHIFT);
	return true;
}

/*
 * An entry maps all n pages of a folio: as many references and mappings more.  0; *first: it had no
 * mapping.  -EAGAIN: it has no reference (folio_try_get_mapped()).  -ENOMEM: they are as many as
 * can be counted (folio.c, 5).
 */
int folio_map_whole(struct folio *f, uint32_t n, bool *first);

/* F: may sleep. */
void folio_lock(struct quire_machine *m, struct folio *f);
bool folio_trylock(struct folio *f);
void folio_unlock(struct quire_machine *m, struct folio *f);
/*
 * Returns when it was unlocked, or for no reason.  Without a reference: it may be another's page by
 * then, so the caller looks again where it had found the folio.
 */
void folio_await_unlock(struct quire_machine *m, struct folio *f);

#endif
