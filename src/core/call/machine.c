/* SPDX-License-Identifier: MIT */
/*
 * machine.c: a machine from its options, its end, and its statistics.
 *
 * Owns struct quire_machine.  Creation validates everything before it allocates
 * and touches neither RAM nor the metadata of its frames, so that a machine of any
 * size is made in no time; only the zero page is cleared.
 */
#include "core/base/kmem.h"
#include "core/base/sized.h"
#include "core/frame/folio.h"
#include "core/frame/zone.h"
#include "core/huge/pool.h"
#include "core/kind/kind.h"
#include "core/table/pagetable.h"
#include "core/vma/vma.h"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0.1.0"
#endif

#define TASK_SIZE_MAX 0x7ffffffff000ull
#define MIN_FRAMES 16u

const char *quire_version(void)
{
	return QUIRE_VERSION;
}

static bool port_ok(const struct quire_port *p)
{
	if (!p->alloc || !p->free || !p->rcu_read_lock || !p->rcu_read_unlock || !p->call_rcu)
		return false;
	if (!p->synchronize_rcu || !p->rcu_barrier || !p->cpu || !p->wait || !p->wake || !p->yield)
		return false;
	if (p->tlb_lent && (!p->ram_discard || !p->tlb_flush)) /* it is asked after a flush */
		return false;
	if (p->rcu_over && !p->rcu_now)
		return false;
	return p->ncpus >= 1 && p->ncpus <= MAX_CPUS;
}

static bool page_aligned(const void *p)
{
	return ((uintptr_t)p & (PAGE_SIZE - 1)) == 0;
}

static void default_options(struct quire_machine_options *o)
{
	if (!o->nodes)
		o->nodes = 1;
	if (!o->task_size)
		o->task_size = TASK_SIZE_MAX;
	if (!o->mmap_min_addr)
		o->mmap_min_addr = 65536;
	if (!o->fault_around_bytes)
		o->fault_around_bytes = 65536;
	if (!o->max_map_count)
		o->max_map_count = 65530;
	if (!o->stack_guard_gap)
		o->stack_guard_gap = 256;
	if (!o->ram)
		o->ram_is_zero = false;
}

static bool memory_ok(const struct quire_machine_options *o)
{
	uint64_t ram = o->ram_bytes / PAGE_SIZE, tables = o->table_bytes / PAGE_SIZE;

	if (ram < MIN_FRAMES || ram >= NO_FRAME || tables >= NO_FRAME - ram)
		return false;
	if (o->table_bytes && !tables)
		return false;
	if (o->table_ram && !tables)
		return false;
	return page_aligned(o->ram) && page_aligned(o->table_ram);
}

static bool layout_ok(const struct quire_machine_options *o)
{
	uint64_t around = o->fault_around_bytes;

	if (o->task_size > TASK_SIZE_MAX || o->task_size % PAGE_SIZE)
		return false;
	if (o->mmap_min_addr >= o->task_size)
		return false;
	return around >= PAGE_SIZE && around <= PT_SPAN && !(around & (around - 1));
}

static void set_options(struct quire_machine *m, const struct quire_machine_options *o)
{
	m->shrink = recycle_shrink;
	kinds_register(m, file_kinds, QUIRE_NR_FILE_KINDS);
	m->nr_ram = o->ram_bytes / PAGE_SIZE;
	m->nr_table = o->table_bytes / PAGE_SIZE;
	m->ram = o->ram;
	m->table_ram = o->table_ram;
	m->own_ram = !o->ram;
	m->own_table_ram = m->nr_table && !o->table_ram;
	m->ram_is_zero = o->ram_is_zero;
	m->many_nodes = o->nodes > 1;
	m->task_size = o->task_size;
	m->mmap_min_addr = PAGE_ALIGN(o->mmap_min_addr);
	m->fault_around = o->fault_around_bytes;
	m->max_map_count = o->max_map_count;
	m->stack_guard_gap = o->stack_guard_gap;
	spin_init(&m->fail_lock);
	spin_init(&m->mm_lock);
	dlist_init(&m->mms);
	dlist_init(&m->files);
}

