/* SPDX-License-Identifier: MIT */
/*
 * file_policy.c: memory policies of shared memory.  They are the object's, and not of the mapping
 * by which they were set: whoever brings a page in, it goes where the object's policy says.
 *
 *   1  mapping->policies is a list that does not change: readers have it under RCU.  A writer makes
 *      another one, and puts it in the place of the one that it was made of under X.
 *   2  Its runs are in ascending order, do not overlap, and none is of the policy 0.
 */
#include "core/base/kmem.h"
#include "core/file/file.h"

struct policy_run {
	uint64_t first, last; /* pages */
	uint64_t policy;
};

struct file_policies {
	struct quire_rcu_head rcu;
	struct quire_machine *machine;
	unsigned n, room;
	struct policy_run run[];
};

static size_t bytes_of(unsigned room)
{
	return sizeof(struct file_policies) + room * sizeof(struct policy_run);
}

uint64_t file_policy(const struct quire_file *file, uint64_t pgoff)
{
	const struct file_policies *list = atomic_load(&file->mapping.policies);

	for (unsigned i = 0; list && i < list->n; i++)
		if (pgoff >= list->run[i].first && pgoff <= list->run[i].last)
			return list->run[i].policy;
	return 0;
}

/* A run behind those that there are; one that continues the last becomes part of it. */
static void append(struct file_policies *list, uint64_t first, uint64_t last, uint64_t policy)
{
	struct policy_run *before = list->n ? &list->run[list->n - 1] : NULL;

	if (!policy)
		return;
	if (before && before->policy == policy && before->last + 1 == first)
		before->last = last;
	else
		list->run[list->n++] = (struct policy_run){first, last, policy};
}

/* What of the old one lies outside, with the new run in its place: two runs more at most. */
static void make_list(struct file_policies *list, const struct file_policies *old,
		      const struct policy_run *new)
{
	bool added = false;

	for (unsigned i = 0; old && i < old->n; i++) {
		const struct policy_run *r = &old->run[i];

		if (r->first < new->first)
			append(list, r->first, min_u64(r->last, new->first - 1), r->policy);
		if (r->last < new->first)
			continue;
		if (!added)
			append(list, new->first, new->last, new->policy);
		added = true;
		if (r->last > new->last)
			append(list, max_u64(r->first, new->last + 1), r->last, r->policy);
	}
	if (!added)
		append(list, new->first, new->last, new->policy);
}

static void free_list(struct file_policies *list)
{
	kmem_free(list->machine, list, bytes_of(list->room));
}

static void free_list_rcu(struct quire_rcu_head *head)
{
	free_list((struct file_policies *)(void *)head);
}

static unsigned nr_runs(struct quire_file *file)
{
	const struct quire_port *port = &file->machine->port;
	const struct file_policies *list;
	unsigned n;

	rcu_read_lock(port);
	list = atomic_load(&file->mapping.policies);
	n = list ? list->n : 0;
	rcu_read_unlock(port);
	return n;
}

/* Invariant 1.  False: there is no room for what the list is by now. */
static bool replace_list(struct quire_file *file, struct file_policies *list,
			 const struct policy_run *new, struct file_policies **old)
{
	struct mapping *mapping = &file->mapping;
	bool fits;

	spin_lock(&file->machine->port, &mapping->index_lock, RANK_INDEX);
	*old = mapping->policies;
	fits = (*old ? (*old)->n : 0) + 2 <= list->room;
	if (fits) {
		make_list(list, *old, new);
		atomic_store(&mapping->policies, list);
	}
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	return fits;
}

int file_set_policy(struct quire_file *file, uint64_t first, uint64_t last, uint64_t policy)
{
	const struct policy_run new = {first, last, policy};
	struct quire_machine *m = file->machine;
	struct file_policies *list, *old;

	if (!policy && !atomic_load(&file->mapping.policies))
		return 0;
	for (;;) {
		unsigned room = nr_runs(file) + 2;

		list = kmem_zalloc(m, bytes_of(room));
		if (!list)
			return -QENOMEM;
		list->machine = m;
		list->room = room;
		if (replace_list(file, list, &new, &old))
			break;
		free_list(list);
	}
	if (old)
		m->port.call_rcu(m->port.ctx, &old->rcu, free_list_rcu);
	return 0;
}

void file_policies_end(struct quire_file *file)
{
	if (file->mapping.policies)
		free_list(file->mapping.policies);
}
