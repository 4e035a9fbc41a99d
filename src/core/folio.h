/* SPDX-License-Identifier: MIT */
/*
 * folio.h: frames and folios: allocation, references, the folio lock.
 *
 * zone.c owns the zones (buddy allocator, orders 0..10), pcp.c the per-CPU lists of order-0
 * frames; folio.c owns references, flags and the folio lock.
 */
#ifndef CORE_FOLIO_H
#define CORE_FOLIO_H

#include "core/machine.h"

enum alloc_flags {
	ALLOC_ZERO = 1,  /* content must read as zero */
	ALLOC_TABLE = 2, /* for a page table: the table zone if there is one */
};

int frames_init(struct quire_machine *m, const struct quire_machine_options *opts);
void frames_destroy(struct quire_machine *m);
/* Empties per-CPU lists into the buddy lists. */
void frames_drain(struct quire_machine *m);
uint64_t frames_free_count(struct quire_machine *m, enum zone_kind kind);
void frames_stats(struct quire_machine *m, struct quire_machine_stats *out);

/* ---- defer.c: frames that wait for a grace period */
struct frame_chain {
	pfn_t head; /* NO_FRAME: empty */
	uint32_t nr;
	bool tables; /* else pages of files */
};
#define CHAIN_OF_TABLES ((struct frame_chain){NO_FRAME, 0, true})
#define CHAIN_OF_PAGES ((struct frame_chain){NO_FRAME, 0, false})
/* n frames more of that kind are free but for a grace period, or (negative) are free. */
void frames_waiting(struct quire_machine *m, enum zone_kind kind, int64_t n);
/* A table that was taken out, or a page that has left its mapping, with the reference on it. */
void chain_add(struct quire_machine *m, struct frame_chain *c, struct folio *f);
/* The chain's references are dropped a grace period later.  Empties it.  No lock, not in RCU. */
void frames_defer(struct quire_machine *m, struct frame_chain *c);
/* And at once, where no reader can have them.  No spinlock. */
void frames_put_now(struct quire_machine *m, struct frame_chain *c);

/* ---- reclaim.c */

/*
 * What steps inside the core return for want of a frame, so that a failed attempt knows of which
 * kind.  Among them -QENOMEM is a want of metadata, or of what a callback of the embedder wanted.
 * No call of quire.h returns these two: memory_errno().
 */
#define ENOPAGE 4097  /* in RAM */
#define ENOTABLE 4098 /* for a page table, wherever these are */

static inline bool is_no_frame(int err)
{
	return err == -ENOPAGE || err == -ENOTABLE;
}

static inline int memory_errno(int err)
{
	return is_no_frame(err) ? -QENOMEM : err;
}

struct reclaim {
	uint64_t missed[NR_ZONE_KINDS]; /* machine->missed, as it was */
	uint32_t failed_attempts;       /* machine->failed_attempts, when the attempt began */
	unsigned tries;                 /* in vain, since the embedder was asked */
	bool looked_again;
};
/* Ahead of what allocates frames.  Field by field: a copy of the whole would wait
 * for its stores. */
static inline void reclaim_begin(const struct quire_machine *m, struct reclaim *r)
{
	r->missed[ZONE_RAM] = at_load_relaxed(&m->missed[ZONE_RAM]);
	r->missed[ZONE_TABLE] = at_load_relaxed(&m->missed[ZONE_TABLE]);
	r->failed_attempts = at_load_relaxed(&m->failed_attempts);
	r->tries = 0;
	r->looked_again = false;
}
/*
 * An attempt has failed with err.  True: frames that it wanted have come free, or were waited for:
 * worth another.  No lock held, not in RCU: may wait for a grace period.
 */
bool reclaim_retry(struct quire_machine *m, struct reclaim *r, int err);
/*
 * The same on behalf of mm: in the end port->oom is asked; where no frame was missed only if
 * `always`.
 */
bool reclaim_for(struct quire_mm *mm, struct reclaim *r, int err, bool always);
/* Quiescent and drained: the buddy lists against flags and counts.  Returns the violations. */
unsigned frames_verify(struct quire_machine *m, void (*report)(void *, const char *), void *arg);

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

static inline void folio_get(struct folio *f)
{
	at_add_relaxed(&f->refs, 1);
}

/*
 * refs and mapcount are one word: an entry of fork's copy costs one atomic add for both.  Which of
 * them is its low half depends on the byte order.
 */
_Static_assert(offsetof(struct folio, refs) == 0 && offsetof(struct folio, mapcount) == 4,
	       "refs and mapcount side by side");
typedef uint64_t __attribute__((may_alias)) folio_counts_t;
#define COUNTS_MAPCOUNT_SHIFT (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 32 : 0)

/* A reference and a mapping more, of a folio that has a reference.  Returns the new mapcount. */
static inline int32_t folio_get_mapped(struct folio *f)
{
	uint64_t both = at_add_relaxed((folio_counts_t *)(void *)&f->refs, 1 | (1ull << 32));

	return (int32_t)(both >> COUNTS_MAPCOUNT_SHIFT);
}

static inline bool folio_test(const struct folio *f, uint32_t flag)
{
	return (at_load_relaxed(&f->flags) & flag) != 0;
}

static inline void folio_set(struct folio *f, uint32_t flag)
{
	at_or(&f->flags, flag);
}

static inline void folio_clear(struct folio *f, uint32_t flag)
{
	at_and(&f->flags, ~flag);
}

/* F: may sleep. */
void folio_lock(struct quire_machine *m, struct folio *f);
bool folio_trylock(struct folio *f);
void folio_unlock(struct quire_machine *m, struct folio *f);

#endif
