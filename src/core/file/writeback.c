/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: dirty pages of page-cache files go back to the embedder.
 *
 *     dirty -> locked (F): in writeback, no longer dirty, entries cleaned (I) -> unlocked
 *           -> locked (F): written, no longer in writeback -> unlocked
 *
 * The first step is taken for a run of pages at once: one walk of the file's mappings, one flush.
 * The lock of its first page is waited for, those of the others are only tried.  The second is a
 * page's own, so that nobody waits for one page while another is written.
 *
 *   1  Before its content is written a page's entries lose WRITE and DIRTY, and the executors are
 *      flushed (clean.c).  So a later write faults and marks the folio again.
 *   2  FOLIO_DIRTY is cleared before the entries are cleaned, never after.  A write that is noted
 *      while they are being cleaned, or later, leaves the page dirty.  So an entry with WRITE or
 *      DIRTY maps a page that is dirty, or whose entries a thread is about to clean under its lock.
 *      Writeback looks at no other pages.
 *   3  A page is dirty or in writeback until it is written.  When its lock is given back and it is
 *      in writeback, its entries are cleaned and flushed.  So whoever locks it then may write it.
 *   4  A page that could not be written is dirty again.
 *   5  A thread that is to write a page waits for the one that is writing it (F), and looks again:
 *      the page may not have been written.
 *   6  Nothing is written into a hole that the embedder is making: hole.c.
 *   7  A page that the host may still store to (tlb.c, 4) stays dirty, since nothing tells when the
 *      host has stored.  It is written each time, until it leaves the cache.  Whether it is such a
 *      page is known, like all of (1), before it is written.
 *   8  Until the flush, stores may go to a page through the entry that was cleaned, and no fault
 *      tells of them.  Nobody writes the page before the flush: its lock is held from before the
 *      entry was cleaned.
 *   9  Bytes that stores have left in a file's last page beyond its end become zeros before the
 *      page is written.  Nobody makes the file longer meanwhile (W): these bytes would be in it.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"

/* ---- a run of pages is cleaned ------------------------------------------------ */

/* Both at once: the page is dirty or in writeback at any time. */
static void begin_writeback(struct folio *folio)
{
	uint32_t flags = atomic_load_relaxed(&folio->flags);
	uint32_t kept = RULE(clean_before_entries) ? ~(uint32_t)FOLIO_DIRTY : UINT32_MAX;

	do {
		if (!(flags & FOLIO_DIRTY))
			return;
	} while (!atomic_cas(&folio->flags, &flags, (flags & kept) | FOLIO_WRITEBACK));
}

/* F of each held.  Invariants 2 and 3. */
static void clean_locked(struct quire_file *file, const struct cache_run *run)
{
	for (unsigned i = 0; i < run->n; i++)
		begin_writeback(run->folio[i]);
	mapping_clean(file, run);
	for (unsigned i = 0; i < run->n && !RULE(clean_before_entries); i++)
		folio_clear(run->folio[i], FOLIO_DIRTY);
}

/* The first, and those behind it as far as nobody has them: the run ends there. */
static void lock_run(struct quire_machine *m, struct cache_run *run)
{
	unsigned n = 1;

	folio_lock(m, run->folio[0]);
	while (n < run->n && folio_trylock(run->folio[n]))
		n++;
	STEP("has locked %u pages from %lu on", n, run->pgoff[0]);
	for (unsigned i = n; i < run->n; i++)
		folio_put(m, run->folio[i]);
	run->n = n;
}

static void unlock_run(struct quire_machine *m, const struct cache_run *run)
{
	for (unsigned i = 0; i < run->n; i++)
		folio_unlock(m, run->folio[i]);
}

static void clean_run(struct quire_file *file, struct cache_run *run)
{
	lock_run(file->machine, run);
	if (!RULE(cleaned_under_lock))
		unlock_run(file->machine, run);
	clean_locked(file, run);
	if (RULE(cleaned_under_lock))
		unlock_run(file->machine, run);
}

/* F held. */
static __attribute__((noinline)) void clean_one(struct quire_file *file, struct folio *folio,
						uint64_t pgoff)
{
	struct cache_run run;

	run.n = 1;
	run.folio[0] = folio;
	run.pgoff[0] = pgoff;
	clean_locked(file, &run);
}

/* ---- a page is written -------------------------------------------------------- */

