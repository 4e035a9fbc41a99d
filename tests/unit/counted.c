/* SPDX-License-Identifier: MIT */
/*
 * counted.c: a kind of mapping in one file.  Content: pages of zeros, each mapping's own.
 *
 *   1  Each mapping has an account, which the VMAs that it falls into share, those of forks too:
 *      vma->private.  It goes with the last of them, a grace period later: a fault looks at it.
 */
#include "core/base/kmem.h"
#include "core/kind/kind.h"
#include "core/vma/vma.h"
#include "counted.h"

struct account {
	uint64_t magic;
	struct quire_machine *machine;
	uint64_t vmas; /* A */
	struct quire_rcu_head rcu;
};

static struct counted *counted_of(const struct quire_file *file)
{
	return file->priv;
}

static enum quire_fault_result counted_fault(struct fault *f)
{
	const struct account *account = f->vma->private;
	struct folio *folio;

	Q_ASSERT(f->mm->machine, account->magic == ACCOUNT_MAGIC);
	folio = anon_folio(f, ALLOC_ZERO);
	return folio ? fault_install_one(f, folio, QUIRE_KIND_ANON) : fault_lost(f, -ENOPAGE);
}

static bool counted_open(struct vma *vma)
{
	struct quire_machine *m = vma->mm->machine;
	struct account *account = vma->private;

	if (!account) {
		account = kmem_zalloc(m, sizeof(*account));
		if (!account)
			return false;
		account->magic = ACCOUNT_MAGIC;
		account->machine = m;
		atomic_add(&counted_of(vma->file)->accounts, 1);
		vma->private = account;
	}
	atomic_add(&account->vmas, 1);
	atomic_add(&counted_of(vma->file)->opens, 1);
	return true;
}

static void account_free(struct quire_rcu_head *head)
{
	struct account *account = container_of(head, struct account, rcu);

	account->magic = 0;
	kmem_free(account->machine, account, sizeof(*account));
}

static void counted_close(struct vma *vma)
{
	const struct quire_port *port = &vma->mm->machine->port;
	struct account *account = vma->private;

	atomic_add(&counted_of(vma->file)->closes, 1);
	if (atomic_sub(&account->vmas, 1))
		return;
	atomic_sub(&counted_of(vma->file)->accounts, 1);
	port->call_rcu(port->ctx, &account->rcu, account_free);
}

static int counted_charge(struct vma *vma, int64_t pages)
{
	struct counted *c = counted_of(vma->file);

	if (atomic_add(&c->charged, pages) <= c->limit || pages < 0)
		return 0;
	atomic_sub(&c->charged, pages);
	return -QENOMEM;
}

/* What is cut is not mapped by then, and was charged. */
static void counted_cut(struct vma *vma, uint64_t start, uint64_t end)
{
	struct counted *c = counted_of(vma->file);

	Q_ASSERT(vma->mm->machine, vma->start <= start && start < end && end <= vma->end);
	Q_ASSERT(vma->mm->machine, vma_is_dead(vma));
	Q_ASSERT(vma->mm->machine, ((struct account *)vma->private)->magic == ACCOUNT_MAGIC);
	atomic_add(&c->cuts, 1);
	c->last_cut[0] = start;
	c->last_cut[1] = end;
	atomic_sub(&c->charged, (int64_t)((end - start) >> PAGE_SHIFT));
}

static int counted_may_split(const struct vma *vma, uint64_t addr)
{
	Q_ASSERT(vma->mm->machine, vma->start < addr && addr < vma->end);
	return counted_of(vma->file)->no_split;
}

static bool counted_may_merge(const struct vma_spec *left, const struct vma_spec *right)
{
	(void)right;
	return !counted_of(left->file)->no_merge;
}

static int counted_may_move(const struct vma *vma, uint64_t old_len, uint64_t new_len)
{
	(void)old_len;
	(void)new_len;
	return counted_of(vma->file)->no_move;
}

static int counted_may_advise(const struct vma *vma, int advice)
{
	(void)advice;
	return counted_of(vma->file)->no_advice;
}

static int counted_may_populate(const struct vma *vma)
{
	return counted_of(vma->file)->no_populate;
}

static bool counted_must_copy(struct vma *vma)
{
	return !counted_of(vma->file)->not_copied;
}

static const struct vma_ops small_ops = {
    .name = "counted",
    .fault = counted_fault,
    .write_protected = cow_write_protected,
    .open = counted_open,
    .close = counted_close,
    .charge = counted_charge,
    .may_split = counted_may_split,
    .may_merge = counted_may_merge,
    .may_move = counted_may_move,
    .may_advise = counted_may_advise,
    .may_populate = counted_may_populate,
    .must_copy = counted_must_copy,
};

static const struct vma_ops large_ops = {
    .name = "counted, large",
    .fault = counted_fault,
    .write_protected = cow_write_protected,
    .page_shift = 21,
    .open = counted_open,
    .close = counted_close,
    .charge = counted_charge,
};

static const struct vma_ops ranges_ops = {
    .name = "counted, by ranges",
    .fault = counted_fault,
    .write_protected = cow_write_protected,
    .open = counted_open,
    .close = counted_close,
    .charge = counted_charge,
    .cut = counted_cut,
};

void counted_register(struct quire_machine *m)
{
	static const struct file_kind small = {.vma_ops = &small_ops},
				      large = {.vma_ops = &large_ops},
				      ranges = {.vma_ops = &ranges_ops};
	static const struct file_kind *kinds[QUIRE_NR_FILE_KINDS + 3];

	memcpy(kinds, file_kinds, sizeof(file_kinds));
	kinds[COUNTED_SMALL] = &small;
	kinds[COUNTED_LARGE] = &large;
	kinds[COUNTED_RANGES] = &ranges;
	kinds_register(m, kinds, QUIRE_NR_FILE_KINDS + 3);
}
