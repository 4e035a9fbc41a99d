/* SPDX-License-Identifier: MIT */
/*
 * proc_text_numa.c: /proc/PID/numa_maps: on which nodes pages are, and the policies that were set,
 * the process's first thread's where a mapping has none.
 */
#include "quire/quire.h"
#include "run/call/mempolicy.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"

#include <string.h>

static void print_nodes(struct text *t, struct quire_mm *mm, const struct map_line *m)
{
	uint64_t pages[RUN_MAX_NODES];

	quire_range_nodes(mm, m->start, m->end, pages);
	for (unsigned i = 0; i < quire_machine_nodes(quire_mm_machine(mm)); i++)
		if (pages[i])
			text_printf(t, " N%u=%lu", i,
				    (unsigned long)(pages[i] * QUIRE_PAGE_SIZE / m->page_size));
}

static bool is_huge(const struct map_line *m)
{
	return m->page_size > QUIRE_PAGE_SIZE;
}

/* Pages of a file of huge pages are dirty, whoever has made them. */
static void print_counts(struct text *t, struct quire_mm *mm, const struct map_line *m)
{
	struct quire_usage u = {0};
	uint64_t pages, anon, dirty, huge;

	quire_range_usage(mm, m->start, m->end, &u);
	huge = u.private_hugetlb + u.shared_hugetlb;
	pages = (u.rss + huge) / m->page_size;
	anon = (u.anonymous + huge - u.file_hugetlb) / m->page_size;
	dirty =
	    (u.shared_dirty + u.private_dirty + u.file_hugetlb + u.dirty_hugetlb) / m->page_size;
	if (is_huge(m))
		text_str(t, " huge");
	if (!pages)
		return;
	if (anon)
		text_printf(t, " anon=%lu", (unsigned long)anon);
	if (dirty)
		text_printf(t, " dirty=%lu", (unsigned long)dirty);
	if (pages != anon && pages != dirty)
		text_printf(t, " mapped=%lu", (unsigned long)pages);
	/* Anonymous pages start out inactive and nothing is reclaimed. */
	if (anon && !is_huge(m))
		text_printf(t, " active=%lu", (unsigned long)(pages - anon));
	print_nodes(t, mm, m);
	text_printf(t, " kernelpagesize_kB=%lu", (unsigned long)(m->page_size / 1024));
}

/* "0-1,3" */
static void print_set(struct text *t, uint64_t set)
{
	const char *before = "";

	for (unsigned i = 0, end; i < RUN_MAX_NODES; i = end + 1) {
		end = i;
		if (!(set >> i & 1))
			continue;
		while (set >> (end + 1) & 1)
			end++;
		text_printf(t, "%s%u", before, i);
		if (end > i)
			text_printf(t, "-%u", end);
		before = ",";
	}
}

static void print_policy(struct text *t, const struct quire_machine *m, uint64_t policy)
{
	static const char *const names[NR_POLICIES] = {
	    [MPOL_DEFAULT] = "default",
	    [MPOL_PREFERRED] = "prefer",
	    [MPOL_BIND] = "bind",
	    [MPOL_INTERLEAVE] = "interleave",
	    [MPOL_LOCAL] = "local",
	    [MPOL_PREFERRED_MANY] = "prefer (many)",
	    [MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave",
	};
	unsigned kind = policy_kind(policy);
	uint64_t nodes = quire_policy_nodes(m, policy);

	text_str(t, " ");
	text_str(t, names[kind]);
	if (kind != MPOL_DEFAULT && kind != MPOL_LOCAL) {
		text_str(t, policy_flags(policy));
		text_str(t, ":");
		print_set(t, nodes);
	}
}

static uint64_t first_threads_policy(const struct proc *p)
{
	uint64_t policy = 0;

	pthread_mutex_lock(&p->run->lock);
	for (const struct slot *s = p->slots; s; s = s->next) {
		if (slot_tid(s) == p->pid)
			policy = s->task.policy;
	}
	pthread_mutex_unlock(&p->run->lock);
	return policy;
}

static void print_mapping(struct text *t, struct space *space, const struct map_line *m,
			  uint64_t policy)
{
	text_printf(t, "%08lx", (unsigned long)m->start);
	print_policy(t, quire_mm_machine(space->mm), m->policy ? m->policy : policy);
	if (m->has_file) {
		text_str(t, " file=");
		text_escaped(t, m->name, "\n\t ");
	} else if (!strcmp(m->name, "[heap]")) {
		text_str(t, " heap");
	} else if (!strcmp(m->name, "[stack]")) {
		text_str(t, " stack");
	}
	if (!m->special_flags)
		print_counts(t, space->mm, m);
	text_str(t, "\n");
}

void proc_text_numa(struct text *t, struct proc *p, struct space *space)
{
	uint64_t policy = first_threads_policy(p);
	struct map_line m;

	for (uint64_t at = 0; !t->err && map_next_own(space, at, &m); at = m.end)
		print_mapping(t, space, &m, policy);
}
