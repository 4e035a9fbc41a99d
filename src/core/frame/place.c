/* SPDX-License-Identifier: MIT */
/*
 * place.c: allocation of pages on the node that a policy says, on a machine of several nodes.
 *
 * Owns nothing.  Frames of the CPU's own node come from its list, others from their zone.  A policy
 * that insists on its nodes finds none only if these have none (frames.c, 1): memory is out then,
 * whatever the other nodes have.
 */
#include "core/frame/place.h"

#include "core/base/kmem.h"
#include "core/frame/zone.h"

unsigned task_node(const struct quire_machine *m, const struct quire_task *task, unsigned cpu)
{
	return task && task->node < m->frames->nr_ram_zones ? task->node : home_zone(m, cpu);
}

/* The CPU's own node is the common case. */
static pfn_t alloc_nearest(struct quire_machine *m, unsigned cpu, unsigned wanted, uint64_t nodes,
			   bool *zeroed)
{
	pfn_t pfn = wanted == home_zone(m, cpu) ? pcp_alloc_own(m, cpu, zeroed) : NO_FRAME;

	return pfn != NO_FRAME ? pfn : zones_alloc(m, ZONE_RAM, 0, wanted, nodes, zeroed);
}

static uint64_t insists_on(const struct node_choice *c)
{
	return c->strict ? c->nodes : ALL_NODES;
}

static pfn_t alloc_chosen(struct quire_machine *m, unsigned cpu, const struct node_choice *c,
			  unsigned wanted, bool *zeroed)
{
	pfn_t pfn = alloc_nearest(m, cpu, wanted, c->nodes, zeroed);

	if (unlikely(pfn == NO_FRAME) && !c->strict)
		pfn = zones_alloc(m, ZONE_RAM, 0, c->from, ALL_NODES, zeroed);
	if (unlikely(pfn == NO_FRAME))
		pfn = zones_alloc_last(m, ZONE_RAM, 0, c->from, insists_on(c), zeroed);
	return pfn;
}

static struct folio *alloc_by_choice(struct quire_machine *m, unsigned cpu, unsigned alloc_flags,
				     const struct node_choice *c, unsigned local)
{
	unsigned wanted = nearest_node(m->frames, c->from, c->nodes);
	bool zeroed = false;
	pfn_t pfn;

	pfn = alloc_chosen(m, cpu, c, wanted, &zeroed);
	if (unlikely(pfn == NO_FRAME))
		return NULL;
	nodes_count(m->frames, wanted, folio_zone(pfn_folio(m, pfn)), local, c->interleaved);
	return frame_to_folio(m, pfn, alloc_flags, zeroed);
}

__attribute__((noinline)) struct folio *
folio_alloc_placed(struct quire_machine *m, unsigned alloc_flags, uint64_t policy, uint64_t number)
{
	struct quire_task *task = m->port.task ? m->port.task(m->port.ctx) : NULL;
	unsigned cpu = this_cpu(&m->port);
	unsigned local = task_node(m, task, cpu);
	struct node_choice c;
	struct folio *f;

	if (alloc_point_fails_on(m, cpu))
		return NULL;
	c = policy_choose(m, task, policy, number, local);
	f = alloc_by_choice(m, cpu, alloc_flags, &c, local);
	if (unlikely(!f) && task)
		task->missing = insists_on(&c);
	return f;
}

struct folio *folio_alloc_on(struct quire_machine *m, unsigned alloc_flags, uint64_t nodes,
			     unsigned from)
{
	const struct node_choice c = {.nodes = nodes, .strict = true, .from = (uint8_t)from};
	unsigned cpu = this_cpu(&m->port);

	return alloc_point_fails_on(m, cpu)
		   ? NULL
		   : alloc_by_choice(m, cpu, alloc_flags, &c, home_zone(m, cpu));
}

unsigned folio_alloc_many_placed(struct quire_machine *m, struct folio **v, unsigned n,
				 unsigned alloc_flags, uint64_t policy, uint64_t number)
{
	unsigned i = 0;

	for (; i < min_u32(n, FOLIO_ALLOC_MANY); i++) {
		v[i] = folio_alloc_placed(m, alloc_flags, policy,
					  number == NO_NUMBER ? NO_NUMBER : number + i);
		if (!v[i])
			break;
	}
	return i;
}
