/* SPDX-License-Identifier: MIT */
/*
 * filemap.c: faults on files whose pages are in the page cache: embedders' files and shmem.
 *
 * Owns nothing; entries are written under the PTL (install.c).
 *
 *   1  A page is mapped only while it is up to date, in the cache and before the end of the file.
 *      The proof is f->seq: it is read before the size and the cache, and compared under the PTL
 *      (file.h, 3).
 *   2  A private write to a page that is not mapped yet copies the page at once.
 *   3  Some files must be told of writes.  A shared page of such a file is mapped read-only until
 *      the first write.  That write sets FOLIO_DIRTY together with the entry's write bit
 *      (write-notify).
 *   4  A read also maps neighbours that are in the cache (fault-around). They lie in the aligned
 *      window, the VMA, the file and the table of the page, and are mapped under the same PTL.
 */
#include "core/fault.h"
#include "core/range.h"

/* Reads the page into the cache, asleep, and starts over: the next attempt finds it. */
static enum quire_fault_result read_page_in(struct fault *f, uint64_t pgoff)
{
	struct folio *folio;
	int err;

	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	if (pgoff >= file_ask_pages(f->file))
		return fault_wake_failed(f, pgoff) ? fault_sigbus(f, QUIRE_REASON_BEYOND_EOF)
						   : QUIRE_FAULT_OK;
	err = filecache_read(f->file, pgoff, f->seq, &folio);
	if (!err) {
		folio_put(f->mm->machine, folio);
		f->major = true;
	}
	if (!err || err == -QEAGAIN)
		return fault_wake(f);
	if (!fault_wake_failed(f, pgoff))
		return QUIRE_FAULT_OK;
	return memory_errno(err) == -QENOMEM ? fault_lost(f, err)
					     : fault_sigbus(f, QUIRE_REASON_IO);
}

/* *folio: up to date, or NULL with the op's result returned. */
static enum quire_fault_result find_page(struct fault *f, uint64_t pgoff, struct folio **folio)
{
	struct quire_file *file = f->vma->file;
	int err;

	*folio = filecache_peek(file, pgoff);
	STEP("%s page %lu in the cache", *folio ? "finds" : "finds no", pgoff);
	if (*folio && (!RULE(map_up_to_date) || folio_test(*folio, FOLIO_UPTODATE)))
		return QUIRE_FAULT_OK;
	if (*folio || !filecache_is_zero_fill(file)) { /* a page of zeros: withdrawn */
		*folio = NULL;
		return read_page_in(f, pgoff);
	}
	err = filecache_add_zero(file, pgoff, f->seq, folio);
	if (!err)
		return QUIRE_FAULT_OK;
	*folio = NULL;
	return fault_lost(f, err);
}

/* ---- mapping the page itself ----------------------------------------------- */

static enum quire_fault_result map_private_copy(struct fault *f, struct folio *folio)
{
	struct quire_machine *m = f->mm->machine;
	struct folio *fresh = anon_folio(f, 0);
	int err;

	if (!fresh)
		return fault_lost(f, -ENOPAGE);
	STEP("copies frame %u of the cache", folio_pfn(m, folio));
	memcpy(folio_addr(m, fresh), folio_addr(m, folio), PAGE_SIZE);
	err = fault_install(f, fresh, anon_pte(f, fresh));
	if (!err)
		return fault_done(f, QUIRE_KIND_COW_COPY);
	folio_put(m, fresh);
	return fault_lost(f, err);
}

/* PTL held; the cache keeps the folio while we are in RCU. */
static void map_page(struct fault *f, struct pt_ref *ref, pte_t *entry, struct folio *folio,
		     uint64_t bits, struct rmap_batch *batch)
{
	STEP("maps frame %u of the cache", folio_pfn(f->mm->machine, folio));
	rmap_batch_add(batch, folio);
	pt_set(ref, entry, pte_make(folio_pfn(f->mm->machine, folio), bits));
}

