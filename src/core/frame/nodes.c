/* SPDX-License-Identifier: MIT */
/*
 * nodes.c: the machine's nodes: which CPU is on which, how far they are apart, what is on them, how
 * allocations fared.
 */
#include "core/base/sized.h"
#include "core/frame/zone.h"

#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20

/* ---- options --------------------------------------------------------------- */

static bool sizes_ok(const struct quire_machine_options *o)
{
	uint64_t ram = o->ram_bytes / PAGE_SIZE, sum = 0;

	if (!o->node_bytes)
		return o->nodes == 1 || ram / o->nodes >= MAX_BLOCK;
	for (unsigned i = 0; i < o->nodes; i++) {
		uint64_t frames = o->node_bytes[i] / PAGE_SIZE;

		if (frames < MAX_BLOCK || frames > ram - sum ||
		    (i + 1 < o->nodes && frames % MAX_BLOCK))
			return false;
		sum += frames;
	}
	return sum == ram;
}

bool nodes_ok(const struct quire_machine_options *o, unsigned ncpus)
{
	if (o->nodes > QUIRE_MAX_NODES || !sizes_ok(o))
		return false;
	for (unsigned i = 0; o->cpu_nodes && i < ncpus; i++)
		if (o->cpu_nodes[i] >= o->nodes)
			return false;
	return true;
}

/* Insertion: of nodes at the same distance, the one that follows `from` soonest comes first. */
static void sort_by_distance(struct frames *fr, unsigned from)
{
	uint8_t *order = fr->order[from];
	const uint8_t *distance = fr->distances[from];
	unsigned n = fr->nr_ram_zones;

	for (unsigned i = 0; i < n; i++) {
		unsigned node = (from + i) % n, at = i;

		for (; at && distance[order[at - 1]] > distance[node]; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)node;
	}
}

void nodes_init(struct quire_machine *m, const struct quire_machine_options *o)
{
	struct frames *fr = m->frames;
	unsigned n = fr->nr_ram_zones;

	for (unsigned cpu = 0; cpu < m->port.ncpus; cpu++)
		fr->cpu_nodes[cpu] =
		    (uint8_t)(o->cpu_nodes ? o->cpu_nodes[cpu] : cpu * n / m->port.ncpus);
	for (unsigned i = 0; i < n; i++) {
		fr->weights[i] = 1;
		for (unsigned j = 0; j < n; j++)
			fr->distances[i][j] = o->node_distances ? o->node_distances[i * n + j]
					      : i == j          ? LOCAL_DISTANCE
								: REMOTE_DISTANCE;
		sort_by_distance(fr, i);
	}
}

/* ---- asked ----------------------------------------------------------------- */

unsigned quire_machine_nodes(const struct quire_machine *m)
{
	return m->frames->nr_ram_zones;
}

unsigned quire_node_distance(const struct quire_machine *m, unsigned from, unsigned to)
{
	unsigned n = m->frames->nr_ram_zones;

	return from < n && to < n ? m->frames->distances[from][to] : 0;
}

int quire_node_set_weight(struct quire_machine *m, unsigned node, unsigned weight)
{
	if (node >= m->frames->nr_ram_zones || !weight || weight > UINT8_MAX)
		return -QEINVAL;
	atomic_store_relaxed(&m->frames->weights[node], (uint8_t)weight);
	return 0;
}

unsigned quire_node_weight(const struct quire_machine *m, unsigned node)
{
	return node < m->frames->nr_ram_zones ? atomic_load_relaxed(&m->frames->weights[node]) : 0;
}

/* ---- counted --------------------------------------------------------------- */

void nodes_count(struct frames *fr, unsigned wanted, unsigned got, unsigned local, bool interleaved)
{
	struct node_counts *c = &fr->counts[got];

	if (wanted == got) {
		atomic_add_relaxed(&c->hit, 1);
	} else {
		atomic_add_relaxed(&c->miss, 1);
		atomic_add_relaxed(&fr->counts[wanted].foreign, 1);
	}
	if (wanted == got && interleaved)
		atomic_add_relaxed(&c->interleave_hit, 1);
	atomic_add_relaxed(got == local ? &c->local : &c->other, 1);
}

static uint64_t free_in_lists(struct quire_machine *m, const struct zone *z)
{
	uint64_t n = 0;

	for (unsigned cpu = 0; cpu < m->port.ncpus; cpu++) {
		struct pcp *p = &m->frames->pcps[cpu][ZONE_RAM];
		pfn_t next = atomic_load_relaxed(&p->next), end = atomic_load_relaxed(&p->end);

		if (home_zone(m, cpu) == z->index)
			n += atomic_load_relaxed(&p->count);
		if (next >= z->base && next < z->end && end > next)
			n += end - next;
	}
	return n;
}

int quire_node_stats_sized(struct quire_machine *m, unsigned node, struct quire_node_stats *out,
			   size_t size)
{
	const struct node_counts *c = &m->frames->counts[node];
	struct zone *z = &m->frames->zones[node];
	struct quire_node_stats s;

	if (node >= m->frames->nr_ram_zones)
		return -QEINVAL;
	s = (struct quire_node_stats){
	    .first_frame = z->base,
	    .frames = z->end - z->base,
	    .free_frames = zone_free_count(z) + free_in_lists(m, z),
	    .hit = atomic_load_relaxed(&c->hit),
	    .miss = atomic_load_relaxed(&c->miss),
	    .foreign = atomic_load_relaxed(&c->foreign),
	    .interleave_hit = atomic_load_relaxed(&c->interleave_hit),
	    .local = atomic_load_relaxed(&c->local),
	    .other = atomic_load_relaxed(&c->other),
	};
	fill_sized(out, size, &s, sizeof(s));
	return 0;
}

/* What is seen of a frame may be old by the time that it is counted. */
static void count_frame(struct quire_node_usage *u, struct folio *f)
{
	const uint32_t none = FOLIO_TABLE | FOLIO_TAIL | FOLIO_BUDDY | FOLIO_HUGETLB;
	uint32_t flags = atomic_load_relaxed(&f->flags);
	unsigned pages = folio_pages(f);

	if (!atomic_load_relaxed(&f->refs) || (flags & none))
		return;
	if (flags & FOLIO_ANON) {
		u->anon += pages;
	} else if (atomic_load_relaxed(&f->mapping)) {
		*(flags & FOLIO_SHMEM ? &u->shmem : &u->file) += pages;
		u->mapped += atomic_load_relaxed(&f->mapcount) > 0 ? pages : 0;
	}
}

int quire_node_usage_sized(struct quire_machine *m, unsigned node, struct quire_node_usage *out,
			   size_t size)
{
	const struct zone *z = &m->frames->zones[node];
	struct quire_node_usage u = {0};

	if (node >= m->frames->nr_ram_zones)
		return -QEINVAL;
	for (pfn_t pfn = z->base, end = atomic_load(&z->frontier); pfn < end; pfn++)
		count_frame(&u, pfn_folio(m, pfn));
	fill_sized(out, size, &u, sizeof(u));
	return 0;
}
