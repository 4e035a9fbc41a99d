/* SPDX-License-Identifier: MIT */
/*
 * fork.c: fork(2) of an address space.
 *
 * Under the parent's M and the child's (M'): the child's tree is built in one
 * transaction, its VMAs enter their files' interval trees behind the parent's
 * (so truncation meets the source of a copy first), then entries are copied and
 * the parent flushed before either runs on.  A failure anywhere is an exit of
 * the child; the parent only has entries that a write fault makes good again.
 */
#include "core/file/file.h"
#include "core/frame/reclaim.h"
#include "core/huge/cgroup.h"
#include "core/rmap/root.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

#define CHILD_CLEARS (VM_LOCKED | VM_LOCKONFAULT)

static struct vma *dup_vma(struct quire_mm *child, const struct vma *src)
{
	struct vma_spec s = vma_spec_of(src, src->start, src->end);

	s.flags &= ~CHILD_CLEARS;
	s.anon_id = 0;
	s.moved = NULL; /* the parent's */
	if ((s.flags & VM_ACCOUNT) && !mm_may_commit(child, (int64_t)vma_pages(src)))
		return NULL;
	return vma_new(child, &s);
}

static int insert_copies(struct rtree_txn *txn, struct vma **chain, struct quire_mm *child,
			 struct quire_mm *parent)
{
	struct rtree_range r;
	struct vma *src;

	rtree_for_each (&parent->vmas, 0, UINT64_MAX, r, src) {
		struct vma *vma;

		if (src->flags & VM_DONTCOPY)
			continue;
		vma = dup_vma(child, src);
		if (!vma)
			return -QENOMEM;
		vma->chain = *chain;
		*chain = vma;
		if (rtree_txn_insert(txn, vma->start, vma->end, vma) != 0)
			return -QENOMEM;
	}
	return 0;
}

static void free_chain(struct vma *chain)
{
	while (chain) {
		struct vma *next = chain->chain;

		vma_free_now(chain);
		chain = next;
	}
}

static int dup_tree(struct quire_mm *child, struct quire_mm *parent)
{
	struct vma *chain = NULL;
	struct rtree_txn txn;
	int err;

	rtree_txn_begin(&txn, &child->vmas, &child->tree_env);
	err = insert_copies(&txn, &chain, child, parent);
	if (!err && atomic_load_relaxed(&child->machine->own_charges))
		err = charge_forked(chain);
	if (err) {
		rtree_txn_abort(&txn);
		free_chain(chain);
		return err;
	}
	for (struct vma *v = chain; v; v = v->chain) {
		mapping_link(v);
		mm_account_vma(child, v, 1);
		mm_note_request(child, (int64_t)vma_charged(v));
	}
	rtree_txn_commit(&txn);
	STEP("gives the child its tree of VMAs");
	mm_note_peaks(child);
	return 0;
}

static int copy_all_entries(struct quire_mm *child, struct quire_mm *parent)
{
	struct mmu_gather g;
	struct rtree_range r;
	struct vma *dst;
	int err = 0;

	STEP("says that a fork is going on");
	atomic_store(&parent->forking, 1);
	atomic_fence();
	tlb_begin(&g, parent);
	rtree_for_each (&child->vmas, 0, UINT64_MAX, r, dst) {
		struct vma *src = vma_find(parent, r.start);

		if (dst->flags & VM_WIPEONFORK)
			continue;
		vma_inherit(dst, src);
		err = copy_entries(&g, dst, src);
		if (!err && unlikely(dst->ops->forked != NULL) && !dst->ops->forked(dst, src))
			err = -QENOMEM;
		if (err)
			break;
	}
	tlb_finish(&g);
	STEP("says that the fork is over");
	atomic_store(&parent->forking, 0);
	return err;
}

static void dup_settings(struct quire_mm *child, const struct quire_mm *parent)
{
	child->start_brk = parent->start_brk;
	child->brk = parent->brk;
	child->data_bytes = parent->data_bytes;
	child->start_stack = parent->start_stack;
	child->mmap_base = parent->mmap_base;
	child->ignore_memlock = parent->ignore_memlock;
	child->data_rlimit_max = atomic_load_relaxed(&parent->data_rlimit_max);
	if (unlikely(atomic_load_relaxed(&parent->huge_group) != NULL))
		huge_group_inherit(child->machine, &child->huge_group, &parent->huge_group);
	for (unsigned i = 0; i < QUIRE_NR_RLIMITS; i++)
		atomic_store_relaxed(&child->rlimit[i], atomic_load_relaxed(&parent->rlimit[i]));
}

static int fork_locked(struct quire_mm *child, struct quire_mm *parent)
{
	uint64_t entries = parent->fork_entries, tables = parent->fork_tables;
	int err;

	if (parent->exited)
		return -QENOMEM;
	dup_settings(child, parent);
	err = dup_tree(child, parent);
	if (RULE(child_linked_first))
		anon_root_fork(parent, child);
	if (!err)
		err = copy_all_entries(child, parent);
	if (!RULE(child_linked_first))
		anon_root_fork(parent, child);
	if (!err) {
		parent->forks++;
	} else { /* may be tried again: only what a child has got counts */
		parent->fork_entries = entries;
		parent->fork_tables = tables;
	}
	return err;
}

static int try_fork(struct quire_mm *parent, void *child_cookie, struct quire_mm **out)
{
	const struct quire_port *port = &parent->machine->port;
	struct quire_mm_options opts = {.size = sizeof(opts), .cookie = child_cookie};
	struct quire_mm *child;
	int err = mm_create(parent->machine, &opts, &child);

	if (err)
		return err;
	mm_lock(parent);
	mutex_lock(port, &child->mmap_lock, RANK_MMAP_NESTED);
	err = fork_locked(child, parent);
	mutex_unlock(port, &child->mmap_lock, RANK_MMAP_NESTED);
	mm_unlock(parent);
	if (err) {
		quire_mm_put(child);
		return err;
	}
	*out = child;
	return 0;
}

int quire_mm_fork(struct quire_mm *parent, void *child_cookie, struct quire_mm **out)
{
	struct reclaim r;
	int err;

	reclaim_begin(parent->machine, &r);
	do
		err = try_fork(parent, child_cookie, out);
	while (err && reclaim_for(parent, &r, err, false));
	return memory_errno(err);
}
