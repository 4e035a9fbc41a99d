/* SPDX-License-Identifier: MIT */
/*
 * proc_text_numa.c: /proc/PID/numa_maps: one node, and the policies that were set, the process's
 * first thread's where a mapping has none.
 */
#include "quire/quire.h"
#include "run/call/mempolicy.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"

#include <string.h>

static void print_counts(struct text *t, const struct quire_usage *u)
{
	uint64_t pages = u->rss / QUIRE_PAGE_SIZE;
	uint64_t anon = u->anonymous / QUIRE_PAGE_SIZE;
	uint64_t dirty = (u->shared_dirty + u->private_dirty) / QUIRE_PAGE_SIZE;

	if (!pages)
		return;
	if (anon)
		text_printf(t, " anon=%lu", (unsigned long)anon);
	if (dirty)
		text_printf(t, " dirty=%lu", (unsigned long)dirty);
	if (pages != anon && pages != dirty)
		text_printf(t, " mapped=%lu", (unsigned long)pages);
	/* Anonymous pages start out inactive and nothing is reclaimed. */
	if (anon)
		text_printf(t, " active=%lu", (unsigned long)(pages - anon));
	text_printf(t, " N0=%lu kernelpagesize_kB=4", (unsigned long)pages);
}

static void print_policy(struct text *t, uint64_t policy)
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

	text_str(t, " ");
	text_str(t, names[kind]);
	if (kind != MPOL_DEFAULT && kind != MPOL_LOCAL) {
		text_str(t, policy_flags(policy));
		text_str(t, ":0");
	}
}

static uint64_t first_threads_policy(const struct proc *p)
{
	uint64_t policy = 0;

	pthread_mutex_lock(&p->run->lock);
	for (const struct slot *s = p->slots; s; s = s->next) {
		if (slot_tid(s) == p->pid)
			policy = s->policy;
	}
	pthread_mutex_unlock(&p->run->lock);
	return policy;
}

static void print_mapping(struct text *t, struct space *space, const struct map_line *m,
			  uint64_t policy)
{
	struct quire_usage u;

	text_printf(t, "%08lx", (unsigned long)m->start);
	print_policy(t, m->policy ? m->policy : policy);
	if (m->has_file) {
		text_str(t, " file=");
		text_escaped(t, m->name, "\n\t ");
	} else if (!strcmp(m->name, "[heap]")) {
		text_str(t, " heap");
	} else if (!strcmp(m->name, "[stack]")) {
		text_str(t, " stack");
	}
	if (!m->special_flags) {
		memset(&u, 0, sizeof(u));
		quire_range_usage(space->mm, m->start, m->end, &u);
		print_counts(t, &u);
	}
	text_str(t, "\n");
}

void proc_text_numa(struct text *t, struct proc *p, struct space *space)
{
	uint64_t policy = first_threads_policy(p);
	struct map_line m;

	for (uint64_t at = 0; !t->err && map_next_own(space, at, &m); at = m.end)
		print_mapping(t, space, &m, policy);
}
