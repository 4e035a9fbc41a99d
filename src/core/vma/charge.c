/* SPDX-License-Identifier: MIT */
/*
 * charge.c: accounts that kinds of mapping keep of their own (vma_ops.charge), a pool for example.
 *
 * Owns nothing.  Under M of the VMAs' mm.  An account is known by its kind and vma->private.
 *
 *   1  What an account is charged is the sum of the pages of its published VMAs.  So an edit that
 *      splits, merges or moves charges nothing: pages of its VMAs in and out are summed up first.
 *   2  More is charged before the edit is committed, and may fail; less is given back when entries
 *      are gone.  In between the account has both.
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

/* Up to `end`. */
static void undo_until(const struct vma *end, struct vma *added, struct vma *removed)
{
	for (struct vma *v = added; v != end; v = v->chain) {
		int64_t pages = growth(v, added, removed);

		if (pages > 0)
			v->ops->charge(v, -pages);
	}
}

int charge_more(struct vma *added, struct vma *removed)
{
	for (struct vma *v = added; v; v = v->chain) {
		int64_t pages = growth(v, added, removed);
		int err = pages > 0 ? v->ops->charge(v, pages) : 0;

		if (err) {
			undo_until(v, added, removed);
			return err;
		}
	}
	return 0;
}

void charge_undo(struct vma *added, struct vma *removed)
{
	undo_until(NULL, added, removed);
}

/* What has no VMA among the added goes one by one: there may be many. */
void charge_less(struct vma *added, struct vma *removed)
{
	for (struct vma *v = added; v; v = v->chain) {
		int64_t pages = growth(v, added, removed);

		if (pages < 0)
			v->ops->charge(v, pages);
	}
	for (struct vma *v = removed; v; v = v->chain)
		if (v->ops->charge && !find_account(added, v))
			v->ops->charge(v, -(int64_t)vma_pages(v));
}
