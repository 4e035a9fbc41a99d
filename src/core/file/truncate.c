/* SPDX-License-Identifier: MIT */
/*
 * truncate.c: taking pages away from a file: truncation and holes.
 *
 * W is held over each; I over each walk of the VMAs; F and X for each page that leaves the cache,
 * outside I.
 *
 *     new size -> seq -> withdrawn -> seq -> zapped, flushed -> out of the cache -> left to RCU
 *
 *   1  A page is withdrawn under F: it then belongs to no mapping and is not up to date any more.
 *      A thread that finds it in the cache waits for W (filecache.c, 4). A fault that found it
 *      before that has either mapped it before the zap, or sees the second seq.
 *   2  A page leaves the cache when it is mapped nowhere and everything is flushed.  So a thread
 *      that sees that the page is gone (by what is in its place) finds there whatever is stored
 *      from then on.
 *   3  A page that is being read in or written back is waited for (F). So write_page is never
 *      called for a page that is gone.
 *   4  A page that is just being added is waited for (X) before the cache is looked through.
 *   5  A page that is zeroed in part is dirty afterwards.  Its old content may just have been
 *      written back, over the zeros that the embedder already had in the file.
 *   6  No page is waited for inside I: a thread that has one may be going to walk the file's VMAs,
 *      as writeback is (F above I).
 */
#include "core/file/file.h"
#include "core/frame/defer.h"
#include "core/frame/folio.h"
#include "core/table/range.h"
#include "core/table/tlb.h"

static void move_seq(struct mapping *mapping)
{
	STEP("moves seq");
	atomic_add(&mapping->seq, 1); /* visible before the zap looks for tables: zap.c, 4 */
}

static void zap_mappings(struct quire_file *file, uint64_t first, uint64_t last, bool even_cow)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	struct itree_node *node;
	struct mmu_gather g;

	mutex_lock(port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each (&mapping->vmas, first, last, node) {
		struct vma *vma = container_of(node, struct vma, node);

		STEP("zaps pages from %lu on of the VMA at %#lx", first, vma->start);
		tlb_begin(&g, vma->mm);
		zap_file_range(&g, vma, first, last, even_cow);
		tlb_finish(&g);
	}
	mutex_unlock(port, &mapping->i_lock, RANK_MAPPING);
}

/* Invariant 1. */
static void withdraw(struct quire_machine *m, struct folio *folio)
{
	folio_lock(m, folio);
	STEP("withdraws page %lu", folio->index);
	folio->mapping = NULL;
	folio_clear(folio, FOLIO_UPTODATE);
	folio_unlock(m, folio);
}

/* False: there is none. */
static bool withdraw_range(struct quire_file *file, uint64_t first, uint64_t last)
{
	struct folio *folio;
	bool any = false;

	/* A thread that is adding a page saw seq unmoved under X; a later one sees it moved. */
	if (RULE(wait_for_adders))
		filecache_await_writer(&file->mapping);
	for (uint64_t i = first; (folio = filecache_next(file, &i, last, 0)); i++) {
		withdraw(file->machine, folio);
		folio_put(file->machine, folio);
		any = true;
		if (i == last)
			break;
	}
	return any;
}

/*
 * Invariant 6.  The other way round, for the checker: it is to say what comes of it, not that ranks
 * are out of order.
 */
static bool withdraw_inside_tree(struct quire_file *file, uint64_t first, uint64_t last)
{
	const struct quire_port *port = &file->machine->port;
	unsigned outer;
	bool any;

	mutex_lock(port, &file->mapping.i_lock, RANK_MAPPING);
	outer = lock_rank_nest();
	any = withdraw_range(file, first, last);
	lock_rank_unnest(outer);
	mutex_unlock(port, &file->mapping.i_lock, RANK_MAPPING);
	return any;
}

static bool withdraw_all(struct quire_file *file, uint64_t first, uint64_t last)
{
	return RULE(page_before_tree) ? withdraw_range(file, first, last)
				      : withdraw_inside_tree(file, first, last);
}

/* The cache's reference goes to the chain. */
static void uncache(struct mapping *mapping, uint64_t i, struct folio *folio,
		    struct frame_chain *gone)
{
	struct quire_machine *m = mapping->file->machine;

	spin_lock(&m->port, &mapping->index_lock, RANK_INDEX);
	STEP("takes page %lu out of the cache", i);
	filecache_erase(mapping, i);
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	chain_add(m, gone, folio);
}

/* A page that is of the mapping is new since others have left. */
static void uncache_withdrawn(struct quire_file *file, uint64_t first, uint64_t last,
			      struct frame_chain *gone)
{
	struct folio *folio;

	for (uint64_t i = first; (folio = filecache_next(file, &i, last, 0)); i++) {
		if (!folio->mapping)
			uncache(&file->mapping, i, folio, gone);
		folio_put(file->machine, folio);
		if (i == last)
			break;
	}
}

