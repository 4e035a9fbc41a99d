/* SPDX-License-Identifier: MIT */
/*
 * copy_leaf.c: fork's copy of one entry of an upper table: a leaf, or one without PRESENT.
 *
 * Owns nothing.  Both M are held, and both tables' locks while the entry is copied: first the
 * child's U, which nobody else nests in one, then the parent's (U').  So a walk finds the entry at
 * the parent's, and then the child's, or at both.  copy.c, 1 to 3, as for small entries.
 *
 *   1  A private leaf counts for each of its pages, in both.  Where that is more than can be
 *      counted (folio.c, 5), fork fails.
 *   2  What the child gets instead of a pinned large page is its kind's affair
 *      (vma_ops.copy_pinned), which is asked without spinlocks, after the parent's write bit has
 *      gone and is flushed: nobody gives it back before the fork is over.  If the parent's entry is
 *      another afterwards (a truncation took it), all begins anew.
 */
#include "core/table/copy.h"
#include "core/table/entry.h"
#include "core/table/mapcount.h"
#include "core/table/pagetable.h"

struct leaf {
	struct copy *c;
	uint64_t addr, span;
	unsigned level;
	struct folio *pinned; /* of the parent's entry, with a reference: invariant 2 */
	struct folio *instead;
	bool asked; /* .. for it: the answer is in `instead` */
};

static int64_t pages_of(const struct leaf *l)
{
	return (int64_t)(l->span >> PAGE_SHIFT);
}

/* 0, or -ENOMEM: invariant 1. */
static int share_folio(struct leaf *l, struct folio *f)
{
	bool first;
	int err = folio_map_whole(f, (uint32_t)pages_of(l), &first);

	if (!err)
		l->c->rss[rss_counter(f)] += pages_of(l);
	return err;
}

/* The parent's entry keeps the folio: its U is held. */
static int share_private(struct leaf *l, pte_t *slot, pte_t *e)
{
	struct folio *f = entry_folio(l->c->m, *e);
	int err = share_folio(l, f);

	if (err)
		return err;
	if (RULE(fork_clears_exclusive) && folio_test(f, FOLIO_EXCLUSIVE))
		folio_clear(f, FOLIO_EXCLUSIVE);
	if (*e & PTE_WRITE)
		copy_take_write_bit(l->c, slot, l->addr, l->span, e);
	return 0;
}

/* -EAGAIN: the kind is to be asked first. */
static int copy_pinned(struct leaf *l, pte_t *slot, pte_t *e)
{
	struct copy *c = l->c;
	struct folio *f = entry_folio(c->m, *e), *new = l->instead;

	if (!l->asked || l->pinned != f) {
		if (*e & PTE_WRITE)
			copy_take_write_bit(c, slot, l->addr, l->span, e);
		if (l->pinned)
			return -QEAGAIN; /* it goes first */
		folio_get(f);
		l->pinned = f;
		return -QEAGAIN;
	}
	l->instead = NULL;
	if (!new) {
		*e = 0;
		return 0;
	}
	rmap_new(new, (unsigned)pages_of(l));
	c->rss[rss_counter(new)] += pages_of(l);
	if (rss_counter(new) == MM_ANON)
		c->mapped_anon += pages_of(l);
	*e = pte_make(folio_pfn(c->m, new), *e & ~QUIRE_PTE_FRAME_MASK);
	return 0;
}

static int copy_private(struct leaf *l, pte_t *slot, pte_t *e)
{
	const struct folio *f = entry_folio(l->c->m, *e);

	if (l->asked || (folio_pins(f) && RULE(fork_copies_pinned)))
		return copy_pinned(l, slot, e);
	return share_private(l, slot, e);
}

/* *e, the parent's, becomes the child's.  Both locked. */
static int copy_entry(struct leaf *l, pte_t *slot, pte_t *e)
{
	const struct quire_machine *m = l->c->m;

	switch (entry_kind(m, *e)) {
	case ENTRY_ANON:
		return copy_private(l, slot, e);
	case ENTRY_CACHE:
		return share_folio(l, entry_folio(m, *e));
	case ENTRY_EXTERNAL:
		l->c->rss[MM_FILE] += pages_of(l);
		return 0;
	case ENTRY_MIGRATION:
		*e = copy_migration(l->c, slot, l->addr, l->span, *e);
		return 0;
	case ENTRY_NONE:
	case ENTRY_ZERO:
	case ENTRY_SWAP:
	case ENTRY_MARKER:
		return 0;
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(m);
}

static int copy_locked(struct leaf *l, struct pt_ref *dst, struct pt_ref *src)
{
	pte_t e = atomic_load_relaxed(src->entry);
	int err = copy_entry(l, src->entry, &e);

	if (err || entry_none(e))
		return err;
	Q_ASSERT(l->c->m, entry_none(atomic_load_relaxed(dst->entry)));
	STEP("copies entry %#lx of level %u of %#lx to the child", e, l->level, l->addr);
	pt_set(dst, dst->entry, pte_present(e) ? e & ~PTE_ACCESSED : e);
	l->c->entries++;
	return 0;
}

static int copy_once(struct leaf *l)
{
	struct copy *c = l->c;
	struct pt_ref dst, src;
	int err = pt_lock_upper_alloc(c->dst->mm, l->addr, l->level, &dst);

	if (err)
		return err;
	copy_begin(c);
	if (pt_lock_upper_nested(c->src->mm, l->addr, l->level, &src)) {
		err = copy_locked(l, &dst, &src);
		pt_unlock_nested(&src);
	}
	pt_unlock(&dst);
	copy_commit(c);
	return err;
}

static void forget_answer(struct leaf *l)
{
	if (l->instead)
		folio_put(l->c->m, l->instead);
	if (l->pinned)
		folio_put(l->c->m, l->pinned);
	l->instead = l->pinned = NULL;
	l->asked = false;
}

/* Invariant 2. */
static int ask_kind(struct leaf *l)
{
	struct vma *dst = l->c->dst;
	int err;

	if (l->asked) { /* of another page */
		forget_answer(l);
		return 0;
	}
	if (RULE(fork_flushes_pinned))
		tlb_flush_now(l->c->g);
	if (!dst->ops->copy_pinned)
		return -QENOMEM;
	err = dst->ops->copy_pinned(dst, l->addr, l->pinned, &l->instead);
	l->asked = true;
	if (err || !l->instead)
		return err;
	atomic_store_relaxed(&l->instead->root, dst->mm->anon);
	l->instead->index = l->pinned->index;
	folio_set(l->instead, FOLIO_ANON | FOLIO_EXCLUSIVE | FOLIO_UPTODATE);
	return 0;
}

int copy_upper(struct copy *c, uint64_t addr, unsigned level)
{
	struct leaf l = {.c = c, .addr = addr, .span = slot_span(level), .level = level};
	int err;

	Q_ASSERT(c->m, !(addr & (l.span - 1)) && c->src->end - addr >= l.span);
	while ((err = copy_once(&l)) == -QEAGAIN) {
		err = ask_kind(&l);
		if (err)
			break;
	}
	forget_answer(&l);
	return err;
}
