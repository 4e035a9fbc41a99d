/* SPDX-License-Identifier: MIT */
/*
 * mbind.c: pages that are there go to where a policy wants them.
 *
 * The policy itself was set before (vma/vma_policy.c).
 */
#include "core/frame/place.h"
#include "core/frame/zone.h"
#include "core/rmap/migrate.h"
#include "core/vma/mm.h"

struct by_policy {
	struct quire_mm *mm;
	struct quire_task *task; /* or NULL */
	uint64_t policy, stay;
	unsigned local;
};

/* The number that the page has in its mapping.  R. */
static uint64_t number_of(struct quire_mm *mm, uint64_t addr)
{
	const struct vma *vma = vma_find(mm, addr);

	return vma ? vma_pgoff(vma, addr) : addr >> PAGE_SHIFT;
}

static struct node_choice choose(const struct by_policy *by, uint64_t number)
{
	return policy_choose(by->mm->machine, by->task, by->policy, number, by->local);
}

/* The node to move the page to; -1: it is on a node where it may stay. */
static int target(void *arg, uint64_t addr, unsigned node)
{
	const struct by_policy *by = arg;
	const struct frames *fr = by->mm->machine->frames;
	struct node_choice c;

	if (by->stay >> node & 1)
		return -1;
	c = choose(by, number_of(by->mm, addr));
	return (int)nearest_node(fr, c.from, c.nodes);
}

int64_t quire_move_by_policy(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t policy,
			     uint64_t stay, int flags)
{
	struct quire_machine *m = mm->machine;
	struct quire_task *task = m->port.task ? m->port.task(m->port.ctx) : NULL;
	struct by_policy by = {.mm = mm, .task = task, .policy = policy, .stay = stay};
	struct migrate_plan plan = {.target = target, .arg = &by};
	struct migrate_result r;
	struct node_choice c;

	by.local = task_node(m, task, this_cpu(&m->port));
	c = choose(&by, 0);
	plan.among = c.strict ? c.nodes : ALL_NODES;
	plan.all = (flags & QMPOL_MF_MOVE_ALL) != 0;
	migrate_range(mm, addr, min_u64(addr + PAGE_ALIGN(len), m->task_size), &plan, &r);
	return (int64_t)r.failed;
}
