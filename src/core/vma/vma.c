/* SPDX-License-Identifier: MIT */
/*
 * vma.c: VMAs as objects: made, found, freed.
 *
 * A VMA is made by an edit (edit.c) and freed after a grace period.  Lookups run
 * under RCU or M.  Invariants:
 *   1  A VMA in the tree is the one that its range in the tree names.
 *   2  A VMA holds a reference on its file from vma_new() until it is left to RCU, its entries
 *      gone: file.h, 1 says what a reader of a dead VMA may do with vma->file.
 *   3  Each VMA that was opened (vma_ops.open) is closed once, before its file is let go.
 *   4  Each has what walks find its private pages by (rmap/moved.h, 1) until its entries are gone.
 *   5  vma->mm may be gone when the RCU callback runs: it uses vma->machine.
 */
#include "core/base/kmem.h"
#include "core/file/file.h"
#include "core/rmap/moved.h"
#include "core/vma/vma.h"

static __attribute__((noinline)) bool get_moved(struct vma *vma, struct moved_range *old)
{
	vma->moved = moved_range_get(vma->mm, old, vma->start >> PAGE_SHIFT, vma_pages(vma),
				     vma->anon_delta);
	return vma->moved != NULL;
}

static inline void put_moved(struct vma *vma)
{
	if (unlikely(vma->moved != NULL))
		moved_range_put(vma->mm, vma->moved);
}

struct vma *vma_new(struct quire_mm *mm, const struct vma_spec *spec)
{
	struct vma *vma = recycle_alloc_vma(mm);

	if (!vma)
		return NULL;
	vma->dead = 0;
	vma->in_mapping = 0;
	vma->node.height = 0;
	vma->start = spec->start;
	vma->end = spec->end;
	vma->flags = spec->flags;
	vma->pgoff = spec->pgoff;
	vma->anon_delta = spec->anon_delta;
	vma->moved = NULL;
	vma->policy = spec->policy;
	vma->file = spec->file;
	vma->private = spec->private;
	vma->anon_id = spec->anon_id;
	vma->mm = mm;
	vma->ops = mapping_ops(mm->machine, spec->file);
	if (unlikely(vma->ops->page_shift)) /* before it is found: cursor.h, 7 */
		atomic_store(&mm->large_pages, 1);
	if (unlikely(spec->anon_delta) && !get_moved(vma, spec->moved)) {
		recycle_free_vma(mm, vma);
		return NULL;
	}
	if (unlikely(vma->ops->open != NULL) && !vma->ops->open(vma)) {
		put_moved(vma);
		recycle_free_vma(mm, vma);
		return NULL;
	}
	if (vma->file)
		quire_file_get(vma->file);
	return vma;
}

int vma_ask_split(const struct vma *vma, uint64_t addr)
{
	if (vma->ops->may_split)
		return vma->ops->may_split(vma, addr);
	return addr & (ops_page_size(vma->ops) - 1) ? -QEINVAL : 0;
}

static inline void vma_end(struct quire_mm *mm, struct vma *vma)
{
	if (unlikely(vma->ops->close != NULL))
		vma->ops->close(vma);
	put_moved(vma);
	if (vma->file)
		file_let_go(mm, vma->file);
}

void vma_free_now(struct vma *vma)
{
	vma_end(vma->mm, vma);
	recycle_free_vma(vma->mm, vma);
}

static void vma_rcu_func(struct quire_rcu_head *head)
{
	struct vma *vma = container_of(head, struct vma, rcu);

	STEP("frees VMA %#lx-%#lx", vma->start, vma->end);
	kmem_free(vma->machine, vma, sizeof(*vma));
}

static void *env_alloc(void *ctx, size_t bytes)
{
	return recycle_alloc_node(ctx, bytes);
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	(void)bytes;
	recycle_free_node(ctx, p);
}

static void free_late(void *ctx, void *p, size_t bytes)
{
	kmem_free(ctx, p, bytes);
}

/* The mm may be gone. */
static void retired_rcu_func(struct quire_rcu_head *head)
{
	struct rtree_retired *list = (struct rtree_retired *)(void *)head;
	struct rtree_env env = {.free = free_late, .ctx = list->ctx};

	rtree_retired_free(&env, list);
}

void nodes_free_later(struct quire_machine *m, struct rtree_retired *list)
{
	list->ctx = m;
	m->port.call_rcu(m->port.ctx, &list->rcu, retired_rcu_func);
}

static void env_retire(void *ctx, struct rtree_retired *list)
{
	struct quire_mm *mm = ctx;

	if (!RULE(nodes_by_rcu)) {
		list->ctx = mm->machine;
		retired_rcu_func(&list->rcu);
	} else if (recycle_wanted(mm)) {
		recycle_nodes(mm, list);
	} else {
		nodes_free_later(mm->machine, list);
	}
}

void mm_init_tree_env(struct quire_mm *mm)
{
	mm->tree_env = (struct rtree_env){
	    .alloc = env_alloc, .free = env_free, .retire = env_retire, .ctx = mm};
}

void vma_free_later(struct quire_machine *m, struct vma *vma)
{
	vma->machine = m;
	STEP("leaves VMA %#lx-%#lx to RCU", vma->start, vma->end);
	if (RULE(vma_by_rcu))
		m->port.call_rcu(m->port.ctx, &vma->rcu, vma_rcu_func);
	else
		vma_rcu_func(&vma->rcu);
}

void vma_free_rcu(struct quire_mm *mm, struct vma *chain)
{
	bool recycle = RULE(vma_by_rcu) && recycle_wanted(mm);

	while (chain) {
		struct vma *next = chain->chain;

		vma_end(mm, chain);
		if (recycle)
			recycle_vma(mm, chain);
		else
			vma_free_later(mm->machine, chain);
		chain = next;
	}
	if (recycle)
		recycle_ask(mm);
}
