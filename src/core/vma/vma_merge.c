/* SPDX-License-Identifier: MIT */
/*
 * vma_merge.c: when two VMAs are one.
 *
 * Adjacent mappings are merged as Linux merges them, which /proc/PID/maps and
 * the map count show: the same flags (soft-dirty aside, which the merged VMA
 * has if either had it), the same file and policy, offsets that continue, and the same in what
 * their kind keeps of them.  Anonymous memory has an offset too, the address at which it was first
 * mapped, so that what mremap has moved only merges with what moved along with it.  Private memory
 * that was touched has an identity (identity.c), by which the kernel keeps apart what it looks for
 * in different ways.  All of this runs inside an edit, under M.
 */
#include "core/vma/edit.h"
#include "core/vma/vma.h"

static bool flags_match(uint64_t a, uint64_t b)
{
	return !(((a ^ b) & ~VM_SOFTDIRTY) | (a & VM_DONTEXPAND));
}

static uint64_t spec_pages(const struct vma_spec *s)
{
	return (s->end - s->start) >> PAGE_SHIFT;
}

/* Only mappings of files have private. */
static bool private_allows(const struct vma_spec *a, const struct vma_spec *b)
{
	const struct vma_ops *ops = a->file->facts.vma_ops;

	return !ops->may_merge || ops->may_merge(a, b);
}

/* b follows a without a gap, in the address space and in the file. */
static bool mergeable(const struct vma_spec *a, const struct vma_spec *b)
{
	return a->end == b->start && a->file == b->file && flags_match(a->flags, b->flags) &&
	       a->policy == b->policy && a->pgoff + spec_pages(a) == b->pgoff &&
	       a->private == b->private && (likely(!a->private) || private_allows(a, b));
}

/* A VMA in the making: it grows over neighbours that are the same. */
struct merge {
	const struct vma_spec *s; /* the caller's, until it grows */
	struct vma_spec *grown;
	uint64_t from, to;                /* of the VMAs that it takes the place of */
	bool touches_left, touches_right; /* there may be somebody to merge with */
	bool left, right;                 /* what the cut has left there stays a VMA of its own */
	bool longer;                      /* it was there before, and has grown at its end */
};

static void take_whole(struct vma_edit *e, struct merge *m, struct vma *vma)
{
	if (m->from == m->to) {
		m->from = vma->start;
		m->to = vma->end;
	} else if (vma->start < m->from) {
		m->from = vma->start;
	} else {
		m->to = vma->end;
	}
	edit_take(e, vma);
}

static bool identities_match(uint64_t a, uint64_t b)
{
	return a && b ? a == b : !((a | b) & ANON_INHERITED);
}

/* identity.c, 4: what has grown takes what is untouched behind it. */
static bool takes_untouched(const struct merge *m, const struct vma_spec *behind)
{
	return m->longer && behind != m->s && !behind->anon_id;
}

static inline struct vma_spec *own_spec(struct merge *m)
{
	if (m->s != m->grown)
		*m->grown = *m->s;
	m->s = m->grown;
	return m->grown;
}

/* identity.c, 4 and 5: the two, which are mergeable, may be one, which has m's identity then. */
static __attribute__((noinline)) bool merge_identities(struct merge *m, const struct vma_spec *a,
						       const struct vma_spec *b)
{
	int64_t delta = a->anon_id ? a->anon_delta : b->anon_delta;
	struct vma_spec *s;

	if (!identities_match(a->anon_id, b->anon_id) && !takes_untouched(m, b))
		return false;
	if (unlikely(a->anon_delta != b->anon_delta)) {
		if (a->anon_id && b->anon_id)
			return false;
		if ((int64_t)(a->start >> PAGE_SHIFT) + delta < 0) /* there is no such index */
			return false;
	}
	s = own_spec(m);
	s->moved = a->moved ? a->moved : b->moved;
	s->anon_id = a->anon_id | b->anon_id;
	s->anon_delta = delta;
	return true;
}

static inline bool identities_allow(struct merge *m, const struct vma_spec *a,
				    const struct vma_spec *b)
{
	return likely(a->anon_id == b->anon_id && a->anon_delta == b->anon_delta) ||
	       merge_identities(m, a, b);
}

