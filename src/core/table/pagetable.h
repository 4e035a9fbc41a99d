/* SPDX-License-Identifier: MIT */
/*
 * pagetable.h: 4-level page tables in x86-64's format.
 *
 * Protocol
 *   1  Each table page has a lock in its folio.  A last-level table's lock is the PTL (P). An upper
 *      table's lock (U) guards linking and unlinking of its children.
 *   2  A table is linked into its parent under the parent's U, after two looks: the VMA for which
 *      it is made is not dead, and the parent is linked.  So a fault that lost its VMA links
 *      nothing.
 *   3  A holder of M takes an empty table out: where no live VMA is left, where that holder has
 *      made the table for nothing (remap_tables.c), or where it is in the way of a large page
 *      (leaf.c); by then something else may be mapped there. `linked` is cleared under the
 *      table's own lock, then the parent's entry under the parent's U. RCU frees the table after
 *      the flush.
 *   4  A table moves to another address (mremap) with M held and its VMA dead.  The old parent's
 *      entry is cleared under the parent's U and the table's PTL.
 *   5  So a thread that has taken a PTL rereads `linked` and the parent's entry: pt_lock() fails
 *      where either changed.
 *   6  Walkers hold rcu_read_lock (or M, which keeps tables from being freed).
 *   7  Entries are read and written with atomic_load/atomic_store; they are written under the PTL.
 *   8  An unlinked table holds zeros only.
 *   9  A table with FOLIO_KEPT is not taken out.  So a holder of M can count on it while it unmaps
 *      what the table is there for.
 */
#ifndef CORE_TABLE_PAGETABLE_H
#define CORE_TABLE_PAGETABLE_H

#include "core/base/mm_types.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"

#define PT_ENTRIES 512u
#define PT_SPAN (PT_ENTRIES * PAGE_SIZE) /* bytes under one last-level table */

/* Bytes under one slot of a table of that level. */
static inline uint64_t slot_span(unsigned level)
{
	return PAGE_SIZE << (9 * level);
}

/* Pages under one slot of a table of that level. */
static inline unsigned slot_pages(unsigned level)
{
	return 1u << (9 * level);
}

#define TOP_LEAF_LEVEL 2u /* 1 GiB */

/* Of the tables whose entries map pages of 1 << page_shift bytes. */
static inline unsigned leaf_level(unsigned page_shift)
{
	return (page_shift - PAGE_SHIFT) / 9;
}

/* How far down the tables go for an address. */
struct pt_walk {
	uint64_t table; /* frame of the table reached */
	unsigned level; /* of that table; 0: it is a last-level one */
	pte_t *slot;    /* for the address, in that table */
	pte_t *up;      /* the slot that points to the table; NULL: it is the top */
};

/* A place in a locked table: a last-level one, or one with an entry of a higher level. */
struct pt_ref {
	pte_t *entry;        /* of the address that was asked for */
	struct folio *table; /* the table's metadata: its lock is held */
};

/* The entry of a page without any lock (R or M), made of a leaf's if there is one; 0: none. */
pte_t pt_read(struct quire_mm *mm, uint64_t addr);
/*
 * The entry of addr as it stands; found->level says of which level it is.  *found is also for
 * pt_lock_found(), within the same read-side section.
 */
pte_t pt_find(struct quire_mm *mm, uint64_t addr, struct pt_walk *found);
/* Locks the last-level table of addr.  False: there is none (or it was unlinked). */
bool pt_lock(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref);
/* The same while another last-level table is locked (fork, mremap): RANK_PTL_NESTED. */
bool pt_lock_nested(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref);
void pt_unlock(struct pt_ref *ref);
void pt_unlock_nested(struct pt_ref *ref);
/*
 * Locks the table that has the entry of addr, of whatever level; *e is that of the page, made of a
 * leaf's if there is one.  False: there is neither (or it was unlinked).
 */
