/* SPDX-License-Identifier: MIT */
/*
 * folio.c: references of folios and the folio lock.
 *
 * Invariants:
 *   1  refs = 1 for the page cache + 1 for each entry + 1 for each pin + 1 for
 *      each gather or fault on its way; the last to go frees.  Pins are counted by themselves,
 *      too.  A thread that finds a folio without holding any of these takes a reference only if
 *      there is one, and then asks again where it was found (folio_try_get()).
 *   2  FOLIO_LOCKED is held by one thread.  FOLIO_WAITERS is set by whoever is about
 *      to sleep and cleared by the unlock that wakes them all.
 *   3  A tail has its folio's order, as long as the folio is allocated and while its frames are on
 *      their way to the free lists.  Whoever asks for the folio of a frame without what keeps that
 *      frame gets an answer that may be wrong, and is a frame of the same zone.
 *   4  A FOLIO_PERMANENT folio (the zero page) is never counted: entries hold no
 *      reference on it, and putting one is a bug.
 *   5  A large folio that is mapped as a whole counts once for each page, so that its counts could
 *      overflow: a page of 1 GiB has 2^18.  Whoever maps one so asks before, and is refused at
 *      MOST_COUNTED.  That is 8,128 entries of a page of 1 GiB, and 4,161,536 of one of 2 MiB.
 *      What is left above that is for references that are not entries'.
 */
#include "core/frame/folio.h"
#include "core/frame/zone.h"

void folio_put(struct quire_machine *m, struct folio *f)
{
	if (atomic_sub(&f->refs, 1) == 0)
		frames_free(m, f);
}

void folio_put_refs(struct quire_machine *m, struct folio *f, uint32_t n)
{
	if (atomic_sub(&f->refs, n) == 0)
		frames_free(m, f);
}

/* Blocks of a zone are aligned from its first frame on (zone.c). */
struct folio *frame_folio_of_tail(const struct quire_machine *m, uint64_t pfn)
{
	struct folio *tail = pfn_folio(m, pfn);
	pfn_t base = zone_of(m, tail)->base;
	uint64_t at = pfn - base;

	return pfn_folio(m, base + (at & ~(uint64_t)(folio_pages(tail) - 1)));
}

#define MOST_COUNTED 0x7f000000u

int folio_map_whole(struct folio *f, uint32_t n, bool *first)
{
	folio_counts_t *counts = (folio_counts_t *)(void *)&f->refs;
	folio_counts_t both = atomic_load_relaxed(counts);
	uint32_t refs, maps;

	do {
		refs = (uint32_t)(both >> (32 - COUNTS_MAPCOUNT_SHIFT));
		maps = (uint32_t)(both >> COUNTS_MAPCOUNT_SHIFT);
		if (unlikely(!refs) && RULE(mapped_if_referenced))
			return -QEAGAIN;
		if (refs > MOST_COUNTED - n || maps > MOST_COUNTED - n)
			return -QENOMEM;
	} while (!atomic_cas(counts, &both, both + (n | (uint64_t)n << 32)));
	*first = !maps;
	return 0;
}

/* Threads that find the count full have raised it for a moment: it does not overflow by them. */
#define MOST_PINS 0xff00u

bool folio_pin(struct folio *f)
{
	if (atomic_add_relaxed(&f->shape, SHAPE_PIN) / SHAPE_PIN > MOST_PINS) {
		atomic_sub(&f->shape, SHAPE_PIN);
		return false;
	}
	folio_get(f);
	return true;
}

void folio_unpin(struct quire_machine *m, struct folio *f)
{
	atomic_sub(&f->shape, SHAPE_PIN);
	folio_put(m, f);
}

void folio_put_many(struct quire_machine *m, struct folio **v, unsigned n)
{
	unsigned dead = 0;

	for (unsigned i = 0; i < n; i++)
		if (atomic_sub(&v[i]->refs, 1) == 0)
			v[dead++] = v[i];
	if (dead)
		frames_free_many(m, v, dead);
}

static bool take_bit(struct folio *f)
{
	uint32_t flags = atomic_load_relaxed(&f->flags);

	do {
		if (flags & FOLIO_LOCKED)
			return false;
	} while (!atomic_cas(&f->flags, &flags, flags | FOLIO_LOCKED));
	return true;
}

bool folio_trylock(struct folio *f)
{
	if (!take_bit(f))
		return false;
	lock_rank_tried(RANK_FOLIO);
	return true;
}

void folio_lock(struct quire_machine *m, struct folio *f)
{
	uint32_t flags;

	while (!take_bit(f)) {
		STEP("waits for the lock of frame %u", folio_pfn(m, f));
		flags = atomic_or(&f->flags, FOLIO_WAITERS);
		if (flags & FOLIO_LOCKED)
			m->port.wait(m->port.ctx, &f->flags, flags);
	}
	lock_rank_acquire(RANK_FOLIO);
}

void folio_await_unlock(struct quire_machine *m, struct folio *f)
{
	uint32_t flags = atomic_load_relaxed(&f->flags);

	do {
		if (!(flags & FOLIO_LOCKED))
			return;
	} while (!atomic_cas(&f->flags, &flags, flags | FOLIO_WAITERS));
	STEP("waits until frame %u is unlocked", folio_pfn(m, f));
	m->port.wait(m->port.ctx, &f->flags, flags | FOLIO_WAITERS);
	lock_rank_acquire(RANK_FOLIO); /* as if */
	lock_rank_release(RANK_FOLIO);
}

void folio_unlock(struct quire_machine *m, struct folio *f)
{
	uint32_t flags = atomic_load_relaxed(&f->flags);

	lock_rank_release(RANK_FOLIO);
	while (!atomic_cas(&f->flags, &flags, flags & ~(uint32_t)(FOLIO_LOCKED | FOLIO_WAITERS)))
		;
	if (flags & FOLIO_WAITERS)
		m->port.wake(m->port.ctx, &f->flags, INT32_MAX);
}
