/* SPDX-License-Identifier: MIT */
/*
 * mapping.c: a file's mapping: its beginning and end, and the interval tree of its VMAs.
 *
 * The tree is guarded by I, a lock that sleeps and is taken inside M. The file's share of
 * machine->committed is its size in pages, or nr_pages (enum file_charge). It changes where these
 * change: the size under X' and W, nr_pages under X.
 */
#include "core/base/kmem.h"
#include "core/file/file.h"
#include "core/frame/defer.h"

static void *node_alloc(void *ctx, size_t bytes)
{
	return kmem_alloc(ctx, bytes);
}

static void node_free(void *ctx, void *p, size_t bytes)
{
	kmem_free(ctx, p, bytes);
}

static void retired_rcu(struct quire_rcu_head *head)
{
	struct index_retired *list = (struct index_retired *)(void *)head;
	struct index_env env = {.free = node_free, .ctx = list->ctx};

	index_retired_free(&env, list);
}

static void node_retire(void *ctx, struct index_retired *list)
{
	struct quire_machine *m = ctx;

	if (RULE(cache_nodes_by_rcu))
		m->port.call_rcu(m->port.ctx, &list->rcu, retired_rcu);
	else
		retired_rcu(&list->rcu);
}

static uint64_t size_charge(const struct quire_file *file, uint64_t bytes)
{
	if (file->facts.charge != CHARGE_SIZE)
		return 0;
	return (bytes >> PAGE_SHIFT) + ((bytes & ~PAGE_MASK) != 0);
}

uint64_t mapping_charged(const struct mapping *mapping)
{
	if (mapping->file->facts.charge == CHARGE_PAGES)
		return atomic_load_relaxed(&mapping->nr_pages);
	return size_charge(mapping->file, atomic_load_relaxed(&mapping->bytes));
}

bool mapping_may_resize(struct quire_file *file, uint64_t bytes)
{
	uint64_t now = size_charge(file, atomic_load_relaxed(&file->mapping.bytes));
	uint64_t then = size_charge(file, bytes);

	return then <= now || machine_may_commit(file->machine, then - now);
}

void mapping_resize(struct quire_file *file, uint64_t bytes)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	uint64_t now;

	spin_lock(port, &mapping->size_lock, RANK_INDEX);
	now = size_charge(file, atomic_load_relaxed(&mapping->bytes));
	atomic_store(&mapping->bytes, bytes);
	atomic_add(&mapping->nr_sizes, 1); /* also where bytes stays: file.c, 4 */
	spin_unlock(&mapping->size_lock, RANK_INDEX);
	atomic_add_relaxed(&file->machine->committed, size_charge(file, bytes) - now);
}

void mapping_count_pages(struct mapping *mapping, int64_t n)
{
	atomic_add_relaxed(&mapping->nr_pages, (uint64_t)n);
	if (mapping->file->facts.charge == CHARGE_PAGES)
		atomic_add_relaxed(&mapping->file->machine->committed, (uint64_t)n);
}

void mapping_init(struct mapping *mapping, struct quire_file *file, uint64_t bytes)
{
	mapping->file = file;
	spin_init(&mapping->index_lock);
	spin_init(&mapping->size_lock);
	mapping_resize(file, bytes);
	mapping->index_env = (struct index_env){node_alloc, node_free, node_retire, file->machine};
	index_init(&mapping->pages, &mapping->index_env);
	mutex_init(&mapping->write_lock);
	mutex_init(&mapping->i_lock);
	itree_init(&mapping->vmas);
	dlist_init(&mapping->holes);
}

/* So that who has a page, and looks under R whose it is, finds no mapping that has gone. */
static void disown_pages(struct mapping *mapping)
{
	struct folio *folio;
	uint64_t i;

	index_for_each (&mapping->pages, 0, UINT64_MAX, i, folio)
		atomic_store(&folio->mapping, NULL);
}

void mapping_retire(struct mapping *mapping)
{
	struct quire_machine *m = mapping->file->machine;

	Q_ASSERT(m, itree_empty(&mapping->vmas));
	/* A thread that added a page saw refs under X, before we take it: that page is counted. */
	spin_lock(&m->port, &mapping->index_lock, RANK_INDEX);
	frames_waiting(m, ZONE_RAM, (int64_t)atomic_load_relaxed(&mapping->nr_pages));
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	if (RULE(pages_disowned_first))
		disown_pages(mapping);
	atomic_sub(&m->committed, mapping_charged(mapping));
}

void mapping_destroy(struct mapping *mapping)
{
	struct quire_machine *m = mapping->file->machine;
	struct frame_chain all = CHAIN_OF_PAGES;
	struct folio *folio;
	int64_t nr;
	uint64_t i;

	index_for_each (&mapping->pages, 0, UINT64_MAX, i, folio)
		chain_add(m, &all, folio);
	nr = all.nr;
	frames_put_now(m, &all);
	frames_waiting(m, ZONE_RAM, -nr);
	index_destroy(&mapping->pages);
}

void mapping_link(struct vma *vma)
{
	struct mapping *mapping;

	if (!vma->file)
		return;
	mapping = &vma->file->mapping;
	mutex_lock(&vma->file->machine->port, &mapping->i_lock, RANK_MAPPING);
	itree_insert(&mapping->vmas, &vma->node, vma->pgoff, vma->pgoff + vma_pages(vma) - 1);
	vma->in_mapping = 1;
	mutex_unlock(&vma->file->machine->port, &mapping->i_lock, RANK_MAPPING);
}

void mapping_unlink(struct vma *vma)
{
	struct mapping *mapping;

	if (!vma->file)
		return;
	mapping = &vma->file->mapping;
	mutex_lock(&vma->file->machine->port, &mapping->i_lock, RANK_MAPPING);
	if (vma->in_mapping)
		itree_remove(&mapping->vmas, &vma->node);
	vma->in_mapping = 0;
	mutex_unlock(&vma->file->machine->port, &mapping->i_lock, RANK_MAPPING);
}

void mapping_await_writer(struct quire_file *file)
{
	mutex_lock(&file->machine->port, &file->mapping.write_lock, RANK_FILE);
	mutex_unlock(&file->machine->port, &file->mapping.write_lock, RANK_FILE);
}

void mapping_await_walks(struct quire_file *file)
{
	mutex_lock(&file->machine->port, &file->mapping.i_lock, RANK_MAPPING);
	mutex_unlock(&file->machine->port, &file->mapping.i_lock, RANK_MAPPING);
}

bool quire_file_mapped_by(struct quire_file *file, const struct quire_mm *mm)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	struct itree_node *node;
	bool found = false;

	mutex_lock(port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each (&mapping->vmas, 0, UINT64_MAX, node) {
		found = container_of(node, struct vma, node)->mm == mm;
		if (found)
			break;
	}
	mutex_unlock(port, &mapping->i_lock, RANK_MAPPING);
	return found;
}
