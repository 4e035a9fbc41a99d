/* SPDX-License-Identifier: MIT */
/*
 * extfile.c: faults on external files: the content is the embedder's, and entries name its frames.
 *
 * Owns nothing; entries are written under the PTL (install.c).
 *
 *   1  An external entry has PTE_EXTERNAL and no folio: no reference, no mapcount.  It counts as
 *      file in rss.
 *   2  ops.frame, ops.copy_page and ops.file_size are called outside RCU and every lock, with a
 *      reference on the file.  What they returned waits in f->frames and f->copy for the attempt
 *      that can use it: one that finds the same file, page and mapping->seq.
 *   3  A shared page is mapped read-only until the first write, as executors map writable only what
 *      is dirty.
 *   4  A frame number that an entry cannot hold is an I/O error.
 */
#include "core/fault/fault.h"
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/kind/kind.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/vma/vma.h"

#define MAX_FRAME (QUIRE_PTE_FRAME_MASK >> PAGE_SHIFT)

static enum quire_fault_result refuse_frame(struct fault *f, int err)
{
	if (memory_errno(err) == -QENOMEM)
		return fault_lost(f, err);
	return fault_sigbus(f, err == -QENXIO ? QUIRE_REASON_BEYOND_EOF : QUIRE_REASON_IO);
}

/* After a sleep in which the file has refused page pgoff. */
static enum quire_fault_result wake_refused(struct fault *f, uint64_t pgoff, int err)
{
	return fault_wake_failed(f, pgoff) ? refuse_frame(f, err) : QUIRE_FAULT_OK;
}

/* ---- asking for frames ------------------------------------------------------- */

/* Pages of the file to ask for: [first, end) with the one that is wanted. */
struct window {
	uint64_t first, main, end;
};

/* The aligned window of addresses within the VMA, and so within one table. */
static struct window window_of(const struct fault *f)
{
	struct window w = {.main = vma_pgoff(f->vma, f->addr)};

	fault_window(f->vma, f->addr,
		     min_u64(f->mm->machine->fault_around, FAULT_FRAMES * PAGE_SIZE), &w.first,
		     &w.end);
	return w;
}

static int frame_of(const struct quire_file *file, uint64_t pgoff, uint64_t *frame)
{
	int err = file->ops.frame(file->priv, pgoff, frame);

	return !err && *frame > MAX_FRAME ? -QEIO : err;
}

/* Asleep.  A neighbour without a frame ends the window.  -errno of the page itself. */
static int ask_frames(struct fault *f, const struct window *w, uint64_t nr_pages)
{
	const struct quire_file *file = f->file;
	uint64_t frames[FAULT_FRAMES], first, end = min_u64(w->end, nr_pages);
	int err = w->main < end ? frame_of(file, w->main, &frames[w->main - w->first]) : -QENXIO;

	if (err)
		return err;
	for (first = w->main; first > w->first; first--)
		if (frame_of(file, first - 1, &frames[first - 1 - w->first]))
			break;
	for (uint64_t i = w->main + 1; i < end; i++)
		if (frame_of(file, i, &frames[i - w->first]))
			end = i;
	f->frames->seq = f->seq;
	f->frames->first = first;
	f->frames->end = end;
	memcpy(f->frames->frames, frames + (first - w->first), (end - first) * sizeof(*frames));
	return 0;
}

/* Asks, and starts over.  A write maps its page alone. */
static enum quire_fault_result ask_window(struct fault *f, uint64_t pgoff)
{
	struct window w = window_of(f);
	int err;

	if (f->access == QUIRE_WRITE)
		w = (struct window){pgoff, pgoff, pgoff + 1};
	STEP("asks the file for frames from page %lu on, asleep", w.main);
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	err = ask_frames(f, &w, file_ask_pages(f->file));
	if (!err)
		return fault_wake(f);
	return wake_refused(f, pgoff, err);
}

/* Invariant 2: what f->file's callback returned at `seq` still holds. */
static bool said_of_this(const struct fault *f, uint64_t seq)
{
	return f->file == f->vma->file && (!RULE(said_at_seq) || seq == f->seq);
}

static bool frames_fit(const struct fault *f, uint64_t pgoff)
{
	const struct fault_frames *c = f->frames;

	return c->end && said_of_this(f, c->seq) && (pgoff >= c->first || !RULE(said_of_page)) &&
	       pgoff < c->end;
}

/* ---- mapping them ------------------------------------------------------------ */

