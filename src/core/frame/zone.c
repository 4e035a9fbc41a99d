/* SPDX-License-Identifier: MIT */
/*
 * zone.c: a zone's free frames: buddy lists, and the frontier above them.
 *
 * Owns struct zone and, in the metadata of free frames, flags, order, next and
 * prev; all under zone->lock (Z).
 *
 * Invariants:
 *   1  [base, frontier) has valid metadata; [frontier, end) was never touched, neither
 *      metadata nor content, and is free.  A machine is created without touching its RAM.
 *   2  A free block of order o starts at a multiple of 2^o from base, its head has
 *      FOLIO_BUDDY and their order, its other frames have refs == 0 and no FOLIO_BUDDY.
 *   3  Two free buddies of one order below the largest do not exist: they are one block.
 *   4  nr_free = the sum of nr_blocks[list] << order.
 *   5  A head with FOLIO_ZEROED: all of the block reads as zero.  Largest blocks with it are
 *      in LIST_ZEROED, others in list MAX_ORDER.
 *   6  Splitting hands out the low half: successive allocations ascend.
 */
#include "core/frame/folio.h"
#include "core/frame/zone.h"

static unsigned list_order(unsigned list)
{
	return list > MAX_ORDER ? MAX_ORDER : list;
}

static unsigned block_list(unsigned order, bool zeroed)
{
	return order == MAX_ORDER && zeroed ? LIST_ZEROED : order;
}

/* Stored atomically: statistics read without the lock. */
static void count_blocks(struct zone *z, unsigned list, int n)
{
	uint32_t frames = 1u << list_order(list);

	atomic_store_relaxed(&z->nr_blocks[list], z->nr_blocks[list] + (uint32_t)n);
	atomic_store_relaxed(&z->nr_free, n > 0 ? z->nr_free + frames : z->nr_free - frames);
}

static void list_push(struct quire_machine *m, struct zone *z, unsigned list, pfn_t pfn)
{
	struct folio *f = pfn_folio(m, pfn);
	pfn_t head = z->heads[list];

	if (head == NO_FRAME) {
		f->next = pfn;
		f->prev = pfn;
	} else {
		struct folio *first = pfn_folio(m, head);

		f->next = head;
		f->prev = first->prev;
		pfn_folio(m, first->prev)->next = pfn;
		first->prev = pfn;
	}
	z->heads[list] = pfn;
	count_blocks(z, list, 1);
}

static void list_del(struct quire_machine *m, struct zone *z, unsigned list, pfn_t pfn)
{
	struct folio *f = pfn_folio(m, pfn);

	if (f->next == pfn) {
		z->heads[list] = NO_FRAME;
	} else {
		pfn_folio(m, f->prev)->next = f->next;
		pfn_folio(m, f->next)->prev = f->prev;
		if (z->heads[list] == pfn)
			z->heads[list] = f->next;
	}
	count_blocks(z, list, -1);
}

static void block_insert(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order,
			 bool zeroed)
{
	struct folio *f = pfn_folio(m, pfn);

	folio_set_order(f, order);
	atomic_store_relaxed(&f->flags, FOLIO_BUDDY | (zeroed ? FOLIO_ZEROED : 0u));
	list_push(m, z, block_list(order, zeroed), pfn);
}

bool zone_block_remove(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order)
{
	struct folio *f = pfn_folio(m, pfn);
	bool zeroed = folio_test(f, FOLIO_ZEROED);

	list_del(m, z, block_list(order, zeroed), pfn);
	atomic_store_relaxed(&f->flags, 0);
	return zeroed;
}

static bool buddy_is_free(struct quire_machine *m, struct zone *z, pfn_t buddy, unsigned order)
{
	const struct folio *f;

	if (buddy >= z->frontier)
		return false;
	f = pfn_folio(m, buddy);
	return folio_test(f, FOLIO_BUDDY) && folio_order(f) == order;
}

void zone_free_locked(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order,
		      bool zeroed)
{
	pfn_t idx = pfn - z->base;

	if (unlikely(pfn < z->held_end && pfn + (1u << order) > z->held)) {
		zone_hold_freed(m, z, pfn, order, zeroed);
		return;
	}
	while (order < MAX_ORDER) {
		pfn_t buddy = idx ^ (1u << order);

		if (!buddy_is_free(m, z, z->base + buddy, order))
			break;
		zeroed &= zone_block_remove(m, z, z->base + buddy, order);
		idx &= ~(1u << order);
		order++;
	}
	block_insert(m, z, z->base + idx, order, zeroed);
}

/* Any run of frames, as the largest aligned blocks that it is made of. */
void zone_free_run_locked(struct quire_machine *m, struct zone *z, pfn_t pfn, uint32_t count,
			  bool zeroed)
{
	while (count) {
		pfn_t idx = pfn - z->base;
		unsigned order = 31u - (unsigned)__builtin_clz(count);
		unsigned aligned = idx ? (unsigned)__builtin_ctz(idx) : MAX_ORDER;

		if (order > aligned)
			order = aligned;
		if (order > MAX_ORDER)
			order = MAX_ORDER;
		zone_free_locked(m, z, pfn, order, zeroed);
		pfn += 1u << order;
		count -= 1u << order;
	}
}