/* Page-aligned memory from the port, whose free() is told the same size. */
static uint8_t *alloc_pages(struct quire_machine *m, uint64_t frames)
{
	size_t bytes = (size_t)(frames << PAGE_SHIFT) + 2 * PAGE_SIZE;
	char *raw = alloc_point_fails(m) ? NULL : m->port.alloc(m->port.ctx, bytes);
	uint8_t *p;

	if (!raw)
		return NULL;
	p = (uint8_t *)(((uintptr_t)raw + 2 * PAGE_SIZE - 1) & PAGE_MASK);
	((char **)(void *)p)[-1] = raw;
	return p;
}

static void free_pages(struct quire_machine *m, uint8_t *p, uint64_t frames)
{
	if (p)
		m->port.free(m->port.ctx, ((char **)(void *)p)[-1],
			     (size_t)(frames << PAGE_SHIFT) + 2 * PAGE_SIZE);
}

static size_t folios_bytes(const struct quire_machine *m)
{
	return (size_t)(m->nr_ram + m->nr_table) * sizeof(struct folio);
}

/* Not cleared: metadata above a zone's frontier is never read. */
static int alloc_folios(struct quire_machine *m)
{
	if (alloc_point_fails(m))
		return -QENOMEM;
	m->folios = port_alloc_line(&m->port, folios_bytes(m));
	return m->folios ? 0 : -QENOMEM;
}

static int alloc_memory(struct quire_machine *m)
{
	if (m->own_ram)
		m->ram = alloc_pages(m, m->nr_ram);
	if (m->own_table_ram)
		m->table_ram = alloc_pages(m, m->nr_table);
	if (!m->ram || (m->nr_table && !m->table_ram))
		return -QENOMEM;
	return alloc_folios(m);
}

static int make_zero_page(struct quire_machine *m)
{
	struct folio *f = folio_alloc(m, 0, ALLOC_ZERO);

	if (!f)
		return -QENOMEM;
	folio_set(f, FOLIO_PERMANENT | FOLIO_UPTODATE);
	m->zero_pfn = folio_pfn(m, f);
	return 0;
}

static void free_machine(struct quire_machine *m)
{
	struct quire_port port = m->port;

	quire_machine_fail(m, NULL, 0);
	frames_destroy(m);
	port_free_line(&port, m->folios, folios_bytes(m));
	if (m->own_ram)
		free_pages(m, m->ram, m->nr_ram);
	if (m->own_table_ram)
		free_pages(m, m->table_ram, m->nr_table);
	port_free_line(&port, m->cpus, port.ncpus * sizeof(*m->cpus));
	port_free_line(&port, m, sizeof(*m));
}

/* The machine and its counters, without which no allocation point can be counted. */
static struct quire_machine *new_machine(const struct quire_port *port)
{
	struct quire_machine *m = port_alloc_line(port, sizeof(*m));

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->port = *port;
	m->cpus = port_alloc_line(port, port->ncpus * sizeof(*m->cpus));
	if (!m->cpus) {
		port_free_line(port, m, sizeof(*m));
		return NULL;
	}
	memset(m->cpus, 0, port->ncpus * sizeof(*m->cpus));
	return m;
}

static int build(struct quire_machine *m, const struct quire_machine_options *o)
{
	int err = quire_machine_fail(m, o->fail_points, o->nr_fail_points);

	if (!err)
		err = alloc_memory(m);
	if (!err)
		err = frames_init(m, o);
	if (!err) /* first, while RAM is in one piece */
		err = hugetlb_init(m, o);
	if (!err)
		err = make_zero_page(m);
	return err;
}

