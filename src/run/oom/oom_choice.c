/* SPDX-License-Identifier: MIT */
/*
 * oom_choice.c: who holds what has run out, and whose death gives most of it back.
 *
 * Where a policy insists on some nodes, it is RAM of these that counts.
 * Held is what is a process's own, and its part of what it shares: of RAM anonymous and shared
 * memory (pages of files are the host's), of the memory for page tables its tables.  As on Linux,
 * /proc/PID/oom_score_adj adds thousandths of all there is of it, and -1000 exempts.
 */
#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/oom/holders.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER (-1000)
#define PSS_SHIFT 12

/* Pages of the host's files are told to be on a node, too: so it is at most all that is RAM. */
static uint64_t on_nodes(struct quire_mm *mm, uint64_t nodes, uint64_t most)
{
	uint64_t pages[RUN_MAX_NODES], sum = 0;

	quire_range_nodes(mm, 0, GUEST_TASK_SIZE, pages);
	for (unsigned i = 0; i < quire_machine_nodes(quire_mm_machine(mm)); i++)
		sum += nodes >> i & 1 ? pages[i] * PAGE : 0;
	return sum < most ? sum : most;
}

static uint64_t held_by(struct quire_mm *mm, enum quire_memory what, uint64_t nodes)
{
	struct quire_mm_stats st;
	struct quire_usage u;
	uint64_t ram;

	if (what == QUIRE_MEMORY_TABLES) {
		quire_mm_stats(mm, &st);
		return st.table_bytes;
	}
	quire_range_usage(mm, 0, GUEST_TASK_SIZE, &u);
	ram = (u.pss_anon_shifted + u.pss_shmem_shifted) >> PSS_SHIFT;
	return nodes ? on_nodes(mm, nodes, ram) : ram;
}

static int adj_of(pid_t pid)
{
	char path[40], text[16];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	return read_text(path, text, sizeof(text)) > 0 ? atoi(text) : 0;
}

static int by_held(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return x->held < y->held ? 1 : -(x->held > y->held);
}

static uint64_t total_of(struct run *run, enum quire_memory what, uint64_t nodes)
{
	struct quire_node_stats st;
	uint64_t sum = 0;

	if (what == QUIRE_MEMORY_TABLES)
		return run->table_bytes;
	for (unsigned i = 0; nodes >> i; i++)
		if (nodes >> i & 1 && !quire_node_stats(run->machine, i, &st))
			sum += st.frames * PAGE;
	return nodes ? sum : run->ram_bytes;
}

void holders_find(struct run *run, enum quire_memory what, uint64_t nodes, struct holders *h)
{
	h->nr = tenants_list(run, h->tenants);
	h->what = what;
	h->nodes = nodes;
	h->total = total_of(run, what, nodes);
	for (unsigned i = 0; i < h->nr; i++) {
		h->v[i].who = &h->tenants[i];
		h->v[i].held = held_by(h->tenants[i].space->mm, what, nodes);
		h->v[i].adj = adj_of(h->tenants[i].pid);
	}
	qsort(h->v, h->nr, sizeof(h->v[0]), by_held);
}

void holders_put(struct holders *h)
{
	tenants_put(h->tenants, h->nr);
	h->nr = 0;
}

static int64_t score(const struct holders *h, const struct holder *x)
{
	return (int64_t)x->held + (int64_t)(h->total / 1000) * x->adj;
}

struct holder *holders_choose(struct holders *h)
{
	struct holder *best = NULL;

	for (unsigned i = 0; i < h->nr; i++) {
		struct holder *x = &h->v[i];

		/* A child that fork has just granted has no number yet, and no page of its own. */
		if (x->who->pid > 0 && x->adj != NEVER && !atomic_load(&x->who->proc->oom_killed) &&
		    (!best || score(h, x) > score(h, best)))
			best = x;
	}
	return best;
}
