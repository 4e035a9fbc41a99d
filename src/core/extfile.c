/* SPDX-License-Identifier: MIT */
/*
 * extfile.c: faults on external files: the content is the embedder's, entries name his frames.
 *
 * Owns nothing; entries are written under the PTL (install.c).
 *
 *   1  An external entry has PTE_EXTERNAL and no folio: no reference, no mapcount; it counts as
 *      file in rss.
 *   2  ops.frame runs inside RCU and outside every lock; ops.copy_page, which may sleep, outside
 *      RCU too.  The copy waits in f->copy for the attempt that can use it.
 *   3  A shared page is mapped read-only until the first write, as executors map writable only
 *      what is dirty.
 *   4  A frame number that an entry cannot hold is an I/O error.
 */
#include "core/fault.h"
#include "core/range.h"

#define MAX_FRAME (QUIRE_PTE_FRAME_MASK >> PAGE_SHIFT)

/* Pages to map in one fault: frames[first .. end), of which frames[main] is the one asked for. */
struct around {
	uint64_t base; /* page of frames[0] */
	unsigned first, main, end;
	uint64_t frames[PT_ENTRIES];
};

static enum quire_fault_result refuse_frame(struct fault *f, int err)
{
	if (err == -QENOMEM)
		return QUIRE_FAULT_OOM;
	return fault_sigbus(f, err == -QENXIO ? QUIRE_REASON_BEYOND_EOF : QUIRE_REASON_IO);
}

static int frame_of(const struct quire_file *file, uint64_t pgoff, uint64_t *frame)
{
	int err = file->ops.frame(file->priv, pgoff, frame);

	return !err && *frame > MAX_FRAME ? -QEIO : err;
}

/* The aligned window within the VMA, the file and the table; a write maps its page alone. */
static void choose_window(struct fault *f, struct around *a)
{
	struct vma *vma = f->vma;
	uint64_t size = f->access == QUIRE_WRITE ? PAGE_SIZE : f->mm->machine->fault_around;
	uint64_t window = f->addr & ~(size - 1);
	uint64_t start = window > vma->start ? window : vma->start;
	uint64_t end = window + size < vma->end ? window + size : vma->end;
	uint64_t beyond = vma_pgoff(vma, end), limit = file_pages(vma->file);

	a->base = vma_pgoff(vma, start);
	a->first = 0;
	a->main = (unsigned)((f->addr - start) >> PAGE_SHIFT);
	a->end = (unsigned)((beyond < limit ? beyond : limit) - a->base);
	/* The file may just have become shorter; ops.frame will say so. */
	if (limit <= a->base + a->main)
		a->end = a->main + 1;
}

/* A neighbour without a frame ends the window.  -errno of the faulting page itself. */
static int ask_frames(struct fault *f, struct around *a)
{
	struct quire_file *file = f->vma->file;
	int err = frame_of(file, a->base + a->main, &a->frames[a->main]);
	unsigned i;

	if (err)
		return err;
	for (i = a->main; i > 0 && !frame_of(file, a->base + i - 1, &a->frames[i - 1]); i--)
		;
	a->first = i;
	for (i = a->main + 1; i < a->end && !frame_of(file, a->base + i, &a->frames[i]); i++)
		;
	a->end = i;
	return 0;
}

/* PTL held. */
static void install_frames(struct fault *f, struct pt_ref *ref, const struct around *a,
			   uint64_t bits)
{
	pte_t *entry = ref->entry - a->main;
	unsigned n = 0;

	for (unsigned i = a->first; i < a->end; i++) {
		if (at_load_relaxed(&entry[i]))
			continue;
		pt_set(ref, &entry[i], pte_make(a->frames[i], bits));
		n++;
	}
	mm_count(f->mm, rss_counter(NULL), n);
	f->out->pte = at_load_relaxed(ref->entry);
	f->out->around = n - 1;
	if (n > 1)
		mm_count(f->mm, MM_AROUND, n - 1);
}