static void free_pages(const struct quire_file *file, struct frame_chain *gone)
{
	if (RULE(rcu_free_cached_pages) && !file->facts.freed_at_once)
		frames_defer(file->machine, gone);
	else
		frames_put_now(file->machine, gone);
}

void truncate_range(struct quire_file *file, uint64_t first, uint64_t last, bool even_cow)
{
	struct frame_chain gone = CHAIN_OF_PAGES;

	move_seq(&file->mapping);
	if (RULE(withdrawn_before_zap) && withdraw_all(file, first, last) && RULE(second_seq))
		move_seq(&file->mapping);
	if (RULE(unmapped_before_uncached))
		zap_mappings(file, first, last, even_cow);
	if (!RULE(withdrawn_before_zap))
		withdraw_range(file, first, last);
	uncache_withdrawn(file, first, last, &gone);
	if (!RULE(unmapped_before_uncached))
		zap_mappings(file, first, last, even_cow);
	if (gone.nr)
		free_pages(file, &gone);
}

/* Invariant 5.  F held. */
static void zero_part(struct quire_file *file, struct folio *folio, uint64_t off, uint64_t len)
{
	if (!folio_is_up_to_date(folio))
		return;
	STEP("zeroes %lu bytes of page %lu", len, folio->index);
	memset((char *)folio_addr(file->machine, folio) + off, 0, len);
	if (RULE(zeroed_is_dirty) && file->writable &&
	    (file->ops.write_page || file->facts.ram_only))
		folio_set(folio, FOLIO_DIRTY);
}

/* Bytes [from, to) of one page, if it is in the cache, read as zeros. */
static void zero_bytes(struct quire_file *file, uint64_t from, uint64_t to)
{
	struct quire_machine *m = file->machine;
	uint64_t i = file_page_at(file, from), start = i << PAGE_SHIFT;
	struct folio *folio;

	if (from >= to)
		return;
	folio = filecache_next(file, &i, i, 0);
	if (!folio)
		return;
	folio_lock(m, folio);
	zero_part(file, folio, from - start, to - from);
	folio_unlock(m, folio);
	folio_put(m, folio);
}

void file_forget_beyond_end(struct quire_file *file, uint64_t bytes)
{
	uint64_t old = atomic_load(&file->mapping.bytes), end = PAGE_ALIGN(old);

	if (!file->facts.ram_only && !file->ops.file_size && bytes > old)
		zero_bytes(file, old, bytes < end ? bytes : end);
}

/* A file of large pages ends where one does. */
static bool is_within_large(const struct quire_file *file, uint64_t bytes)
{
	return file->facts.vma_ops->page_shift && (bytes & (file_page_size(file) - 1));
}

int quire_file_truncate(struct quire_file *file, uint64_t bytes)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	uint64_t old;
	int err = -QENOMEM;

	if (bytes > INT64_MAX || is_within_large(file, bytes))
		return -QEINVAL;
	mutex_lock(port, &mapping->write_lock, RANK_FILE);
	old = atomic_load(&mapping->bytes);
	if (mapping_may_resize(file, bytes)) {
		if (bytes > old)
			file_forget_beyond_end(file, UINT64_MAX);
		STEP("makes the file %lu bytes long", bytes);
		mapping_resize(file, bytes);
		truncate_range(file, PAGE_ALIGN(bytes) >> PAGE_SHIFT, UINT64_MAX, true);
		if (file->facts.truncated)
			file->facts.truncated(file, bytes);
		if (bytes < old || file->ops.file_size) /* read when it grows again */
			zero_bytes(file, bytes, PAGE_ALIGN(bytes));
		err = 0;
	}
	mutex_unlock(port, &mapping->write_lock, RANK_FILE);
	return err;
}

/* W held. */
static void punch_locked(struct quire_file *file, uint64_t off, uint64_t end)
{
	uint64_t in_page = file_page_size(file) - 1;
	uint64_t from = (off + in_page) & ~in_page, to = end & ~in_page;

	if (from > to) { /* within one page */
		zero_bytes(file, off, end);
		return;
	}
	if (from < to)
		truncate_range(file, from >> PAGE_SHIFT, (to >> PAGE_SHIFT) - 1,
			       file->facts.holes_take_copies);
	zero_bytes(file, off, from);
	zero_bytes(file, to, end);
}

int quire_file_punch(struct quire_file *file, uint64_t off, uint64_t len)
{
	const struct quire_port *port = &file->machine->port;

	if (!len || off > INT64_MAX || len > INT64_MAX - off)
		return -QEINVAL;
	STEP("punches a hole from %lu to %lu", off, off + len);
	mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	punch_locked(file, off, off + len);
	mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
	return 0;
}
