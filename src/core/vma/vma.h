/* SPDX-License-Identifier: MIT */
/*
 * vma.h: VMAs as objects: made, freed, used again.
 */
#ifndef CORE_VMA_VMA_H
#define CORE_VMA_VMA_H

#include "core/base/file_types.h"

/* What a VMA is before it exists: the first words of struct vma. */
struct vma_spec {
	uint64_t start, end;
	uint64_t flags;
	uint64_t pgoff; /* of start */
	int64_t anon_delta;
	struct moved_range *moved; /* that may do; NULL: none */
	uint64_t policy;
	struct quire_file *file; /* the VMA takes a reference of its own */
	void *private;           /* vma_ops.open */
	uint64_t anon_id;
};

/* What the VMA has, for [start, end), but for the identity. */
static inline struct vma_spec vma_spec_with(const struct vma *vma, uint64_t start, uint64_t end,
					    uint64_t anon_id)
{
	return (struct vma_spec){
	    .start = start,
	    .end = end,
	    .flags = vma->flags,
	    .pgoff = vma->pgoff + (start >> PAGE_SHIFT) - (vma->start >> PAGE_SHIFT),
	    .anon_delta = vma->anon_delta,
	    .moved = vma->moved,
	    .policy = vma->policy,
	    .file = vma->file,
	    .private = vma->private,
	    .anon_id = anon_id,
	};
}

static inline struct vma_spec vma_spec_of(const struct vma *vma, uint64_t start, uint64_t end)
{
	return vma_spec_with(vma, start, end, atomic_load_relaxed(&vma->anon_id));
}

/* Of mappings of the file; NULL: of none. */
static inline const struct vma_ops *mapping_ops(const struct quire_machine *m,
						const struct quire_file *file)
{
	return file ? file->facts.vma_ops : m->anon_ops;
}

/* What its borders are multiples of. */
static inline uint64_t ops_page_size(const struct vma_ops *ops)
{
	return ops->page_shift ? 1ull << ops->page_shift : PAGE_SIZE;
}

/* vma_may_split(), where the kind has something to say. */
int vma_ask_split(const struct vma *vma, uint64_t addr);
/* 0, or why the VMA, in which addr lies, cannot become two there. */
static inline int vma_may_split(const struct vma *vma, uint64_t addr)
{
	const struct vma_ops *ops = vma->ops;

	return unlikely(ops->may_split || ops->page_shift) ? vma_ask_split(vma, addr) : 0;
}

static inline uint64_t prot_to_flags(int prot)
{
	return (uint64_t)prot & VM_ACCESS;
}
_Static_assert(VM_READ == QPROT_READ && VM_WRITE == QPROT_WRITE && VM_EXEC == QPROT_EXEC,
	       "PROT_* are the VM_* bits");

#define VM_LOCK_MASK (VM_LOCKED | VM_LOCKONFAULT)

/* ---- vma.c: objects */
struct vma *vma_new(struct quire_mm *mm, const struct vma_spec *spec); /* NULL: no memory */
/* Never published, not linked.  M held, as for the next. */
void vma_free_now(struct vma *vma);
/* A chain that readers may still see.  M held. */
void vma_free_rcu(struct quire_mm *mm, struct vma *chain);
/* One that is left to call_rcu(). */
void vma_free_later(struct quire_machine *m, struct vma *vma);
/* mm->tree_env. */
void mm_init_tree_env(struct quire_mm *mm);
/* Nodes that are left to call_rcu(). */
void nodes_free_later(struct quire_machine *m, struct rtree_retired *list);

/*
 * ---- identity.c: which private pages a VMA may have.
 */
/* Its lowest bit: the VMA was touched before a fork made it. */
#define ANON_INHERITED 1ull
void vma_take_identity(struct vma *vma);
/* A private page is about to be made in it.  R or M, before the PTL under which the VMA is asked
 * whether it is dead. */
static inline void vma_touch(struct vma *vma)
{
	if (RULE(touched_before_asked) &&
	    unlikely(!atomic_load(&vma->anon_id))) /* before the look at vma->dead */
		vma_take_identity(vma);
}
/* dst, a fork's copy of src that nobody knows, is to get its entries.  `forking` is set. */
void vma_inherit(struct vma *dst, const struct vma *src);

/*
 * ---- recycle.c.  M held.
 * The same as kmem_alloc() and kmem_free(), from and to what the mm has ready.
 */
struct vma *recycle_alloc_vma(struct quire_mm *mm);
void *recycle_alloc_node(struct quire_mm *mm, size_t bytes);
void recycle_free_vma(struct quire_mm *mm, struct vma *vma);
void recycle_free_node(struct quire_mm *mm, void *node);
/* The port can say when readers have gone. */
static inline bool recycle_wanted(const struct quire_mm *mm)
{
	return mm->machine->port.rcu_over != NULL;
}
/* Readers may still be in it.  After the last one of an edit recycle_ask() is to be called. */
static inline void recycle_vma(struct quire_mm *mm, struct vma *vma)
{
	struct recycled *young = &mm->recycle.young;

	STEP("keeps VMA %#lx-%#lx until readers have gone", vma->start, vma->end);
	vma->chain = young->vmas;
	young->vmas = vma;
	young->nr_vmas++;
}
void recycle_ask(struct quire_mm *mm);
void recycle_nodes(struct quire_mm *mm, struct rtree_retired *list);
/* All is given back: at once, or by call_rcu(). */
void recycle_end(struct quire_mm *mm);
/* machine->shrink: gives back what the address spaces keep that are not being changed just now.
 * True: something.  No M. */
bool recycle_shrink(struct quire_machine *m);

#endif
