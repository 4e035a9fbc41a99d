/* SPDX-License-Identifier: MIT */
/*
 * edit.h: the one way in which the set of VMAs of an address space changes.
 *
 * An edit is a transaction: VMAs to remove, VMAs to add.  Everything that can fail happens before
 * edit_commit(). Until then nothing is visible, and edit_abort() leaves everything as it was.
 *
 *     edit_begin -> edit_remove / edit_add / edit_cut ... -> edit_check
 *        -> edit_commit      the old are dead, the new tree is published
 *        -> change entries, flush
 *        -> edit_finish      the old leave their files' trees and go to RCU
 *
 * New VMAs may take the place of others (edit_hold() before the commit). Then they are published
 * dead.  edit_finish() enters them in their files' trees and then brings them to life, and
 * allocates nothing.  New VMAs that only take over what is there already, or an empty range, are
 * entered by edit_commit() and live at once.
 *
 * An error in a step is kept in edit->err.  The steps after it do nothing.  So callers ask once, by
 * edit_check().
 *
 * mremap moves entries before it publishes: edit_link() comes ahead of the move, and edit_abort()
 * takes it back if the move fails.
 *
 * M is held from begin to finish.
 */
#ifndef CORE_EDIT_H
#define CORE_EDIT_H

#include "core/file.h"
#include "core/range.h"

/* What a VMA is before it exists. */
struct vma_spec {
	uint64_t start, end;
	uint64_t flags;
	uint64_t pgoff;          /* of start */
	struct quire_file *file; /* the VMA takes a reference of its own */
	uint64_t policy;
};

/*
 * What edit_cut() has found: VMAs to be removed, and what is left of the first and the last.  It
 * waits for the VMA that takes their place, so that one change of the tree does for all.
 */
struct edit_cut {
	uint64_t start, end; /* what was asked for */
	uint64_t from, to;   /* of the VMAs as a whole; empty: none */
	struct vma_spec left, right;
	bool has_left, has_right;
};

struct vma_edit {
	struct quire_mm *mm;
	struct rtree_txn txn;
	struct vma *added, *removed; /* chains */
	struct edit_cut cut;         /* not in txn yet */
	uint64_t old_count, count;   /* VMAs before, and as it is now */
	uint64_t cut_pages;          /* taken out by edit_cut */
	uint64_t cut_accounted;      /* of them charged to committed memory */
	bool held;                   /* edit_hold() */
	int err;
};

/* ---- edit.c */
void edit_begin(struct vma_edit *e, struct quire_mm *mm);
/* What the tree will be. */
const struct rtree *edit_view(struct vma_edit *e);
/* A VMA of the view; one that the edit itself added is freed. */
void edit_remove(struct vma_edit *e, struct vma *vma);
/* NULL only with e->err. */
struct vma *edit_add(struct vma_edit *e, const struct vma_spec *spec);
/* Removes whatever the view has in [start, end), splitting at the borders. */
void edit_cut(struct vma_edit *e, uint64_t start, uint64_t end);
/* A split has brought the map count over its limit. */
bool edit_too_many(const struct vma_edit *e);
/* e->err, or -ENOMEM if there are too many. */
int edit_check(struct vma_edit *e);
/*
 * What is removed is not all the added VMAs' own: entries of others lie in their ranges until the
 * caller has zapped and flushed them.  Faults wait on M for edit_finish().
 */
void edit_hold(struct vma_edit *e);
/* Ahead of edit_commit(): the added VMAs enter their files' interval trees, their ranges being
 * empty or their own. */
void edit_link(struct vma_edit *e);
void edit_commit(struct vma_edit *e);
void edit_finish(struct vma_edit *e);
void edit_abort(struct vma_edit *e);
/* From edit_check() on, for an edit that changes no entries. */
int edit_apply(struct vma_edit *e);

/* For vma_merge.c: a VMA that edit_replace() is to remove. */
void edit_take(struct vma_edit *e, struct vma *vma);
/* One change of the tree: what was taken, all in [from, to), goes; `mid` and, if wanted, what is
 * left of the cut come.  NULL only with e->err. */
struct vma *edit_replace(struct vma_edit *e, uint64_t from, uint64_t to, bool left,
			 const struct vma_spec *mid, bool right);

/* ---- vma.c: objects */
struct vma *vma_new(struct quire_mm *mm, const struct vma_spec *spec); /* NULL: no memory */
/* Never published, not linked.  M held, as for the next. */
void vma_free_now(struct vma *vma);
/* A chain that readers may still see.  M held. */
void vma_free_rcu(struct quire_mm *mm, struct vma *chain);
/* One that is left to call_rcu(). */
void vma_free_later(struct quire_machine *m, struct vma *vma);
struct vma_spec vma_spec_of(const struct vma *vma, uint64_t start, uint64_t end);
/* mm->tree_env. */
void mm_init_tree_env(struct quire_mm *mm);
/* Nodes that are left to call_rcu(). */
void nodes_free_later(struct quire_machine *m, struct rtree_retired *list);

