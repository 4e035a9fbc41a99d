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
 *   5  A page that was found gets its entry only if it has a reference, within the read-side
 *      section in which it was found.  Truncation moves seq, withdraws its pages, and frees them a
 *      grace period later (file.h, 2 and 3).  Whoever moves a page to another frame freezes it
 *      under X and puts the other one into its slot: who finds it frozen waits for X, and looks
 *      again.  The old frame, too, is free a grace period later, so that no other page can have
 *      been given it: then the mapcount, which goes up with the reference, is this page's.
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

#define ADD_RUN 32u /* pages of zeros that populating adds to the cache at once */

/* Reads the page into the cache, asleep, and starts over: the next attempt finds it. */
static enum quire_fault_result read_page_in(struct fault *f, uint64_t pgoff)
{
	struct folio *folio;
	int err;

	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	if (pgoff >= file_ask_pages(f->file))
		return fault_wake_beyond_end(f, pgoff);
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
	if (*folio && (!RULE(map_up_to_date) || folio_is_up_to_date(*folio)))
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

	if (!fresh)
		return fault_lost(f, -ENOPAGE);
	STEP("copies frame %u of the cache", folio_pfn(m, folio));
	memcpy(folio_addr(m, fresh), folio_addr(m, folio), PAGE_SIZE);
	return fault_install_one(f, fresh, QUIRE_KIND_COW_COPY);
}

/* Pages of the cache that get entries, side by side, under one PTL. */
struct mapper {
	struct fault *f;
	struct pt_ref ref; /* of f->addr, locked */
	uint64_t pgoff;    /* of f->addr */
	uint64_t bits;     /* of each entry */
	bool dirty;        /* they are written */
	unsigned mapped;   /* entries so far */
	unsigned first;    /* of them the first of their page */
};

static int mapper_begin(struct mapper *m, struct fault *f, uint64_t pgoff)
{
	m->f = f;
	m->pgoff = pgoff;
	m->bits = vma_pte_bits(f->vma) | PTE_ACCESSED;
	m->dirty = f->access == QUIRE_WRITE;
	if (m->dirty)
		m->bits |= PTE_WRITE | PTE_WRITTEN;
	m->mapped = m->first = 0;
	return fault_lock(f, &m->ref);
}

static void mapper_end(struct mapper *m)
{
	m->ref.table->pt.used += m->mapped;
	rmap_count_cached(m->f->mm, m->f->vma->file->facts.folio_flags, m->mapped, m->first);
	pt_unlock(&m->ref);
}

static inline pte_t *mapper_entry(const struct mapper *m, uint64_t pgoff)
{
	return pt_nth(m->ref.entry, (int64_t)(pgoff - m->pgoff));
}

/* The entry is empty.  False: the folio is frozen (invariant 5). */
static inline bool map_page(struct mapper *m, pte_t *entry, struct folio *folio)
{
	bool first;

	if (unlikely(!folio_try_get_mapped(folio, &first)))
		return false;
	STEP("maps frame %u of the cache", folio_pfn(m->f->mm->machine, folio));
	if (m->dirty && !folio_test(folio, FOLIO_DIRTY))
		folio_set(folio, FOLIO_DIRTY);
	m->first += first;
	m->mapped++;
	atomic_store(entry, pte_make(folio_pfn(m->f->mm->machine, folio), m->bits));
	return true;
}

/* Maps the page that the cache has in the slot, if that can be and the entry is empty. */
static inline bool map_slot(struct mapper *m, pte_t *entry, void *const *slot)
{
	bool taken = RULE(run_asks_each) && !entry_none(atomic_load_relaxed(entry));
	struct folio *folio = taken ? NULL : atomic_load(slot);

	if (!folio || (RULE(map_up_to_date) && !folio_is_up_to_date(folio)))
		return false;
	return map_page(m, entry, folio);
}