/* PTL held. */
static void install_frames(struct fault *f, struct pt_ref *ref, uint64_t pgoff, uint64_t bits)
{
	const struct fault_frames *c = f->frames;
	const struct window w = window_of(f);
	uint64_t end = min_u64(c->end, w.end);
	unsigned n = 0;

	for (uint64_t i = max_u64(c->first, w.first); i < end; i++) {
		pte_t *entry = pt_nth(ref->entry, (int64_t)(i - pgoff));

		if (!entry_none(atomic_load_relaxed(entry)))
			continue;
		STEP("maps external frame %lu", c->frames[i - c->first]);
		pt_set(ref, entry, pte_make(c->frames[i - c->first], bits));
		n++;
	}
	mm_count(f->mm, rss_counter(NULL), n);
	f->out->pte = atomic_load_relaxed(ref->entry);
	f->out->around = n - 1;
	if (n > 1)
		mm_count(f->mm, MM_AROUND, n - 1);
}

static enum quire_fault_result map_window(struct fault *f, uint64_t pgoff)
{
	uint64_t bits = (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED | PTE_EXTERNAL;
	struct pt_ref ref;
	int err;

	if (!frames_fit(f, pgoff))
		return ask_window(f, pgoff);
	err = fault_lock(f, &ref);
	if (err)
		return fault_lost(f, err);
	if (f->access == QUIRE_WRITE)
		bits |= PTE_WRITE | PTE_WRITTEN;
	install_frames(f, &ref, pgoff, bits);
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_FILE_MINOR);
}

/* ---- private writes -------------------------------------------------------- */

/* Asleep; the policy is that of the VMA which was there before. */
static int copy_out(struct fault *f, uint64_t pgoff, uint64_t policy)
{
	struct quire_machine *m = f->mm->machine;
	const struct quire_file *file = f->file;
	struct folio *fresh = anon_folio_ahead(f, policy, pgoff);
	int err;

	if (!fresh)
		return -ENOPAGE;
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
	uint64_t policy = f->vma->policy;
	int err;

	STEP("copies page %lu out of the file, asleep", pgoff);
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	err = pgoff < file_ask_pages(f->file) ? copy_out(f, pgoff, policy) : -QENXIO;
	if (!err)
		return fault_wake(f);
	return wake_refused(f, pgoff, err);
}

static bool copy_fits(const struct fault *f, uint64_t pgoff)
{
	const struct fault_copy *c = &f->copy;

	return c->folio && said_of_this(f, c->seq) && (c->pgoff == pgoff || !RULE(said_of_page));
}

static struct folio *take_copy(struct fault *f)
{
	struct folio *fresh = f->copy.folio;

	f->copy.folio = NULL;
	anon_place(f, fresh);
	return fresh;
}

static enum quire_fault_result write_private(struct fault *f, uint64_t pgoff)
{
	struct folio *fresh;

	if (!copy_fits(f, pgoff))
		return make_copy(f, pgoff);
	fresh = take_copy(f);
	if (!entry_none(f->entry))
		return cow_replace(f, NULL, fresh, QUIRE_KIND_COW_COPY);
	return fault_install_one(f, fresh, QUIRE_KIND_COW_COPY);
}

static enum quire_fault_result extfile_fault(struct fault *f)
{
	uint64_t pgoff = vma_pgoff(f->vma, f->addr);
	bool private = f->access == QUIRE_WRITE && !(f->vma->flags & VM_MAYSHARE);

	if (private)
		vma_touch(f->vma); /* also where it is refused, as on the host */
	if (pgoff >= file_pages(f->vma->file))
		return fault_beyond_end(f, pgoff);
	if (private)
		return write_private(f, pgoff);
	return map_window(f, pgoff);
}

static enum quire_fault_result extfile_write_protected(struct fault *f)
{
	if (entry_kind(f->mm->machine, f->entry) != ENTRY_EXTERNAL)
		return cow_write_protected(f);
	if (!(f->vma->flags & VM_MAYSHARE))
		return write_private(f, vma_pgoff(f->vma, f->addr));
	return fault_note_write(f, NULL);
}

static const struct vma_ops extfile_vma_ops = {
    .name = "external",
    .entries = 1u << ENTRY_EXTERNAL,
    .fault = extfile_fault,
    .write_protected = extfile_write_protected,
};

/* Its pages are no folios. */
static int extfile_create(struct quire_file *file, const struct quire_file_options *o)
{
	(void)o;
	file->ops.read_page = NULL;
	file->ops.write_page = NULL;
	file->facts.endless = !file->ops.file_size;
	return file->ops.frame ? 0 : -QEINVAL;
}

const struct file_kind extfile_kind = {.vma_ops = &extfile_vma_ops, .create = extfile_create};
