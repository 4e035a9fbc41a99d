// SPDX-License-Identifier: MIT
/*
 * proc_text_numa.c: /proc/PID/numa_maps: one node, default policy.
 */
#include "run/proc_text.h"

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

static void print_mapping(struct text *t, struct space *space, const struct map_line *m)
{
	struct quire_usage u;

	text_printf(t, "%08lx default", (unsigned long)m->start);
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

void proc_text_numa(struct text *t, struct space *space)
{
	struct map_line m;

	for (uint64_t at = 0; !t->err && map_next_own(space, at, &m); at = m.end)
		print_mapping(t, space, &m);
}