static bool grow_left(struct merge *m, const struct vma_spec *p)
{
	struct vma_spec *s;

	if (!identities_allow(m, p, m->s))
		return false;
	s = own_spec(m);
	s->start = p->start;
	s->pgoff = p->pgoff;
	s->flags |= p->flags;
	return true;
}

static bool grow_right(struct merge *m, const struct vma_spec *n)
{
	struct vma_spec *s;

	if (!identities_allow(m, m->s, n))
		return false;
	s = own_spec(m);
	s->end = n->end;
	s->flags |= n->flags;
	return true;
}

static void merge_left(struct vma_edit *e, struct merge *m, const struct rtree *view)
{
	struct vma *prev;
	struct vma_spec p;

	if (!m->touches_left)
		return;
	if (m->left) {
		m->left = !(mergeable(&e->cut.left, m->s) && grow_left(m, &e->cut.left));
		return;
	}
	prev =
	    rtree_prev(view, m->from < m->to ? min_u64(m->from, m->s->start) : m->s->start, NULL);
	if (!prev || prev->end != m->s->start)
		return;
	p = vma_spec_of(prev, prev->start, prev->end);
	if (!mergeable(&p, m->s))
		return;
	p.anon_id = edit_ask(e, prev);
	if (grow_left(m, &p))
		take_whole(e, m, prev);
	else
		edit_spare(e, prev);
}

static void merge_right(struct vma_edit *e, struct merge *m, const struct rtree *view)
{
	struct vma *next;
	struct vma_spec n;

	if (!m->touches_right)
		return;
	if (m->right) {
		m->right = !(mergeable(m->s, &e->cut.right) && grow_right(m, &e->cut.right));
		return;
	}
	next = rtree_find(view, m->s->end, NULL);
	if (!next || next->start != m->s->end)
		return;
	n = vma_spec_of(next, next->start, next->end);
	if (!mergeable(m->s, &n))
		return;
	n.anon_id = edit_ask(e, next);
	if (grow_right(m, &n))
		take_whole(e, m, next);
	else
		edit_spare(e, next);
}

/* The cut was of the very range: what it has met is known. */
static const struct rtree *merge_with_cut(struct vma_edit *e, struct merge *m)
{
	if (e->cut.from == e->cut.to) {
		m->touches_left = e->txn.before == m->s->start;
		m->touches_right = e->txn.behind == m->s->end;
		return rtree_txn_view(&e->txn);
	}
	m->from = e->cut.from;
	m->to = e->cut.to;
	m->left = e->cut.has_left;
	m->right = e->cut.has_right;
	return rtree_txn_view(&e->txn);
}

static inline struct vma *add_merged(struct vma_edit *e, const struct vma_spec *spec, bool longer)
{
	struct vma_spec grown;
	struct merge m = {.s = spec,
			  .grown = &grown,
			  .touches_left = !longer,
			  .touches_right = true,
			  .longer = longer};
	const struct rtree *view;

	if (e->cut.start == spec->start && e->cut.end == spec->end)
		view = merge_with_cut(e, &m);
	else
		view = edit_view(e);
	if (e->err)
		return NULL;
	merge_left(e, &m, view);
	merge_right(e, &m, view);
	return edit_replace(e, m.from, m.to, m.left, m.s, m.right);
}

struct vma *edit_add_merged(struct vma_edit *e, const struct vma_spec *spec)
{
	return add_merged(e, spec, false);
}

struct vma *edit_add_grown(struct vma_edit *e, const struct vma_spec *spec)
{
	return add_merged(e, spec, true);
}

int vma_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		     uint64_t flags, struct vma **out)
{
	edit_begin(e, vma->mm);
	return edit_change_flags(e, vma, start, end, flags, out);
}

static int change(struct vma_edit *e, const struct vma_spec *s, struct vma **out)
{
	edit_cut(e, s->start, s->end);
	*out = edit_add_merged(e, s);
	return edit_commit_or_abort(e);
}

int edit_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		      uint64_t flags, struct vma **out)
{
	struct vma_spec s = edit_spec_of(e, vma, start, end);

	s.flags = flags;
	return change(e, &s, out);
}

int vma_change_policy(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		      uint64_t policy, struct vma **out)
{
	struct vma_spec s;

	edit_begin(e, vma->mm);
	s = edit_spec_of(e, vma, start, end);
	s.policy = policy;
	return change(e, &s, out);
}
