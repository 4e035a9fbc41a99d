/* SPDX-License-Identifier: MIT */
/*
 * charge.c: accounts that kinds of mapping keep of their own (vma_ops.charge, cut), a pool for
 * example.
 *
 * Owns nothing.  Under M of the VMAs' mm.  An account is known by its kind and vma->private.
 *
 *   1  What an account is charged is the sum of the pages of its published VMAs.  So an edit that
 *      splits, merges or moves charges nothing: pages of its VMAs in and out are summed up first.
 *   2  More is charged before the edit is committed, and may fail; less is given back when entries
 *      are gone.  In between the account has both.
 *   3  A VMA goes on in another where that has the same account and the same offsets, whatever its
 *      address.  What of a removed one goes on nowhere is cut (vma_ops.cut), once.
 */
#include "core/vma/limits.h"

static bool same_account(const struct vma *a, const struct vma *b)
{
	return a->ops == b->ops && a->private == b->private;
}

static struct vma *find_account(struct vma *chain, const struct vma *vma)
{
	while (chain && !same_account(chain, vma))
		chain = chain->chain;
	return chain;
}

static int64_t pages_in(const struct vma *chain, const struct vma *vma)
{
	int64_t pages = 0;

	for (; chain; chain = chain->chain)
		if (same_account(chain, vma))
			pages += (int64_t)vma_pages(chain);
	return pages;
}

/*
 * By how much the account of `vma` grows: once for each account of `added`, and otherwise 0.  Where
 * nothing goes each VMA counts for itself: a fork adds many.
 */
static int64_t growth(struct vma *vma, struct vma *added, const struct vma *removed)
{
	if (!vma->ops->charge)
		return 0;
	if (!removed)
		return (int64_t)vma_pages(vma);
	if (find_account(added, vma) != vma)
		return 0;
	return pages_in(added, vma) - pages_in(removed, vma);
}

/* What a fork's child is charged: nothing, if its kind says what a fork does. */
static int64_t growth_by(struct vma *vma, struct vma *added, const struct vma *removed, bool forked)
{
	return forked && vma->ops->forked ? 0 : growth(vma, added, removed);
}

/* Up to `end`. */
static void undo_until(const struct vma *end, struct vma *added, struct vma *removed, bool forked)
{
	for (struct vma *v = added; v != end; v = v->chain) {
		int64_t pages = growth_by(v, added, removed, forked);

		if (pages > 0)
			v->ops->charge(v, -pages);
	}
}

static int charge_all(struct vma *added, struct vma *removed, bool forked)
{
	for (struct vma *v = added; v; v = v->chain) {
		int64_t pages = growth_by(v, added, removed, forked);
		int err = pages > 0 ? v->ops->charge(v, pages) : 0;

		if (err) {
			undo_until(v, added, removed, forked);
			return err;
		}
	}
	return 0;
}

int charge_more(struct vma *added, struct vma *removed)
{
	return charge_all(added, removed, false);
}

int charge_forked(struct vma *added)
{
	return charge_all(added, NULL, true);
}

void charge_undo(struct vma *added, struct vma *removed)
{
	undo_until(NULL, added, removed, false);
}

/* Where the part of the account that is going on at `pgoff` ends; pgoff: none is. */
static uint64_t goes_on_until(struct vma *added, const struct vma *vma, uint64_t pgoff)
{
	for (struct vma *v = added; v; v = v->chain)
		if (same_account(v, vma) && v->pgoff <= pgoff && pgoff < v->pgoff + vma_pages(v))
			return v->pgoff + vma_pages(v);
	return pgoff;
}

/* The next after pgoff at which the account goes on, but `end` at most. */
static uint64_t goes_on_from(struct vma *added, const struct vma *vma, uint64_t pgoff, uint64_t end)
{
	for (struct vma *v = added; v; v = v->chain)
		if (same_account(v, vma) && v->pgoff > pgoff && v->pgoff < end)
			end = v->pgoff;
	return end;
}

/* Invariant 3. */
static void cut_gone(struct vma *vma, struct vma *added)
{
	uint64_t end = vma->pgoff + vma_pages(vma);

	for (uint64_t at = vma->pgoff, next; at < end; at = next) {
		uint64_t addr = vma->start + ((at - vma->pgoff) << PAGE_SHIFT);

		next = goes_on_until(added, vma, at);
		if (next > at)
			continue;
		next = goes_on_from(added, vma, at, end);
		vma->ops->cut(vma, addr, addr + ((next - at) << PAGE_SHIFT));
	}
}

/* What has no VMA among the added goes one by one: there may be many. */
void charge_less(struct vma *added, struct vma *removed)
{
	for (struct vma *v = added; v; v = v->chain) {
		int64_t pages = v->ops->cut ? 0 : growth(v, added, removed);

		if (pages < 0)
			v->ops->charge(v, pages);
	}
	for (struct vma *v = removed; v; v = v->chain) {
		if (v->ops->cut)
			cut_gone(v, added);
		else if (v->ops->charge && !find_account(added, v))
			v->ops->charge(v, -(int64_t)vma_pages(v));
	}
}

bool charge_may_return(const struct vma *removed)
{
	while (removed && !removed->ops->cut)
		removed = removed->chain;
	return removed != NULL;
}
