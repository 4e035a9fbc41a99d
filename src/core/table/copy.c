/* SPDX-License-Identifier: MIT */
/*
 * copy.c: fork's copy of page-table entries.
 *
 * Owns nothing.  Both M are held.  The child's PTL is taken first (its table may have to be made),
 * the parent's inside it.  Nobody else nests a PTL in the child's: the child has no users yet.
 *
 * What is copied: mappings that ever had a private page (identity.c), as a whole.  Everything
 * else the child faults in again, as on Linux (its smaps shows no Rss there until it touches them).
 * So fork costs nothing for shared memory and for code.
 *
 * Invariants:
 *   1  An anonymous page that both map is read-only in both and not FOLIO_EXCLUSIVE.
 *   2  A page that somebody has pinned stays the parent's and FOLIO_EXCLUSIVE (pin.c, 1). The child
 *      gets a copy of its content at once: fork(2) must not change which process sees the writes
 *      that go through a pin, nor whose stores a pin for reading sees.  Pins are counted apart from
 *      other references: what a fault or a gather holds for a moment is shared like any other page.
 *      A pin is taken under the PTL: fork finds it, or has taken FOLIO_EXCLUSIVE away before, and
 *      the thread that would pin sees that.  Before the copy, the page's write bit is taken and
 *      flushed, like that of a page that is shared.  Otherwise the child could get a later store
 *      of a thread without an earlier one (install.c, 3). The first pinned page of a table takes
 *      the bits of all pinned pages of that table, and nobody gives one back (forking).
 *   3  The child's entries are old (not ACCESSED): only what it uses counts as referenced.
 */
#include "core/frame/place.h"
#include "core/frame/reclaim.h"
#include "core/table/copy.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/table/tlb.h"

static bool must_copy(const struct vma *dst, struct vma *src)
{
	return src->ops->must_copy ? src->ops->must_copy(src) : dst->anon_id != 0;
}

/* 0: no memory. */
static pte_t duplicate(struct copy *c, const struct folio *f, pte_t e)
{
	struct quire_machine *m = c->m;
	uint64_t index = folio_index(m, f, pte_frame(e));
	struct folio *new = folio_alloc_page(m, 0, c->dst->policy, index);

	if (!new)
		return 0;
	STEP("copies the pinned frame %lu for the child", pte_frame(e));
	memcpy(folio_addr(m, new), pfn_addr(m, pte_frame(e)), PAGE_SIZE);
	new->root = c->dst->mm->anon;
	new->index = index;
	folio_set(new, FOLIO_ANON | FOLIO_EXCLUSIVE | FOLIO_UPTODATE);
	atomic_store_relaxed(&new->mapcount, 1);
	c->mapped_anon++;
	return pte_make(folio_pfn(m, new), e & ~QUIRE_PTE_FRAME_MASK);
}

/* The parent's entries keep the folio until then: their PTL is held. */
static void count_run(struct copy *c)
{
	if (c->run.folio)
		folio_get_mapped(c->run.folio, c->run.n);
	c->run.folio = NULL;
}

/* The pages of a large folio are counted as a run. */
static __attribute__((noinline)) void share_large(struct copy *c, struct folio *f, uint64_t pfn)
{
	const struct quire_machine *m = c->m;

	if (folio_run_extend(m, &c->run, pfn, 1))
		return;
	count_run(c);
	c->run = (struct folio_run){f, (uint32_t)(pfn - folio_pfn(m, f)), 1};
}

static inline void share(struct copy *c, struct folio *f, pte_t e, bool large)
{
	if (likely(!large))
		folio_get_mapped(f, 1);
	else
		share_large(c, f, pte_frame(e));
}

/* Shares an anonymous page: the child's entry, but for its age. */
static inline pte_t share_anon(struct copy *c, struct folio *f, pte_t *slot, uint64_t addr, pte_t e,
			       bool large)
{
	if (RULE(fork_clears_exclusive) && folio_test(f, FOLIO_EXCLUSIVE))
		folio_clear(f, FOLIO_EXCLUSIVE);
	share(c, f, e, large);
	if (e & PTE_WRITE)
		copy_take_write_bit(c, slot, addr, PAGE_SIZE, &e);
	return e;
}