/* Invariant 4.  PTL held. */
static void map_around(struct fault *f, struct pt_ref *ref, uint64_t pgoff, uint64_t bits,
		       struct rmap_batch *batch)
{
	struct vma *vma = f->vma;
	struct index *pages = &vma->file->mapping.pages;
	uint64_t first, end, i, limit = file_pages(vma->file);
	unsigned n = 0;
	struct folio *folio;

	fault_window(f, f->mm->machine->fault_around, &first, &end);
	if (end > limit)
		end = limit;
	if (end <= first)
		return;
	index_for_each(pages, first, end - 1, i, folio)
	{
		pte_t *entry = ref->entry + (int64_t)(i - pgoff);

		if (at_load_relaxed(entry) || !folio_test(folio, FOLIO_UPTODATE))
			continue;
		map_page(f, ref, entry, folio, bits, batch);
		n++;
	}
	f->out->around += n; /* an attempt may have mapped some, and started over */
	if (n)
		mm_count(f->mm, MM_AROUND, n);
}

static enum quire_fault_result map_cached(struct fault *f, struct folio *folio, uint64_t pgoff)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_ACCESSED;
	bool write = f->access == QUIRE_WRITE;
	struct rmap_batch batch = {0};
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return fault_lost(f, err);
	if (write && !folio_test(folio, FOLIO_DIRTY))
		folio_set(folio, FOLIO_DIRTY);
	map_page(f, &ref, ref.entry, folio, write ? bits | PTE_WRITE | PTE_WRITTEN : bits, &batch);
	f->out->pte = at_load_relaxed(ref.entry);
	if (!write)
		map_around(f, &ref, pgoff, bits, &batch);
	rmap_batch_commit(&batch, f->mm);
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_FILE_MINOR);
}

/* A read maps the neighbours that there are all the same. */
static enum quire_fault_result refuse_beyond_end(struct fault *f, uint64_t pgoff)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_ACCESSED;
	struct rmap_batch batch = {0};
	struct pt_ref ref;

	if (f->access != QUIRE_WRITE) {
		int err = fault_lock(f, &ref);

		if (err)
			return fault_lost(f, err);
		map_around(f, &ref, pgoff, bits, &batch);
		rmap_batch_commit(&batch, f->mm);
		pt_unlock(&ref);
	}
	return fault_beyond_end(f, pgoff);
}

static enum quire_fault_result filemap_fault(struct fault *f)
{
	uint64_t pgoff = vma_pgoff(f->vma, f->addr);
	bool shared = (f->vma->flags & VM_MAYSHARE) != 0;
	enum quire_fault_result result;
	struct folio *folio;

	if (pgoff >= file_pages(f->vma->file))
		return refuse_beyond_end(f, pgoff);
	result = find_page(f, pgoff, &folio);
	if (!folio)
		return result;
	if (f->access == QUIRE_WRITE && !shared)
		return map_private_copy(f, folio);
	return map_cached(f, folio, pgoff);
}

/* ---- first write to a mapped page ------------------------------------------ */

static enum quire_fault_result note_write(struct fault *f)
{
	struct folio *folio = pfn_folio(f->mm->machine, pte_frame(f->entry));
	pte_t val = f->entry | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return fault_lost(f, err);
	STEP("notes the write: marks the page dirty, makes the entry writable");
	folio_set(folio, FOLIO_DIRTY);
	pt_set(&ref, ref.entry, val);
	pt_unlock(&ref);
	f->out->pte = val;
	return fault_done(f, QUIRE_KIND_WRITE_NOTIFY);
}

static enum quire_fault_result filemap_write_protected(struct fault *f)
{
	return f->vma->flags & VM_MAYSHARE ? note_write(f) : cow_write_protected(f);
}

static void filemap_dirty(struct vma *vma, struct folio *folio)
{
	(void)vma;
	if (!folio_test(folio, FOLIO_DIRTY))
		folio_set(folio, FOLIO_DIRTY);
}

const struct vma_ops filemap_vma_ops = {
    .name = "file",
    .fault = filemap_fault,
    .write_protected = filemap_write_protected,
    .dirty = filemap_dirty,
};
