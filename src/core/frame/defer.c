/* SPDX-License-Identifier: MIT */
/*
 * defer.c: frames that are free but for a grace period: page tables that were taken out, pages that
 * left a file, the pages of a file that is gone.
 *
 * machine->waiting (A) counts them from when they are left to RCU, by the kind of zone to which
 * they go back.  machine->came_back (A) moves when some of them are free.
 *
 *   1  A frame is counted before the call that gave it up returns, and until it is in a free list.
 *      So a thread that was told of it finds it free or waiting (reclaim.c). A thread that counts
 *      frames queues them next, or waits for readers itself; it waits for nothing else in between.
 *      What is not counted yet is in use, such as the pages of a truncation that goes on.
 *   2  Frames of one chain are of one kind of zone.  A chain goes through pt.used of a table, which
 *      nobody reads once pt.linked is 0. It goes through index of a page, which nobody reads once
 *      the page has left its mapping.
 */
#include "core/base/kmem.h"
#include "core/frame/defer.h"
#include "core/frame/folio.h"

#define PUT_AT_ONCE 64u

/* A chain on its way through RCU. */
struct frame_batch {
	struct quire_rcu_head rcu; /* first */
	struct quire_machine *machine;
	struct frame_chain chain;
};

void frames_waiting(struct quire_machine *m, enum zone_kind kind, int64_t n)
{
	atomic_add(&m->waiting[kind], (uint64_t)n);
	if (n < 0)
		atomic_add(&m->came_back[kind], 1);
}

static enum zone_kind kind_of(const struct quire_machine *m, const struct frame_chain *c)
{
	return c->tables && m->nr_table ? ZONE_TABLE : ZONE_RAM;
}

void chain_add(struct quire_machine *m, struct frame_chain *c, struct folio *f)
{
	if (c->tables)
		f->pt.used = c->head;
	else
		f->index = c->head;
	c->head = folio_pfn(m, f);
	c->nr++;
}

/* What was frozen has no reference, and nobody can find it any more. */
static inline void make_last(struct folio *f)
{
	if (!atomic_load(&f->refs))
		folio_unfreeze(f, 1);
}

/* A table that was taken out is empty. */
static void put_chain(struct quire_machine *m, struct frame_chain c)
{
	struct folio *v[PUT_AT_ONCE];
	unsigned n = 0;

	while (c.head != NO_FRAME) {
		struct folio *f = pfn_folio(m, c.head);

		STEP("frees frame %u", c.head);
		c.head = c.tables ? f->pt.used : (pfn_t)f->index;
		if (c.tables)
			folio_set(f, FOLIO_ZEROED);
		make_last(f);
		v[n++] = f;
		if (n < PUT_AT_ONCE && c.head != NO_FRAME)
			continue;
		if (n == 1)
			folio_put(m, f);
		else
			folio_put_many(m, v, n);
		n = 0;
	}
}

static void put_batch(struct quire_rcu_head *head)
{
	struct frame_batch *b = (struct frame_batch *)(void *)head;
	struct quire_machine *m = b->machine;

	put_chain(m, b->chain);
	frames_waiting(m, kind_of(m, &b->chain), -(int64_t)b->chain.nr);
	kmem_free(m, b, sizeof(*b));
}

/* Without memory for the callback: waits for the readers here. */
static void put_after_readers(struct quire_machine *m, struct frame_chain c)
{
	m->port.synchronize_rcu(m->port.ctx);
	put_chain(m, c);
	frames_waiting(m, kind_of(m, &c), -(int64_t)c.nr);
}

void frames_defer(struct quire_machine *m, struct frame_chain *c)
{
	struct frame_chain chain = *c;
	struct frame_batch *b;

	*c = (struct frame_chain){NO_FRAME, 0, chain.tables};
	if (!chain.nr)
		return;
	frames_waiting(m, kind_of(m, &chain), chain.nr);
	b = kmem_alloc(m, sizeof(*b));
	if (!b) {
		put_after_readers(m, chain);
		return;
	}
	*b = (struct frame_batch){.machine = m, .chain = chain};
	STEP("leaves %u frames to RCU", chain.nr);
	m->port.call_rcu(m->port.ctx, &b->rcu, put_batch);
}

void frames_put_now(struct quire_machine *m, struct frame_chain *c)
{
	put_chain(m, *c);
	*c = (struct frame_chain){NO_FRAME, 0, c->tables};
}
