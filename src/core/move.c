/* SPDX-License-Identifier: MIT */
/*
 * move.c: mremap's move of entries from one range to another of the same mm.
 *
 * Owns nothing.  M is held, and the file's I over move and flush: a truncation then finds each
 * page at the one address or the other, and none is freed while the old one is still cached.
 * Two PTLs are taken in the order of their tables' addresses.
 *
 * Invariants:
 *   1  An entry is at the old or at the new address, never at both and never at neither, for
 *      whoever holds the PTLs; its folio's counts do not change.
 *   2  Whole tables are moved when both ends are aligned to a table's span; 2 MiB then cost
 *      what one entry costs.
 *   3  Moving back what was moved allocates nothing: the tables of the old range, or the slots
 *      for them, are still there.
 */
#include "core/file.h"
#include "core/range.h"

struct move {
	struct tlb_gather *g;
	struct vma *dst, *src;
	struct rmap_batch batch; /* of entries found in the destination */
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes from addr to the end of its table's span. */
static uint64_t to_table_end(uint64_t addr)
{
	return PT_SPAN - (addr & (PT_SPAN - 1));
}

/* A racing fault's page in the destination: what is moved in replaces it. */
static void drop_occupant(struct move *v, pte_t e)
{
	struct quire_machine *m = v->g->mm->machine;
	struct folio *f = pfn_folio(m, pte_frame(e));

	if (e & PTE_EXTERNAL) {
		v->batch.rss[MM_FILE]--;
	} else if (pte_frame(e) != m->zero_pfn) {
		if ((e & PTE_DIRTY) && v->dst->ops->dirty && !folio_test(f, FOLIO_ANON))
			v->dst->ops->dirty(v->dst, f);
		rmap_batch_remove(&v->batch, f);
		tlb_folio(v->g, f);
	}
}

/* Returns how many bytes were done: less than len when the gather is full. */
static uint64_t move_locked(struct move *v, struct pt_ref *dst, uint64_t new_addr,
			    struct pt_ref *src, uint64_t old_addr, uint64_t len)
{
	uint64_t done;
	pte_t *to = dst->entry, *from = src->entry;

	for (done = 0; done < len && v->g->nr_folios < TLB_GATHER_FOLIOS;
	     done += PAGE_SIZE, to++, from++) {
		pte_t e = at_load_relaxed(from), old = at_load_relaxed(to);

		if (!e)
			continue;
		STEP("moves entry %#lx from %#lx to %#lx", e, old_addr + done, new_addr + done);
		pt_set(src, from, 0);
		if (RULE(move_flush))
			tlb_range(v->g, old_addr + done, old_addr + done + PAGE_SIZE);
		if (old) {
			drop_occupant(v, old);
			tlb_range(v->g, new_addr + done, new_addr + done + PAGE_SIZE);
		}
		pt_set(dst, to, e);
	}
	return done;
}

/* Both addresses in one table. */
static uint64_t move_within(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	struct pt_ref src, dst;
	uint64_t done;

	if (!pt_lock(v->g->mm, old_addr, &src))
		return len;
	dst = src;
	dst.entry = src.entry + ((int64_t)(new_addr - old_addr) >> PAGE_SHIFT);
	done = move_locked(v, &dst, new_addr, &src, old_addr, len);
	pt_unlock(&src);
	return done;
}

/* Under M both tables stay: the locks cannot fail. */
static uint64_t move_between(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	struct quire_mm *mm = v->g->mm;
	bool old_first = old_addr < new_addr;
	struct pt_ref src, dst;
	bool ok;
	uint64_t done;

	if (old_first)
		ok = pt_lock(mm, old_addr, &src) && pt_lock_nested(mm, new_addr, &dst);
	else
		ok = pt_lock(mm, new_addr, &dst) && pt_lock_nested(mm, old_addr, &src);
	Q_ASSERT(mm->machine, ok);
	done = move_locked(v, &dst, new_addr, &src, old_addr, len);
	pt_unlock_nested(old_first ? &dst : &src);
	pt_unlock(old_first ? &src : &dst);
	return done;
}

/* A piece within one table on either side, which the source has.  Bytes done; 0: no memory. */
static uint64_t move_piece(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	struct pt_ref ref;
	uint64_t done;

	if (v->g->nr_folios == TLB_GATHER_FOLIOS)
		tlb_flush_now(v->g);
	if (new_addr / PT_SPAN == old_addr / PT_SPAN) {
		done = move_within(v, new_addr, old_addr, len);
	} else {
		if (pt_lock_alloc(v->g->mm, NULL, new_addr, &ref))
			return 0;
		pt_unlock(&ref);
		done = move_between(v, new_addr, old_addr, len);
	}
	rmap_batch_commit(&v->batch, v->g->mm);
	return done;
}

/* Invariant 2. */
static bool move_whole(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	if (((new_addr | old_addr) & (PT_SPAN - 1)) || len < PT_SPAN)
		return false;
	if (!pt_move_table(v->g, old_addr, new_addr))
		return false;
	STEP("moves the table of %#lx to %#lx", old_addr, new_addr);
	if (RULE(move_flush))
		tlb_range(v->g, old_addr, old_addr + PT_SPAN);
	return true;
}

static uint64_t move_all(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	uint64_t delta = new_addr - old_addr, end = old_addr + len, addr = old_addr;

	while ((addr = pt_skip_holes(v->g->mm, addr, end)) < end) {
		uint64_t to = addr + delta;
		uint64_t piece = min_u64(to_table_end(addr), to_table_end(to));

		piece = min_u64(piece, end - addr);
		if (!move_whole(v, to, addr, piece))
			piece = move_piece(v, to, addr, piece);
		if (!piece)
			break;
		addr += piece;
	}
	return addr - old_addr;
}

/* Flushed before dst can be found: what is done to a page there knows nothing of the old address.
 */
static uint64_t move_and_flush(struct move *v, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	uint64_t moved;

	at_fence(); /* src is dead: as for a zap (zap.c, 4) */
	moved = move_all(v, new_addr, old_addr, len);
	tlb_flush_now(v->g);
	return moved;
}

uint64_t move_entries(struct tlb_gather *g, struct vma *dst, uint64_t new_addr, struct vma *src,
		      uint64_t old_addr, uint64_t len)
{
	struct move v = {.g = g, .dst = dst, .src = src};
	const struct quire_port *port = &g->mm->machine->port;
	uint64_t moved;

	if (!src->file || !RULE(move_holds_i_lock))
		return move_and_flush(&v, new_addr, old_addr, len);
	mutex_lock(port, &src->file->mapping.i_lock, RANK_MAPPING);
	moved = move_and_flush(&v, new_addr, old_addr, len);
	mutex_unlock(port, &src->file->mapping.i_lock, RANK_MAPPING);
	return moved;
}