/* For all pinned pages from addr on: one flush does for the table, however many they are. */
static void take_pinned_write_bits(struct copy *c, pte_t *first, uint64_t addr, uint64_t end)
{
	const struct quire_machine *m = c->m;

	for (int64_t i = 0; addr < end; i++, addr += PAGE_SIZE) {
		pte_t *slot = pt_nth(first, i), e = atomic_load_relaxed(slot);

		if ((e & PTE_WRITE) && entry_kind(m, e) == ENTRY_ANON &&
		    folio_pins(entry_folio(m, e)))
			copy_take_write_bit(c, slot, addr, PAGE_SIZE, &e);
	}
}

/* Instead of a child's entry: the parent's must be flushed first. */
#define FLUSH_FIRST entry_make(ENTRY_TYPE_NONE, 1) /* of no kind that there is */

static __attribute__((noinline)) pte_t copy_pinned_or_large(struct copy *c, pte_t *slot,
							    uint64_t addr, pte_t e)
{
	struct folio *f = entry_folio(c->m, e);

	if (!RULE(fork_copies_pinned) || !folio_pins(f))
		e = share_anon(c, f, slot, addr, e, folio_order(f) != 0);
	else if (RULE(fork_flushes_pinned) && (e & PTE_WRITE))
		return FLUSH_FIRST;
	else
		e = duplicate(c, f, e);
	if (e)
		c->rss[MM_ANON]++;
	return e & ~PTE_ACCESSED;
}

static inline pte_t copy_anon(struct copy *c, pte_t *slot, uint64_t addr, pte_t e)
{
	struct folio *f = pfn_folio(c->m, pte_frame(e));

	if (unlikely(!folio_is_plain(f)))
		return copy_pinned_or_large(c, slot, addr, e);
	c->rss[MM_ANON]++;
	return share_anon(c, f, slot, addr, e, false) & ~PTE_ACCESSED;
}

/* When it comes back it is no longer the parent's alone. */
pte_t copy_migration(struct copy *c, pte_t *slot, uint64_t addr, uint64_t bytes, pte_t e)
{
	const struct quire_machine *m = c->m;
	struct folio *f = migration_folio(m, e);
	pte_t was = migration_back(e, migration_frame(e));

	c->rss[rss_counter(f)] += (int64_t)(bytes >> PAGE_SHIFT);
	if (folio_test(f, FOLIO_ANON) && RULE(fork_shares_migration)) {
		Q_ASSERT(m, !folio_pins(f)); /* entry.h, 4 */
		if ((was & PTE_WRITE) && RULE(flush_migration))
			copy_note_flush(c, addr, bytes);
		was &= ~PTE_WRITE;
		atomic_store(slot, migration_of(was, false));
	}
	return migration_of(was & ~PTE_ACCESSED, false);
}

