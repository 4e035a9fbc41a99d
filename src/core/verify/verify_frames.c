/* SPDX-License-Identifier: MIT */
/*
 * verify_frames.c: the buddy lists against the flags of their frames and against the counts.
 *
 * Owns nothing and takes no lock: the machine is quiescent and the per-CPU lists are drained.
 * Proves the invariants of zone.c, and that every frame below the frontier that is in no free
 * block has a reference, or is of a huge page (verify_huge.c).
 */
#include "core/frame/folio.h"
#include "core/frame/zone.h"
#include "core/verify/verify.h"

struct check {
	struct quire_machine *m;
	const struct zone *z;
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned bad;
	uint32_t blocks[NR_LISTS]; /* found by their flags */
};

static void bad(struct check *c, const char *what, uint64_t pfn)
{
	char line[160];

	c->bad++;
	if (!c->report)
		return;
	q_format(line, sizeof(line), "zone %u: %s (%lu)", (unsigned)c->z->index, what, pfn);
	c->report(c->arg, line);
}

static void check_member(struct check *c, unsigned list, pfn_t pfn, pfn_t prev)
{
	const struct folio *f = pfn_folio(c->m, pfn);
	unsigned order = list > MAX_ORDER ? MAX_ORDER : list;

	if (!folio_test(f, FOLIO_BUDDY) || folio_order(f) != order)
		bad(c, "frame in a free list is no free block of its order", pfn);
	if (order == MAX_ORDER && folio_test(f, FOLIO_ZEROED) != (list == LIST_ZEROED))
		bad(c, "free block in the wrong list", pfn);
	if (f->prev != prev)
		bad(c, "free list is broken at", pfn);
}

/* Goes round once; a broken list ends the round at its count. */
static void check_list(struct check *c, unsigned list)
{
	const struct zone *z = c->z;
	pfn_t head = z->heads[list], pfn = head;
	uint32_t n = 0;

	if (head == NO_FRAME) {
		if (z->nr_blocks[list])
			bad(c, "empty free list has a count", z->nr_blocks[list]);
		return;
	}
	do {
		pfn_t next;

		if (pfn < z->base || pfn >= z->frontier) {
			bad(c, "free list leaves the zone at", pfn);
			return;
		}
		next = pfn_folio(c->m, pfn)->next;
		if (next >= z->base && next < z->frontier)
			check_member(c, list, next, pfn);
		pfn = next;
	} while (++n <= z->nr_blocks[list] && pfn != head);
	if (n != z->nr_blocks[list])
		bad(c, "free list does not have as many blocks as counted", z->nr_blocks[list]);
}

/* Only small blocks are read: large ones may be memory that was never touched. */
#define READ_ORDER 3

static void check_zeroes(struct check *c, pfn_t pfn, unsigned order)
{
	const uint64_t *words = pfn_addr(c->m, pfn);

	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*words); i++) {
		if (words[i]) {
			bad(c, "frame said to be zero is not", pfn);
			return;
		}
	}
}

static void check_block(struct check *c, pfn_t pfn)
{
	const struct folio *f = pfn_folio(c->m, pfn);
	uint32_t idx = pfn - c->z->base, size = 1u << folio_order(f), buddy = idx ^ size;
	const struct folio *b;

	c->blocks[folio_order(f) == MAX_ORDER && folio_test(f, FOLIO_ZEROED) ? LIST_ZEROED
									     : folio_order(f)]++;
	if (atomic_load(&f->refs) || (idx & (size - 1)) || idx + size > c->z->frontier - c->z->base)
		bad(c, "free block is in use, misaligned or too long", pfn);
	for (uint32_t i = 1; i < size; i++)
		if (atomic_load(&f[i].refs) || atomic_load(&f[i].flags))
			bad(c, "frame inside a free block is in use", pfn + i);
	if (folio_test(f, FOLIO_ZEROED) && folio_order(f) <= READ_ORDER)
		check_zeroes(c, pfn, folio_order(f));
	if (folio_order(f) == MAX_ORDER || buddy + size > c->z->frontier - c->z->base)
		return;
	b = pfn_folio(c->m, c->z->base + buddy);
	if (folio_test(b, FOLIO_BUDDY) && folio_order(b) == folio_order(f))
		bad(c, "two free buddies were not merged", pfn);
}

static void check_zone(struct check *c)
{
	const struct zone *z = c->z;
	uint32_t free = 0;
	pfn_t pfn = z->base;

	for (unsigned list = 0; list < NR_LISTS; list++)
		check_list(c, list);
	while (pfn < z->frontier) {
		const struct folio *f = pfn_folio(c->m, pfn);

		if (folio_test(f, FOLIO_BUDDY)) {
			check_block(c, pfn);
			free += 1u << folio_order(f);
			pfn += 1u << folio_order(f);
			continue;
		}
		if (!atomic_load(&f->refs) && !folio_test(f, FOLIO_TAIL | FOLIO_HUGETLB))
			bad(c, "frame is neither free nor referenced", pfn);
		pfn++;
	}
	for (unsigned list = 0; list < NR_LISTS; list++)
		if (c->blocks[list] != z->nr_blocks[list])
			bad(c, "free blocks are not all in the list of order", list);
	if (z->held_end)
		bad(c, "a range is held, and nobody empties it, from", z->held);
	if (free != z->nr_free)
		bad(c, "free frames were counted as", z->nr_free);
}

unsigned frames_verify(struct quire_machine *m, void (*report)(void *, const char *), void *arg)
{
	unsigned total = 0;

	for (unsigned i = 0; i < m->frames->nr_zones; i++) {
		struct check c = {.m = m, .z = &m->frames->zones[i], .report = report, .arg = arg};

		check_zone(&c);
		total += c.bad;
	}
	return total;
}
