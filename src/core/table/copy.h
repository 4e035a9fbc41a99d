/* SPDX-License-Identifier: MIT */
/*
 * copy.h: what the two parts of fork's copy share: copy.c (small entries) and copy_leaf.c (entries
 * of upper tables).
 */
#ifndef CORE_TABLE_COPY_H
#define CORE_TABLE_COPY_H

#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/tlb.h"

struct copy {
	struct quire_machine *m;
	struct mmu_gather *g;
	struct vma *dst, *src;
	/* Of this hold of the locks: */
	uint64_t entries;
	uint64_t flush_start, flush_end;
	unsigned flush_pages;
	int64_t rss[MM_NR_PAGES];
	int64_t mapped_anon; /* pages of copies that were made at once: copy.c, 2 */
	/* Pages of a large folio that the child has entries of, and that are not counted yet. */
	struct folio_run run;
};

/* Around one hold of the locks of a table of each; copy_commit() without them. */
void copy_begin(struct copy *c);
void copy_commit(struct copy *c);

static inline void copy_note_flush(struct copy *c, uint64_t addr, uint64_t bytes)
{
	if (addr < c->flush_start)
		c->flush_start = addr;
	c->flush_end = addr + bytes;
	c->flush_pages += (unsigned)(bytes >> PAGE_SHIFT);
}

/* *e, of `bytes` from addr on, becomes read-only in the parent. */
static inline void copy_take_write_bit(struct copy *c, pte_t *slot, uint64_t addr, uint64_t bytes,
				       pte_t *e)
{
	*e &= ~PTE_WRITE;
	STEP("takes the write bit of %#lx from the parent", addr);
	atomic_store(slot, *e);
	copy_note_flush(c, addr, bytes);
}

/* The child's entry for a page, or large page, that is being moved. */
pte_t copy_migration(struct copy *c, pte_t *slot, uint64_t addr, uint64_t bytes, pte_t e);

/* copy_leaf.c: the entry of an upper table that the cursor has found.  0, -ENOTABLE, -ENOMEM, or
 * what vma_ops.copy_pinned says. */
int copy_upper(struct copy *c, uint64_t addr, unsigned level);

#endif