bool pt_lock_page(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref, pte_t *e);
/*
 * Locks the last-level table of addr, making tables as needed.  0 and locked, or -ENOTABLE.  May
 * allocate: no spinlock may be held but another PTL of the caller's.  M held.
 */
int pt_lock_alloc(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref);
/*
 * The same for a fault in `vma`, which goes on from where pt_find() ended, down to a table of
 * `level`.  If that was at an entry of a higher level, no table is made: the one that has this
 * entry is locked.  -EAGAIN: vma is dead (nothing was linked), or the table has gone.  With 0 the
 * caller must still check vma_is_dead under the lock before it inserts.  R.
 */
int pt_lock_found(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		  struct pt_walk *found, struct pt_ref *ref);

/*
 * For leaves and other entries of an upper table of `level` (U).  False, as pt_lock(): there is no
 * such table, or a leaf of a higher level.  pt_lock_upper_nested(): while another one is locked
 * (fork).  pt_lock_upper_alloc(): as pt_lock_alloc(); the slot may have a table of a lower level.
 */
bool pt_lock_upper(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref);
bool pt_lock_upper_nested(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref);
int pt_lock_upper_alloc(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref);

/* Sets an entry, keeping table->pt.used.  PTL held. */
static inline void pt_set(struct pt_ref *ref, pte_t *entry, pte_t val)
{
	pte_t old = atomic_load_relaxed(entry);

	ref->table->pt.used += (uint32_t)!entry_none(val) - (uint32_t)!entry_none(old);
	atomic_store(entry, val);
}

/* Where the span of addr's last-level table ends, or end if that comes first. */
static inline uint64_t pt_table_end(uint64_t addr, uint64_t end)
{
	uint64_t next = (addr & ~(PT_SPAN - 1)) + PT_SPAN;

	return next < end ? next : end;
}

int pt_create(struct quire_mm *mm);   /* the top table: 0 or -ENOTABLE */
void pt_destroy(struct quire_mm *mm); /* the top table; all others must be gone */

struct mmu_gather;
/*
 * Unlinks every empty table whose whole span lies in [floor, ceiling) and that covers
 * part of [start, end).  M held for writing; the range has no live VMA and has been zapped.
 * A ceiling of 0, or of task_size and more, is the end of the address space.
 */
void pt_free_range(struct mmu_gather *g, uint64_t start, uint64_t end, uint64_t floor,
		   uint64_t ceiling);

/*
 * Makes the tables of addr down to `level` and keeps that one (protocol 9); where a leaf of what is
 * to be unmapped stands in the way, the one that has it.  0 or -ENOTABLE.  M held, until
 * pt_release_kept() has been told of [start, end) with all that was kept of that level, or above.
 */
int pt_keep(struct quire_mm *mm, uint64_t addr, unsigned level);
void pt_release_kept(struct quire_mm *mm, uint64_t start, uint64_t end, unsigned level);

/*
 * Makes the tables above the slot of `level` that has addr, the slot's first byte, and takes out
 * what empty ones are below it and the slots after it in its table, n in all.  Nothing is mapped
 * there.  How many have room; 0: no memory.  M held.
 */
unsigned pt_make_room(struct mmu_gather *g, uint64_t addr, unsigned level, unsigned n);

#define PT_MOVED_AT_ONCE 64u /* tables, or leaves, that are in neither place for a moment */
/* Slots of `level` from both addresses on, each in one table: n or PT_MOVED_AT_ONCE at most. */
unsigned pt_slots_at_both(uint64_t a, uint64_t b, unsigned level, uint64_t n);

/*
 * Moves whole last-level tables that lie side by side, at most n, from old_addr on to new_addr,
 * both aligned to PT_SPAN, within one mm.  M held, the VMA of old_addr dead (protocol 4).  Returns
 * how many, and says how many entries they have; 0: nothing changed, move entry by entry.
 */
unsigned pt_move_tables(struct mmu_gather *g, uint64_t old_addr, uint64_t new_addr, unsigned n,
			unsigned *entries);

#endif