/* The child's entry for e, with its counts taken; FLUSH_FIRST; 0: there is none, or no memory. */
static inline pte_t copy_entry(struct copy *c, pte_t *slot, uint64_t addr, pte_t e)
{
	const struct quire_machine *m = c->m;

	switch (entry_kind(m, e)) {
	case ENTRY_NONE:
		return 0;
	case ENTRY_ANON:
		return copy_anon(c, slot, addr, e);
	case ENTRY_CACHE:
		share(c, entry_folio(m, e), e, folio_order(entry_folio(m, e)) != 0);
		c->rss[rss_counter(entry_folio(m, e))]++;
		return e & ~PTE_ACCESSED;
	case ENTRY_ZERO:
		return e & ~PTE_ACCESSED;
	case ENTRY_EXTERNAL:
		c->rss[MM_FILE]++;
		return e & ~PTE_ACCESSED;
	case ENTRY_MIGRATION:
		return copy_migration(c, slot, addr, PAGE_SIZE, e);
	case ENTRY_SWAP:
	case ENTRY_MARKER:
		return e;
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(m);
}

/* Both tables are locked.  -EAGAIN: flush, and go on from *addr. */
static int copy_locked(struct copy *c, struct pt_ref *dst, struct pt_ref *src, uint64_t *addr,
		       uint64_t end)
{
	uint64_t at = *addr;
	uint32_t copied = 0;
	int64_t i = 0;
	int err = 0;

	for (; at < end; i++, at += PAGE_SIZE) {
		pte_t *slot = pt_nth(src->entry, i), e = atomic_load_relaxed(slot), val;

		if (entry_none(e))
			continue;
		val = copy_entry(c, slot, at, e);
		if (unlikely(!val || val == FLUSH_FIRST)) {
			err = val == FLUSH_FIRST ? -QEAGAIN : -ENOPAGE;
			break;
		}
		STEP("copies entry %#lx of %#lx to the child", val, at);
		atomic_store(pt_nth(dst->entry, i), val);
		copied++;
	}
	count_run(c);
	dst->table->pt.used += copied;
	c->entries += copied;
	*addr = at;
	if (err == -QEAGAIN)
		take_pinned_write_bits(c, pt_nth(src->entry, i), at, end);
	return err;
}

void copy_begin(struct copy *c)
{
	c->entries = 0;
	c->mapped_anon = 0;
	c->flush_start = UINT64_MAX;
	c->flush_end = 0;
	c->flush_pages = 0;
	memset(c->rss, 0, sizeof(c->rss));
}

void copy_commit(struct copy *c)
{
	struct quire_mm *child = c->dst->mm;
	struct quire_machine *m = child->machine;

	for (unsigned kind = 0; kind < MM_NR_PAGES; kind++)
		if (c->rss[kind])
			mm_count(child, kind, c->rss[kind]);
	if (c->mapped_anon)
		atomic_add_relaxed(&m->cpus[this_cpu(&m->port)].mapped_anon, c->mapped_anon);
	c->src->mm->fork_entries += c->entries;
	if (RULE(fork_flush))
		tlb_range(c->g, c->flush_start, c->flush_end, c->flush_pages);
}

/* Nothing there: no table is made for the child. */
static bool table_is_empty(struct quire_mm *mm, uint64_t addr)
{
	struct pt_ref ref;
	bool empty;

	if (!pt_lock(mm, addr, &ref))
		return true;
	empty = ref.table->pt.used == 0;
	pt_unlock(&ref);
	return empty;
}

/* -EAGAIN: as copy_locked(). */
static int copy_table_from(struct copy *c, uint64_t *addr, uint64_t end)
{
	struct pt_ref dst, src;
	int err = pt_lock_alloc(c->dst->mm, *addr, &dst);

	if (err)
		return err;
	copy_begin(c);
	if (pt_lock_nested(c->src->mm, *addr, &src)) {
		err = copy_locked(c, &dst, &src, addr, end);
		pt_unlock_nested(&src);
	}
	pt_unlock(&dst);
	copy_commit(c);
	return err;
}

static int copy_table(struct copy *c, uint64_t addr, uint64_t end)
{
	int err;

	if (table_is_empty(c->src->mm, addr))
		return 0;
	if (table_is_empty(c->dst->mm, addr))
		c->src->mm->fork_tables++;
	while ((err = copy_table_from(c, &addr, end)) == -QEAGAIN)
		tlb_flush_now(c->g);
	return err;
}

int copy_entries(struct mmu_gather *g, struct vma *dst, struct vma *src)
{
	struct copy c = {.m = src->mm->machine, .g = g, .dst = dst, .src = src};
	struct pt_cursor at;
	int err = 0;

	if (!must_copy(dst, src))
		return 0;
	pt_cursor_begin(&at, src->mm, src->start, src->end);
	while (!err && pt_next_table(&at)) {
		err = likely(!at.level) ? copy_table(&c, at.addr, at.stop)
					: copy_upper(&c, at.addr, at.level);
	}
	return err;
}