/* Of [first, end) what is in the cache and has no entry. */
static void map_range(struct mapper *m, uint64_t first, uint64_t end)
{
	const struct index *pages = &m->f->vma->file->mapping.pages;
	struct mapper at = *m; /* the loop's own: in registers */
	unsigned n;

	for (; first < end; first += n) {
		void *const *slots = index_slots(pages, first, &n);
		int64_t i = 0;

		n = (unsigned)min_u64(n, end - first);
		for (pte_t *entry = mapper_entry(m, first); slots && i < n; i++)
			map_slot(&at, pt_nth(entry, i), slots + i);
	}
	m->mapped = at.mapped;
	m->first = at.first;
}

/* Of the run those that lie before the end of the file. */
static unsigned run_in_file(const struct fault *f, uint64_t pgoff)
{
	uint64_t end;

	if (likely(fault_is_single(f)))
		return 1;
	end = file_pages(f->vma->file);
	return end > pgoff ? fault_run(f, (unsigned)min_u64(PT_ENTRIES, end - pgoff)) : 1;
}

/* Invariant 4. */
static void map_around(struct mapper *m, uint64_t addr)
{
	struct fault *f = m->f;
	unsigned n = m->mapped;
	uint64_t first, end;

	fault_window(f->vma, addr, f->mm->machine->fault_around, &first, &end);
	map_range(m, first, min_u64(end, file_pages(f->vma->file)));
	n = m->mapped - n;
	f->out->around += n; /* an attempt may have mapped some, and started over */
	if (n)
		mm_count(f->mm, MM_AROUND, n);
}

/* The pages of a run of writes, the first mapped, as far as each is there.  Returns how many. */
static unsigned map_written_run(struct mapper *m, unsigned run)
{
	const struct index *pages = &m->f->vma->file->mapping.pages;
	unsigned at = 1, n;

	while (at < run) {
		void *const *slots = index_slots(pages, m->pgoff + at, &n);

		if (!slots)
			break;
		for (n = min_u32(n, run - at); n; n--, at++, slots++)
			if (!map_slot(m, pt_nth(m->ref.entry, at), slots))
				return at;
	}
	return at;
}

static bool map_next(struct mapper *m, unsigned nr)
{
	struct folio *folio = filecache_peek(m->f->vma->file, m->pgoff + nr);

	return map_slot(m, pt_nth(m->ref.entry, nr), (void *const *)&folio);
}

/*
 * Of a run of reads: the windows one after the other, as faults in a row would map them.  Returns
 * how many; *n is how many pages of the run are there then.
 */
static unsigned map_read_run(struct mapper *m, unsigned run, unsigned *n)
{
	struct fault *f = m->f;

	*n = 0;
	for (unsigned windows = 1;; windows++) {
		map_around(m, f->addr + *n * PAGE_SIZE);
		*n +=
		    likely(run == 1) ? 1 : fault_allowed_run(f, pt_nth(m->ref.entry, *n), run - *n);
		if (*n == run || !map_next(m, *n))
			return windows;
	}
}

/* The page was frozen when it was to be mapped: its slot has another one soon. */
static __attribute__((noinline)) enum quire_fault_result lost_page(struct mapper *m)
{
	mapper_end(m);
	STEP("finds the page frozen: waits for the thread that moves it");
	filecache_await_writer(&m->f->vma->file->mapping);
	return fault_lost(m->f, -QEAGAIN);
}

static enum quire_fault_result map_cached(struct fault *f, struct folio *folio, uint64_t pgoff)
{
	unsigned run = run_in_file(f, pgoff), mapped;
	struct mapper m;
	int err = mapper_begin(&m, f, pgoff);

	if (err)
		return fault_lost(f, err);
	if (unlikely(!map_page(&m, m.ref.entry, folio)))
		return lost_page(&m);
	f->out->pte = atomic_load_relaxed(m.ref.entry);
	if (f->access == QUIRE_WRITE)
		mapped = run = map_written_run(&m, run);
	else
		mapped = map_read_run(&m, run, &run);
	mapper_end(&m);
	fault_done_run(f, QUIRE_KIND_FILE_MINOR, mapped);
	return fault_found_run(f, run - mapped);
}

