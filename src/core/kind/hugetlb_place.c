/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_place.c: from which nodes huge pages come.
 *
 * As on the host the mapping's policy says it, of shared ones, too: a file of huge pages has none,
 * and what is allocated for it goes by the thread's.  Interleaving counts huge pages of the file.
 * Where a policy insists on nodes, a promise is made only if these have the pages, by the policy of
 * the thread; but it is not kept for them there.
 */
#include "core/frame/place.h"
#include "core/frame/zone.h"
#include "core/kind/hugetlb.h"

static struct quire_task *task_of(const struct quire_machine *m)
{
	return m->port.task ? m->port.task(m->port.ctx) : NULL;
}

static struct node_choice choose(const struct quire_machine *m, uint64_t policy, uint64_t index)
{
	struct quire_task *task = task_of(m);

	return policy_choose(m, task, policy, index, task_node(m, task, this_cpu(&m->port)));
}

void hugetlb_place(const struct quire_machine *m, uint64_t policy, struct huge_request *rq)
{
	struct node_choice c;

	rq->nodes = UINT64_MAX;
	if (likely(!m->many_nodes))
		return;
	c = choose(m, policy, rq->index);
	rq->from = nearest_node(m->frames, c.from, c.nodes);
	if (c.strict)
		rq->nodes = c.nodes;
	else
		rq->first = c.nodes;
}

uint64_t hugetlb_bound_nodes(const struct quire_machine *m)
{
	struct node_choice c;

	if (likely(!m->many_nodes))
		return UINT64_MAX;
	c = choose(m, 0, 0);
	return c.strict ? c.nodes : UINT64_MAX;
}