/* Invariant 1: the next block's metadata becomes valid and the block free. */
bool zone_extend_locked(struct quire_machine *m, struct zone *z)
{
	pfn_t first = z->frontier;
	uint32_t n = z->end - first < MAX_BLOCK ? z->end - first : MAX_BLOCK;

	if (!n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		m->folios[first + i] =
		    (struct folio){.shape = (uint32_t)z->index << SHAPE_ZONE_SHIFT};
	atomic_store_relaxed(&z->frontier, first + n);
	zone_free_run_locked(m, z, first, n, z->zero_frontier);
	return true;
}

/* The smallest list that has a block of the order; used memory before untouched. */
static unsigned find_list(const struct zone *z, unsigned order)
{
	unsigned list = order;

	while (list < NR_LISTS && z->heads[list] == NO_FRAME)
		list++;
	return list;
}

static pfn_t alloc_locked(struct quire_machine *m, struct zone *z, unsigned order, bool *zeroed)
{
	unsigned list, o;
	pfn_t pfn;

	while ((list = find_list(z, order)) == NR_LISTS)
		if (!zone_extend_locked(m, z) && (order || !zone_release_locked(m, z)))
			return NO_FRAME;
	pfn = z->heads[list];
	o = list_order(list);
	*zeroed = zone_block_remove(m, z, pfn, o);
	while (o > order) {
		o--;
		block_insert(m, z, pfn + (1u << o), o, *zeroed);
	}
	return pfn;
}

/* A block lent to ram_discard comes back: not a reason to say that memory is out. */
pfn_t zone_alloc(struct quire_machine *m, struct zone *z, unsigned order, bool *zeroed)
{
	pfn_t pfn;
	bool lent;

	for (;;) {
		zone_lock(m, z);
		pfn = alloc_locked(m, z, order, zeroed);
		lent = z->discarding > 0;
		zone_unlock(z);
		if (pfn != NO_FRAME || !lent)
			return pfn;
		m->port.yield(m->port.ctx);
	}
}

uint64_t zone_free_count(struct zone *z)
{
	return (uint64_t)atomic_load_relaxed(&z->nr_free) +
	       (z->end - atomic_load_relaxed(&z->frontier)) + atomic_load_relaxed(&z->nr_held) +
	       (uint64_t)atomic_load_relaxed(&z->discarding) * MAX_BLOCK;
}

/* The block that was freed longest ago. */
static pfn_t take_oldest(struct quire_machine *m, struct zone *z, uint32_t keep)
{
	pfn_t pfn = NO_FRAME;

	zone_lock(m, z);
	if (z->nr_blocks[MAX_ORDER] > keep) {
		pfn = pfn_folio(m, z->heads[MAX_ORDER])->prev;
		/* In this order: a thread that counts without the lock must not find too few. */
		atomic_store_relaxed(&z->discarding, z->discarding + 1);
		zone_block_remove(m, z, pfn, MAX_ORDER);
	}
	zone_unlock(z);
	return pfn;
}

static void give_back(struct quire_machine *m, struct zone *z, pfn_t pfn, bool zeroed)
{
	zone_lock(m, z);
	block_insert(m, z, pfn, MAX_ORDER, zeroed);
	atomic_store_relaxed(&z->discarding, z->discarding - 1);
	zone_unlock(z);
}

void zone_discard(struct quire_machine *m, struct zone *z)
{
	pfn_t pfn;
	bool zeroed;

	if (!m->port.ram_discard || z->kind != ZONE_RAM ||
	    atomic_load_relaxed(&z->nr_blocks[MAX_ORDER]) <= z->discard_high)
		return;
	while ((pfn = take_oldest(m, z, z->discard_low)) != NO_FRAME) {
		zeroed = m->port.ram_discard(m->port.ctx, pfn, MAX_BLOCK);
		give_back(m, z, pfn, zeroed);
		if (!zeroed)
			return;
	}
}

/* base, end, kind and place are set. */
void zone_init(struct quire_machine *m, struct zone *z)
{
	uint32_t blocks = (z->end - z->base) / MAX_BLOCK;

	spin_init(&z->lock);
	z->frontier = z->base;
	z->zero_frontier = z->kind == ZONE_RAM && m->ram_is_zero;
	for (unsigned i = 0; i < NR_LISTS; i++)
		z->heads[i] = NO_FRAME;
	/* A sixteenth of the zone, 256 MiB at most, stays with us: what is freed is soon reused. */
	z->discard_high = blocks / 16 > 64 ? 64 : blocks / 16;
	z->discard_low = z->discard_high / 2;
}

void zone_free_frames(struct quire_machine *m, struct folio *f, uint32_t count, bool zeroed)
{
	struct zone *z = zone_of(m, f);

	for (uint32_t i = 0; i < count; i++)
		atomic_store_relaxed(&f[i].flags, 0);
	zone_lock(m, z);
	zone_free_run_locked(m, z, folio_pfn(m, f), count, zeroed);
	zone_unlock(z);
}
