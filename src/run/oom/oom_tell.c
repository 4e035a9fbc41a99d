/* SPDX-License-Identifier: MIT */
/*
 * oom_tell.c: what ran out, who was killed for it, and who held how much: a line, and a record for
 * the report (run->ooms, under G).
 */
#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/oom/holders.h"
#include "run/oom/oom.h"
#include "run/wire/page.h"

#include <stdio.h>
#include <string.h>

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

const char *oom_memory_name(enum quire_memory what)
{
	switch (what) {
	case QUIRE_MEMORY_RAM:
		return "RAM";
	case QUIRE_MEMORY_TABLES:
		return "memory for page tables";
	default:
		return "an allocation that --fail names";
	}
}

/* Huge pages that are free are memory that nobody else gets. */
static uint64_t in_pools(struct run *run, const struct holders *h)
{
	uint64_t nodes = h->nodes ? h->nodes : quire_machine_node_set(run->machine), bytes = 0;
	struct quire_hugetlb_info i;

	if (h->what != QUIRE_MEMORY_RAM)
		return 0;
	for (unsigned node = 0; nodes >> node; node++)
		for (unsigned size = 0; nodes >> node & 1 && size < QUIRE_NR_HUGE; size++)
			if (!quire_hugetlb_info(run->machine, (enum quire_huge)size, node, &i))
				bytes += i.free * quire_huge_bytes((enum quire_huge)size);
	return bytes;
}

/* In use otherwise, and no living process's: shared segments that nobody has attached. */
static uint64_t nobodys(struct run *run, const struct holders *h, uint64_t held)
{
	struct quire_machine_stats st;
	uint64_t used;

	if (h->what != QUIRE_MEMORY_RAM || h->nodes)
		return 0;
	quire_machine_stats(run->machine, &st);
	used = (st.ram_frames - st.free_frames - st.waiting_frames) * PAGE;
	for (unsigned i = 0; i < h->nr; i++)
		held += h->v[i].held;
	return used > held ? used - held : 0;
}

static struct oom_record record_of(struct run *run, const struct holders *h,
				   const struct holder *victim)
{
	struct oom_record r = {.what = h->what, .total = h->total, .adj = victim->adj};

	r.victim = (struct oom_share){victim->who->pid, victim->held, ""};
	memcpy(r.victim.comm, victim->who->comm, sizeof(r.victim.comm));
	r.pools = in_pools(run, h);
	r.nobodys = nobodys(run, h, r.pools);
	for (unsigned i = 0; i < h->nr; i++) {
		const struct holder *x = &h->v[i];

		if (x == victim)
			continue;
		if (r.nr_others < OOM_OTHERS) {
			struct oom_share *o = &r.others[r.nr_others++];

			*o = (struct oom_share){x->who->pid, x->held, ""};
			memcpy(o->comm, x->who->comm, sizeof(o->comm));
		} else {
			r.nr_rest++;
			r.rest += x->held;
		}
	}
	return r;
}

void oom_describe(const struct oom_record *r, char *buf, size_t len)
{
	size_t n;

	n = (size_t)snprintf(buf, len, "process %d (%s), which held %.1f MiB", (int)r->victim.pid,
			     r->victim.comm, mib(r->victim.held));
	if (r->adj && n < len)
		n += (size_t)snprintf(buf + n, len - n, " (oom_score_adj %d)", r->adj);
	for (unsigned i = 0; i < r->nr_others && n < len; i++)
		n += (size_t)snprintf(buf + n, len - n, "; %d (%s) %.1f MiB", (int)r->others[i].pid,
				      r->others[i].comm, mib(r->others[i].held));
	if (r->nr_rest && n < len)
		n += (size_t)snprintf(buf + n, len - n, "; %u more %.1f MiB", r->nr_rest,
				      mib(r->rest));
	if (r->pools && n < len)
		n +=
		    (size_t)snprintf(buf + n, len - n, "; free huge pages %.1f MiB", mib(r->pools));
	if (r->nobodys >= r->total / 100 && r->nobodys && n < len)
		snprintf(buf + n, len - n, "; nobody %.1f MiB", mib(r->nobodys));
}

/* " of node 1,3" */
static void name_nodes(uint64_t nodes, char *buf, size_t len)
{
	size_t n = 0;

	*buf = 0;
	for (unsigned i = 0; nodes >> i && n < len; i++)
		if (nodes >> i & 1)
			n += (size_t)snprintf(buf + n, len - n, n ? ",%u" : " of node %u", i);
}

void oom_tell(struct run *run, const struct holders *h, const struct holder *victim)
{
	struct oom_record r = record_of(run, h, victim);
	char who[400], of_nodes[160];

	oom_describe(&r, who, sizeof(who));
	name_nodes(h->nodes, of_nodes, sizeof(of_nodes));
	if (h->what == QUIRE_MEMORY_OTHER)
		run_say(run, "out of memory (%s): killed %s", oom_memory_name(h->what), who);
	else
		run_say(run, "out of memory: %s%s, %.1f MiB: killed %s", oom_memory_name(h->what),
			of_nodes, mib(h->total), who);
	pthread_mutex_lock(&run->lock);
	if (run->ooms->kills < RUN_MAX_OOMS)
		run->ooms->v[run->ooms->kills] = r;
	run->ooms->kills++;
	pthread_mutex_unlock(&run->lock);
}