int quire_machine_create(const struct quire_port *port, const struct quire_machine_options *opts,
			 struct quire_machine **out)
{
	struct quire_machine_options o;
	struct quire_machine *m;
	struct quire_port p;
	int err;

	if (!port || !opts || !out)
		return -QEINVAL;
	if (!copy_sized(&p, sizeof(p), offsetof(struct quire_port, tlb_flush), port, port->size) ||
	    !copy_sized(&o, sizeof(o), offsetof(struct quire_machine_options, ram), opts,
			opts->size))
		return -QEINVAL;
	default_options(&o);
	if (!port_ok(&p) || !memory_ok(&o) || !layout_ok(&o) || !nodes_ok(&o, p.ncpus))
		return -QEINVAL;
	m = new_machine(&p);
	if (!m)
		return -QENOMEM;
	set_options(m, &o);
	err = build(m, &o);
	if (err) {
		free_machine(m);
		return err;
	}
	*out = m;
	return 0;
}

void quire_machine_destroy(struct quire_machine *m)
{
	if (!m)
		return;
	m->port.rcu_barrier(m->port.ctx);
	Q_ASSERT(m, dlist_empty(&m->mms) && dlist_empty(&m->files));
	free_machine(m);
}

/* -------------------------------------------------------------- statistics */

static uint64_t positive(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

/* Stripes may be summed while they change: a total is never shown below 0. */
static void stripe_stats(struct quire_machine *m, struct quire_machine_stats *out)
{
	int64_t kmem = 0, tables = 0, anon = 0, file = 0;

	for (unsigned i = 0; i < m->port.ncpus; i++) {
		kmem += atomic_load_relaxed(&m->cpus[i].kmem_bytes);
		tables += atomic_load_relaxed(&m->cpus[i].tables);
		anon += atomic_load_relaxed(&m->cpus[i].mapped_anon);
		file += atomic_load_relaxed(&m->cpus[i].mapped_file);
	}
	out->kmem_bytes = positive(kmem);
	out->table_frames = positive(tables);
	out->anon_frames = positive(anon);
	out->mapped_frames = positive(file);
}

static void list_stats(struct quire_machine *m, struct quire_machine_stats *out)
{
	struct dlist *pos;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	for (pos = m->mms.next; pos != &m->mms; pos = pos->next)
		out->mms++;
	for (pos = m->files.next; pos != &m->files; pos = pos->next) {
		struct quire_file *file = container_of(pos, struct quire_file, node);
		uint64_t n = atomic_load_relaxed(&file->mapping.nr_pages);

		if (file->facts.vma_ops->page_shift)
			continue; /* of pools, which tell of them */
		if (file->facts.folio_flags & FOLIO_SHMEM)
			out->shmem_frames += n;
		else
			out->file_frames += n;
	}
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

uint64_t quire_machine_used_frames(struct quire_machine *m)
{
	uint64_t not_used = atomic_load(&m->waiting[ZONE_RAM]) + frames_free_count(m, ZONE_RAM);

	/* A frame on its way from one to the other may be counted twice. */
	return not_used < m->nr_ram ? m->nr_ram - not_used : 0;
}

static void all_stats(struct quire_machine *m, struct quire_machine_stats *out)
{
	frames_stats(m, out);
	stripe_stats(m, out);
	list_stats(m, out);
	out->committed_pages = atomic_load_relaxed(&m->committed);
	out->alloc_points = alloc_points_sum(m);
	out->failed_points = atomic_load_relaxed(&m->failed_points);
	out->waiting_frames = atomic_load(&m->waiting[ZONE_RAM]);
	out->waiting_table_frames = atomic_load(&m->waiting[ZONE_TABLE]);
	out->lost_pages = atomic_load_relaxed(&m->lost_pages);
}

void quire_machine_stats_sized(struct quire_machine *m, struct quire_machine_stats *out,
			       size_t size)
{
	struct quire_machine_stats st = {0};

	all_stats(m, &st);
	fill_sized(out, size, &st, sizeof(st));
}
