/* SPDX-License-Identifier: MIT */
/*
 * zones.c: how RAM is divided into zones, made and unmade with the machine, and what of it is free.
 *
 * Owns the one block of metadata that struct frames, the zones and the per-CPU lists are in.
 */
#include "core/base/kmem.h"
#include "core/frame/folio.h"
#include "core/frame/zone.h"

/* ------------------------------------------------------------------ layout */

static void layout_zone(struct quire_machine *m, unsigned i, enum zone_kind kind, uint64_t base,
			uint64_t end)
{
	struct zone *z = &m->frames->zones[i];

	z->kind = kind;
	z->index = (uint8_t)i;
	z->base = (pfn_t)base;
	z->end = (pfn_t)end;
	zone_init(m, z);
}

/* Nodes begin at multiples of the largest block, so that blocks are aligned in RAM. */
static uint64_t node_frames(const struct quire_machine *m, const struct quire_machine_options *o,
			    unsigned i)
{
	if (o->node_bytes)
		return o->node_bytes[i] / PAGE_SIZE;
	return m->nr_ram / o->nodes & ~(uint64_t)(MAX_BLOCK - 1);
}

static void layout(struct quire_machine *m, const struct quire_machine_options *o)
{
	uint64_t base = 0, end;

	for (unsigned i = 0; i < o->nodes; i++, base = end) {
		end = i + 1 < o->nodes ? base + node_frames(m, o, i) : m->nr_ram;
		layout_zone(m, i, ZONE_RAM, base, end);
	}
	if (m->nr_table)
		layout_zone(m, o->nodes, ZONE_TABLE, m->nr_ram, m->nr_ram + m->nr_table);
}

int frames_init(struct quire_machine *m, const struct quire_machine_options *opts)
{
	unsigned nodes = opts->nodes;
	unsigned nr_zones = nodes + (m->nr_table ? 1 : 0);
	size_t zones_at = (sizeof(struct frames) + 63) & ~(size_t)63;
	size_t counts_at = zones_at + nr_zones * sizeof(struct zone);
	size_t pcps_at = counts_at + nodes * sizeof(struct node_counts);
	size_t bytes = pcps_at + m->port.ncpus * sizeof(*m->frames->pcps);
	char *p = kmem_zalloc_line(m, bytes);

	if (!p)
		return -QENOMEM;
	m->frames = (struct frames *)(void *)p;
	m->frames->nr_ram_zones = nodes;
	m->frames->nr_zones = nr_zones;
	m->frames->zones = (struct zone *)(void *)(p + zones_at);
	m->frames->counts = (struct node_counts *)(void *)(p + counts_at);
	m->frames->pcps = (struct pcp(*)[NR_ZONE_KINDS])(void *)(p + pcps_at);
	m->frames->bytes = bytes;
	nodes_init(m, opts);
	layout(m, opts);
	return 0;
}

void frames_destroy(struct quire_machine *m)
{
	if (m->frames)
		kmem_free_line(m, m->frames, m->frames->bytes);
	m->frames = NULL;
}

/* -------------------------------------------------------------- statistics */

uint64_t frames_free_count(struct quire_machine *m, enum zone_kind kind)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->frames->nr_zones; i++)
		if (m->frames->zones[i].kind == kind)
			n += zone_free_count(&m->frames->zones[i]);
	for (unsigned cpu = 0; cpu < m->port.ncpus; cpu++) {
		struct pcp *p = &m->frames->pcps[cpu][kind];

		n += atomic_load_relaxed(&p->count);
		n += atomic_load_relaxed(&p->end) - atomic_load_relaxed(&p->next);
	}
	return n;
}

void frames_stats(struct quire_machine *m, struct quire_machine_stats *out)
{
	out->ram_frames = m->nr_ram;
	out->free_frames = frames_free_count(m, ZONE_RAM);
	out->free_table_frames = frames_free_count(m, ZONE_TABLE);
	for (unsigned i = 0; i < m->frames->nr_ram_zones; i++) {
		struct zone *z = &m->frames->zones[i];

		for (unsigned o = 0; o <= MAX_ORDER; o++)
			out->free_per_order[o] += atomic_load_relaxed(&z->nr_blocks[o]);
		out->free_per_order[MAX_ORDER] += atomic_load_relaxed(&z->nr_blocks[LIST_ZEROED]);
		out->free_per_order[MAX_ORDER] +=
		    (z->end - atomic_load_relaxed(&z->frontier)) / MAX_BLOCK;
	}
}