/* Apart, because the window is too large for the stack of the other paths. */
static __attribute__((noinline)) enum quire_fault_result map_window(struct fault *f)
{
	uint64_t bits = (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED | PTE_EXTERNAL;
	struct around a;
	struct pt_ref ref;
	int err;

	choose_window(f, &a);
	err = ask_frames(f, &a);
	if (err)
		return refuse_frame(f, err);
	err = fault_lock(f, &ref);
	if (err)
		return fault_lost(f, err);
	if (f->access == QUIRE_WRITE)
		bits |= PTE_WRITE | PTE_WRITTEN;
	install_frames(f, &ref, &a, bits);
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_FILE_MINOR);
}

/* ---- private writes -------------------------------------------------------- */

/* Asleep. */
static int copy_out(struct fault *f, uint64_t pgoff)
{
	struct quire_machine *m = f->mm->machine;
	const struct quire_file *file = f->file;
	struct folio *fresh = anon_folio(f, 0);
	int err;

	if (!fresh)
		return -QENOMEM;
	err = file->ops.copy_page ? file->ops.copy_page(file->priv, pgoff, folio_addr(m, fresh))
				  : -QEIO;
	if (err)
		folio_put(m, fresh);
	else
		f->copy = (struct fault_copy){fresh, pgoff, f->seq};
	return err;
}

/* Makes f->copy of the page and starts over. */
static enum quire_fault_result make_copy(struct fault *f, uint64_t pgoff)
{
	int err;

	fault_sleep(f);
	err = copy_out(f, pgoff);
	if (!err)
		return fault_wake(f);
	return fault_wake_failed(f, pgoff) ? refuse_frame(f, err) : QUIRE_FAULT_OK;
}

static bool copy_fits(const struct fault *f, uint64_t pgoff)
{
	const struct fault_copy *c = &f->copy;

	return c->folio && f->file == f->vma->file && c->pgoff == pgoff && c->seq == f->seq;
}

static struct folio *take_copy(struct fault *f)
{
	struct folio *fresh = f->copy.folio;

	f->copy.folio = NULL;
	return fresh;
}

static enum quire_fault_result write_private(struct fault *f, uint64_t pgoff)
{
	struct folio *fresh;
	int err;

	if (!copy_fits(f, pgoff))
		return make_copy(f, pgoff);
	fresh = take_copy(f);
	if (f->entry)
		return cow_replace(f, NULL, fresh, QUIRE_KIND_COW_COPY);
	err = fault_install(f, fresh, anon_pte(f, fresh));
	if (!err)
		return fault_done(f, QUIRE_KIND_COW_COPY);
	folio_put(f->mm->machine, fresh);
	return fault_lost(f, err);
}

static enum quire_fault_result extfile_fault(struct fault *f)
{
	uint64_t pgoff = vma_pgoff(f->vma, f->addr);

	if (pgoff >= file_pages(f->vma->file))
		return fault_sigbus(f, QUIRE_REASON_BEYOND_EOF);
	if (f->access == QUIRE_WRITE && !(f->vma->flags & VM_MAYSHARE))
		return write_private(f, pgoff);
	return map_window(f);
}

static enum quire_fault_result extfile_write_protected(struct fault *f)
{
	struct pt_ref ref;
	int err;

	if (!(f->entry & PTE_EXTERNAL))
		return cow_write_protected(f);
	if (!(f->vma->flags & VM_MAYSHARE))
		return write_private(f, vma_pgoff(f->vma, f->addr));
	err = fault_lock(f, &ref);
	if (err)
		return fault_lost(f, err);
	f->out->pte = f->entry | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;
	pt_set(&ref, ref.entry, f->out->pte);
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_WRITE_NOTIFY);
}

const struct vma_ops extfile_vma_ops = {
    .name = "external",
    .fault = extfile_fault,
    .write_protected = extfile_write_protected,
};