/* A read maps the neighbours that there are all the same. */
static enum quire_fault_result refuse_beyond_end(struct fault *f, uint64_t pgoff)
{
	struct mapper m;

	if (f->access != QUIRE_WRITE) {
		int err = mapper_begin(&m, f, pgoff);

		if (err)
			return fault_lost(f, err);
		map_around(&m, f->addr);
		mapper_end(&m);
	}
	return fault_beyond_end(f, pgoff);
}

/* The next pages of a run that populates a file of zeros.  What goes wrong there is theirs. */
static void add_run(struct fault *f, uint64_t pgoff)
{
	struct quire_file *file = f->vma->file;
	unsigned run = min_u32(run_in_file(f, pgoff), ADD_RUN) - 1, absent = 0, n;
	void *const *slots = index_slots(&file->mapping.pages, pgoff + 1, &n);

	run = min_u32(run, n);
	while (absent < run && !(slots && atomic_load(slots + absent)))
		absent++;
	if (absent)
		filecache_add_zeros(file, pgoff + 1, absent, f->seq);
}

static enum quire_fault_result filemap_fault(struct fault *f)
{
	uint64_t pgoff = vma_pgoff(f->vma, f->addr);
	bool private = f->access == QUIRE_WRITE && !(f->vma->flags & VM_MAYSHARE);
	enum quire_fault_result result;
	struct folio *folio;

	if (private)
		vma_touch(f->vma); /* also where it is refused, as on the host */
	if (pgoff >= file_pages(f->vma->file))
		return refuse_beyond_end(f, pgoff);
	result = find_page(f, pgoff, &folio);
	if (!folio)
		return result;
	if (private)
		return map_private_copy(f, folio);
	if (unlikely(!fault_is_single(f)) && !f->walk.level && filecache_is_zero_fill(f->vma->file))
		add_run(f, pgoff); /* not before there is a table: it may want the last frame */
	return map_cached(f, folio, pgoff);
}

/* ---- first write to a mapped page ------------------------------------------ */

static enum quire_fault_result filemap_write_protected(struct fault *f)
{
	if (f->vma->flags & VM_MAYSHARE)
		return fault_note_write(f, entry_folio(f->mm->machine, f->entry));
	return cow_write_protected(f);
}

static void filemap_dirty(struct vma *vma, struct folio *folio)
{
	(void)vma;
	if (!folio_test(folio, FOLIO_DIRTY))
		folio_set(folio, FOLIO_DIRTY);
}

/* A first write to a clean page must be seen, so that it is written back. */
static const struct vma_ops filemap_vma_ops = {
    .name = "file",
    .entries = 1u << ENTRY_CACHE,
    .fault = filemap_fault,
    .write_protected = filemap_write_protected,
    .dirty = filemap_dirty,
};

static const struct vma_ops shmem_vma_ops = {
    .name = "shmem",
    .entries = 1u << ENTRY_CACHE,
    .fault = filemap_fault,
    .write_protected = filemap_write_protected,
    .dirty = filemap_dirty,
    .writable_at_once = true,
};

/* ---- the files ------------------------------------------------------------- */

/* MAP_SYNC wants memory that lasts, which a page cache is not; so say the host's file systems. */
static int pagecache_create(struct quire_file *file, const struct quire_file_options *o)
{
	(void)o;
	file->facts.cached = true;
	file->facts.refused_flags = QMAP_SYNC;
	return 0;
}

static int shmem_create(struct quire_file *file, const struct quire_file_options *o)
{
	file->ops = (struct quire_file_ops){.release = file->ops.release};
	file->facts.cached = true;
	file->facts.ram_only = true;
	file->facts.folio_flags = FOLIO_SHMEM;
	file->facts.charge = o->noreserve ? CHARGE_PAGES : CHARGE_SIZE;
	return 0;
}

const struct file_kind pagecache_kind = {.vma_ops = &filemap_vma_ops, .create = pagecache_create};
const struct file_kind shmem_kind = {.vma_ops = &shmem_vma_ops, .create = shmem_create};
