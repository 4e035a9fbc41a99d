/* SPDX-License-Identifier: MIT */
/*
 * place.h: folios on the node that a memory policy says.
 */
#ifndef CORE_FRAME_PLACE_H
#define CORE_FRAME_PLACE_H

#include "core/frame/folio.h"
#include "core/frame/policy.h"

/* The node that a thread is on, as its task says, or else its CPU. */
unsigned task_node(const struct quire_machine *m, const struct quire_task *task, unsigned cpu);

/* A folio of one page on one of these nodes, the nearest to `from` that has a frame; or NULL. */
struct folio *folio_alloc_on(struct quire_machine *m, unsigned alloc_flags, uint64_t nodes,
			     unsigned from);

/* On a machine of several nodes. */
struct folio *folio_alloc_placed(struct quire_machine *m, unsigned alloc_flags, uint64_t policy,
				 uint64_t number);
unsigned folio_alloc_many_placed(struct quire_machine *m, struct folio **v, unsigned n,
				 unsigned alloc_flags, uint64_t policy, uint64_t number);

/*
 * As folio_alloc() and folio_alloc_many(), for a page with content, and n in a row: of the number
 * that this is in its mapping or file, by that one's policy, else by the thread's.
 */
static inline struct folio *folio_alloc_page(struct quire_machine *m, unsigned alloc_flags,
					     uint64_t policy, uint64_t number)
{
	return unlikely(m->many_nodes) ? folio_alloc_placed(m, alloc_flags, policy, number)
				       : folio_alloc(m, 0, alloc_flags);
}

static inline unsigned folio_alloc_pages(struct quire_machine *m, struct folio **v, unsigned n,
					 unsigned alloc_flags, uint64_t policy, uint64_t number)
{
	return unlikely(m->many_nodes)
		   ? folio_alloc_many_placed(m, v, n, alloc_flags, policy, number)
		   : folio_alloc_many(m, v, n, alloc_flags);
}

#endif
