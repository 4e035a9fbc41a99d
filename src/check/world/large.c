/* SPDX-License-Identifier: MIT */
/*
 * large.c: the kind of large.h.
 */
#include "check/world/large.h"
#include "core/file/file.h"
#include "core/kind/kind.h"
#include "core/table/range.h"
#include "core/vma/vma.h"

static unsigned level_of(const struct fault *f)
{
	return leaf_level(f->vma->ops->page_shift);
}

static struct folio *new_folio(const struct vma *vma)
{
	struct quire_machine *m = vma->mm->machine;
	const struct large *l = vma->file->priv;
	unsigned order = vma->ops->page_shift - PAGE_SHIFT;

	return l && l->alloc ? l->alloc(m, order) : folio_alloc(m, order, ALLOC_ZERO);
}

static struct folio *new_private(struct fault *f)
{
	struct folio *fresh = new_folio(f->vma);

	if (fresh)
		anon_place_large(f, fresh, level_of(f));
	return fresh;
}

static void copy_folio(const struct quire_machine *m, struct folio *to, const struct folio *from)
{
	memcpy(folio_addr(m, to), folio_addr(m, from), folio_pages(from) * PAGE_SIZE);
}

static enum quire_fault_result install(struct fault *f, struct folio *fresh,
				       enum quire_fault_kind kind)
{
	uint64_t bits =
	    f->access == QUIRE_WRITE ? fault_private_bits(f) : vma_pte_bits(f->vma) | PTE_ACCESSED;
	int err = fault_install_leaf(f, level_of(f), fresh, bits);

	if (!err)
		return fault_done(f, kind);
	folio_put(f->mm->machine, fresh);
	return fault_lost(f, err);
}

static enum quire_fault_result install_copy(struct fault *f, const struct folio *cached)
{
	struct folio *fresh = new_private(f);

	if (!fresh)
		return fault_lost(f, -ENOPAGE);
	copy_folio(f->mm->machine, fresh, cached);
	return install(f, fresh, QUIRE_KIND_COW_COPY);
}

static enum quire_fault_result map_cached(struct fault *f, struct folio *folio)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_ACCESSED;
	int err;

	if (f->access == QUIRE_WRITE)
		bits |= PTE_WRITE | PTE_WRITTEN;
	err = fault_map_leaf(f, level_of(f), folio, bits);
	return err ? fault_lost(f, err) : fault_done(f, QUIRE_KIND_FILE_MINOR);
}

static enum quire_fault_result add_and_map(struct fault *f, uint64_t pgoff)
{
	struct folio *folio = new_folio(f->vma), *there;
	int err;

	if (!folio)
		return fault_lost(f, -ENOPAGE);
	err = filecache_add_folio(f->vma->file, pgoff, f->seq, folio, &there);
	if (err || there != folio)
		folio_put(f->mm->machine, folio);
	return err ? fault_lost(f, err) : map_cached(f, there);
}

/* A page on its way out of the cache: its truncation has W. */
static enum quire_fault_result await_truncation(struct fault *f)
{
	const struct quire_port *port = &f->mm->machine->port;

	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	mutex_lock(port, &f->file->mapping.write_lock, RANK_FILE);
	mutex_unlock(port, &f->file->mapping.write_lock, RANK_FILE);
	return fault_wake(f);
}

static enum quire_fault_result large_fault(struct fault *f)
{
	uint64_t pgoff = vma_pgoff(f->vma, fault_leaf_start(f, level_of(f)));
	bool shared = (f->vma->flags & VM_MAYSHARE) != 0;
	struct folio *folio;

	if (pgoff >= file_pages(f->vma->file))
		return fault_beyond_end(f, pgoff);
	folio = filecache_peek(f->vma->file, pgoff);
	if (folio && !folio_is_up_to_date(folio))
		return await_truncation(f);
	if (folio)
		return shared || f->access != QUIRE_WRITE ? map_cached(f, folio)
							  : install_copy(f, folio);
	if (shared)
		return add_and_map(f, pgoff);
	folio = new_private(f);
	return folio ? install(f, folio, QUIRE_KIND_ANON) : fault_lost(f, -ENOPAGE);
}

static enum quire_fault_result note_write(struct fault *f)
{
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return fault_lost(f, err);
	f->out->pte = f->entry | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;
	pt_set(&ref, ref.entry, f->out->pte);
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_WRITE_NOTIFY);
}

/* Takes over the reference on old. */
static enum quire_fault_result copy(struct fault *f, struct folio *old)
{
	struct quire_machine *m = f->mm->machine;
	struct folio *fresh = new_private(f);
	enum quire_fault_result result = QUIRE_FAULT_OOM;

	if (fresh) {
		copy_folio(m, fresh, old);
		result = cow_replace(f, old, fresh, QUIRE_KIND_COW_COPY);
	} else {
		result = fault_lost(f, -ENOPAGE);
	}
	folio_put(m, old);
	return result;
}

static enum quire_fault_result large_write_protected(struct fault *f)
{
	struct folio *old = entry_folio(f->mm->machine, f->entry);
	enum cow_step step;
	unsigned reused;
	int err;

	if (f->vma->flags & VM_MAYSHARE)
		return note_write(f);
	err = cow_decide(f, old, &step, &reused);
	if (err)
		return fault_lost(f, err);
	if (step == COW_WAIT)
		return fault_await_folio(f, old);
	return step == COW_REUSED ? fault_done(f, QUIRE_KIND_COW_REUSE) : copy(f, old);
}

static int large_copy_pinned(struct vma *dst, uint64_t addr, struct folio *from,
			     struct folio **copied)
{
	const struct large *l = dst->file->priv;

	(void)addr;
	*copied = NULL;
	if (l && (l->fork_error || l->child_goes_without))
		return l->fork_error;
	*copied = new_folio(dst);
	if (!*copied)
		return -ENOPAGE;
	copy_folio(dst->mm->machine, *copied, from);
	return 0;
}

static const struct vma_ops ops_2m = {
    .name = "large, 2 MiB",
    .entries = 1u << ENTRY_CACHE,
    .page_shift = 21,
    .writable_at_once = true,
    .fault = large_fault,
    .write_protected = large_write_protected,
    .copy_pinned = large_copy_pinned,
};

static const struct vma_ops ops_1g = {
    .name = "large, 1 GiB",
    .entries = 1u << ENTRY_CACHE,
    .page_shift = 30,
    .writable_at_once = true,
    .fault = large_fault,
    .write_protected = large_write_protected,
};

void large_register(struct quire_machine *m)
{
	static const struct file_kind kind_2m = {.vma_ops = &ops_2m},
				      kind_1g = {.vma_ops = &ops_1g};
	static const struct file_kind *kinds[QUIRE_NR_FILE_KINDS + 2];

	memcpy(kinds, file_kinds, sizeof(file_kinds));
	kinds[LARGE_2M] = &kind_2m;
	kinds[LARGE_1G] = &kind_1g;
	kinds_register(m, kinds, QUIRE_NR_FILE_KINDS + 2);
}