/*
 * ---- recycle.c.  M held.
 * The same as kmem_alloc() and kmem_free(), from and to what the mm has ready.
 */
struct vma *recycle_alloc_vma(struct quire_mm *mm);
void *recycle_alloc_node(struct quire_mm *mm, size_t bytes);
void recycle_free_vma(struct quire_mm *mm, struct vma *vma);
void recycle_free_node(struct quire_mm *mm, void *node);
/* What readers may still be in, where the port can say when they are not any more; else false. */
bool recycle_vma(struct quire_mm *mm, struct vma *vma);
bool recycle_nodes(struct quire_mm *mm, struct rtree_retired *list);
/* All is given back: at once, or by call_rcu(). */
void recycle_end(struct quire_mm *mm);
/* machine->shrink: gives back what the address spaces keep that are not being changed just now.
 * True: something.  No M. */
bool recycle_shrink(struct quire_machine *m);

/* ---- vma_merge.c */
/* edit_add, merged with the neighbours that the view has where the rules allow it. */
struct vma *edit_add_merged(struct vma_edit *e, const struct vma_spec *spec);
/*
 * [start, end) of vma gets other flags: an edit of its own, committed; the VMA that has the
 * range now is in *out.  The caller changes entries and then calls edit_finish(e).
 */
int vma_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		     uint64_t flags, struct vma **out);
/* The same for whatever differs in *s from the VMA that has its range. */
int vma_change(struct vma_edit *e, struct vma *vma, const struct vma_spec *s, struct vma **out);

/* ---- limits.c */
/* Adds (sign 1) or takes off (-1) a VMA in the mm's totals. */
void mm_account_vma(struct quire_mm *mm, const struct vma *vma, int sign);
/* The same but for the pages that it is charged with, for which mm_commit() is called. */
void mm_count_vma(struct quire_mm *mm, const struct vma *vma, int sign);
/* So many pages more, or fewer, of committed memory. */
void mm_commit(struct quire_mm *mm, int64_t pages);
/* Pages of it that are charged to committed memory. */
static inline uint64_t vma_charged(const struct vma *vma)
{
	return vma->flags & VM_ACCOUNT ? vma_pages(vma) : 0;
}
/* So many pages more were charged at once: granted, not only asked for. */
void mm_note_request(struct quire_mm *mm, int64_t pages);
/* Takes the totals into the peaks. */
void mm_note_peaks(struct quire_mm *mm);
/* RLIMIT_AS and RLIMIT_DATA allow that many pages more (negative: always). */
bool mm_may_expand(struct quire_mm *mm, uint64_t flags, int64_t pages);
/* Whoever makes this call may do that.  Slow: asked only where the answer decides. */
bool mm_privileged(struct quire_mm *mm, enum quire_privilege which);
/* RLIMIT_MEMLOCK, or a privilege, allows that many pages more,
 * if flags say that they are locked. */
bool mm_may_lock(struct quire_mm *mm, uint64_t flags, int64_t pages);
/* The mm may lock memory at all: otherwise -EPERM. */
bool mm_can_lock(struct quire_mm *mm);
/* machine_may_commit(); fewer pages: always. */
bool mm_may_commit(const struct quire_mm *mm, int64_t pages);
/* A private mapping with these flags is charged to committed memory. */
bool flags_accountable(uint64_t flags);

/* ---- area.c */
/* Where a mapping goes: *addr in: the wish, out: the place.  MAP_FIXED: only checked. */
int area_find(struct quire_mm *mm, uint64_t *addr, uint64_t len, int flags, bool want_huge);
/* Lowest address that the guard gap of vma claims. */
uint64_t vma_gap_start(const struct vma *vma);

/* ---- unmap.c */
/* Entries of what a committed edit removed in [start, end); flushes. */
void unmap_entries(struct vma_edit *e, uint64_t start, uint64_t end);
/* Unlinks the tables of [start, end) that no VMA of the published tree needs. */
void free_tables_between(struct tlb_gather *g, uint64_t start, uint64_t end);
/* munmap without checks of the arguments.  M held. */
int unmap_locked(struct quire_mm *mm, uint64_t start, uint64_t end);

/* ---- remove.c */
/* MADV_REMOVE.  M not held. */
int mm_remove(struct quire_mm *mm, uint64_t start, uint64_t end);

/* ---- mmap.c */
/* Maps spec's range over whatever is there, limits checked.  M held. */
int map_region(struct quire_mm *mm, const struct vma_spec *spec);

/* ---- prot bits */
static inline uint64_t prot_to_flags(int prot)
{
	return (uint64_t)prot & VM_ACCESS;
}
_Static_assert(VM_READ == QPROT_READ && VM_WRITE == QPROT_WRITE && VM_EXEC == QPROT_EXEC,
	       "PROT_* are the VM_* bits");

#define VM_LOCK_MASK (VM_LOCKED | VM_LOCKONFAULT)
/* Top of what 4-level tables span: nothing above, so tables may be freed up to it. */
#define PT_CEILING (1ull << 48)

#endif