/* F held, and the page is in writeback. */
static int write_content(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	unsigned outer = lock_rank_nest();
	int err;

	STEP("page %lu is clean: writes it", pgoff);
	err = file->ops.write_page(file->priv, pgoff, folio_addr(file->machine, folio));
	lock_rank_unnest(outer);
	if ((err && RULE(unwritten_stays_dirty)) ||
	    (RULE(lent_stays_dirty) && folio_test(folio, FOLIO_LENT)))
		folio_set(folio, FOLIO_DIRTY);
	folio_clear(folio, FOLIO_WRITEBACK);
	return err;
}

static void leave_dirty(struct folio *folio, uint64_t pgoff)
{
	STEP("leaves page %lu: a hole is being made there", pgoff);
	folio_set(folio, FOLIO_DIRTY);
	folio_clear(folio, FOLIO_WRITEBACK);
}

/* F held.  *hole: the page was not written because of it. */
static int write_folio(struct quire_file *file, struct folio *folio, uint64_t pgoff,
		       enum hole_state *hole)
{
	*hole = HOLE_NONE;
	if (!folio_test(folio, FOLIO_WRITEBACK))
		return 0;
	if (RULE(writeback_looks_again) && folio->mapping != &file->mapping) {
		folio_clear(folio, FOLIO_WRITEBACK);
		return 0;
	}
	if (RULE(writeback_leaves_holes))
		*hole = hole_at(&file->mapping, pgoff);
	if (*hole == HOLE_NONE)
		return write_content(file, folio, pgoff);
	leave_dirty(folio, pgoff);
	return 0;
}

/* Only where the core knows the end.  An embedder that knows it may move it at any time. */
static bool holds_the_end(const struct quire_file *file, uint64_t pgoff)
{
	uint64_t size = atomic_load(&file->mapping.bytes);

	return !file->ops.file_size && pgoff == size >> PAGE_SHIFT && (size & ~PAGE_MASK);
}

/* F held. */
static void zero_beyond_end(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	uint64_t size = atomic_load(&file->mapping.bytes) & ~PAGE_MASK;

	if (!holds_the_end(file, pgoff) || !folio_test(folio, FOLIO_WRITEBACK))
		return;
	STEP("zeroes what page %lu has beyond the end", pgoff);
	memset((char *)folio_addr(file->machine, folio) + size, 0, PAGE_SIZE - size);
}

/* Invariants 5 and 9.  Returns with F held. */
static void lock_for_writing(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	const struct quire_port *port = &file->machine->port;
	bool last = holds_the_end(file, pgoff), keep = last && RULE(end_stays_for_writeback);

	if (keep)
		mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	folio_lock(file->machine, folio);
	if (!folio_test(folio, FOLIO_WRITEBACK) && folio_test(folio, FOLIO_DIRTY))
		clean_one(file, folio, pgoff);
	if (last)
		zero_beyond_end(file, folio, pgoff);
	if (keep)
		mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
}

static int lock_and_write(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	enum hole_state hole;
	int err;

	for (;;) {
		lock_for_writing(file, folio, pgoff);
		err = write_folio(file, folio, pgoff, &hole);
		folio_unlock(file->machine, folio);
		if (hole != HOLE_MADE || !RULE(writeback_waits_for_hole))
			return err;
		mapping_await_writer(file);
	}
}

/* ---- all of it ---------------------------------------------------------------- */

/* What came of a writeback so far. */
struct result {
	int err; /* the first */
	uint64_t failed;
};

/* Each is put. */
static void write_run(struct quire_file *file, const struct cache_run *run, struct result *r)
{
	for (unsigned i = 0; i < run->n; i++) {
		int err = lock_and_write(file, run->folio[i], run->pgoff[i]);

		folio_put(file->machine, run->folio[i]);
		if (!err)
			continue;
		r->failed++;
		if (!r->err)
			r->err = err;
	}
}

int quire_file_sync(struct quire_file *file)
{
	return mapping_writeback(file, 0, UINT64_MAX, NULL);
}

int mapping_writeback(struct quire_file *file, uint64_t first, uint64_t last, uint64_t *failed)
{
	uint32_t unwritten = RULE(wait_for_writeback) ? FOLIO_DIRTY | FOLIO_WRITEBACK : FOLIO_DIRTY;
	bool more = file->ops.write_page != NULL;
	struct result r = {0};
	struct cache_run run;

	while (more && filecache_next_run(file, first, last, unwritten, &run)) {
		clean_run(file, &run);
		write_run(file, &run, &r);
		first = run.pgoff[run.n - 1];
		more = first++ < last;
	}
	if (failed)
		*failed = r.failed;
	return r.err;
}
