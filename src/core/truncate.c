/* SPDX-License-Identifier: MIT */
/*
 * truncate.c: taking pages away from a file: truncation and holes.
 *
 * W is held over each; I over each walk of the VMAs; F and X for each page that leaves the cache.
 *
 *     new size -> seq -> zap -> out of the cache -> seq -> zap -> grace period -> free
 *
 *   1  A fault that began before the first seq and installs after the first zap sees seq moved.
 *   2  One that began after it sees the new size.  In a hole it may still have found the old
 *      page; it has installed it before the second zap, or sees the second seq.
 *   3  A page that is being read in or written back is waited for (F), so that write_page is not
 *      called for a page that is gone.
 */
#include "core/file.h"
#include "core/folio.h"
#include "core/range.h"

/* Folios that left the cache, chained through ->index, which nobody looks at any more. */
struct chain {
	pfn_t head;
};

static void move_seq(struct mapping *mapping)
{
	at_add(&mapping->seq, 1); /* visible before the zap looks for tables: zap.c, 4 */
}

static void zap_mappings(struct quire_file *file, uint64_t first, uint64_t last, bool even_cow)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	struct itree_node *node;
	struct tlb_gather g;

	mutex_lock(port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each(&mapping->vmas, first, last, node)
	{
		struct vma *vma = container_of(node, struct vma, node);

		tlb_begin(&g, vma->mm);
		zap_file_range(&g, vma, first, last, even_cow);
		tlb_finish(&g);
	}
	mutex_unlock(port, &mapping->i_lock, RANK_MAPPING);
}

/* The cache's reference goes to the chain. */
static void uncache(struct quire_file *file, uint64_t i, struct folio *folio, struct chain *gone)
{
	struct quire_machine *m = file->machine;
	struct mapping *mapping = &file->mapping;

	folio_lock(m, folio);
	spin_lock(&m->port, &mapping->index_lock, RANK_INDEX);
	if (index_load(&mapping->pages, i) == folio) {
		index_erase(&mapping->pages, i);
		mapping_count_pages(mapping, -1);
		folio->mapping = NULL;
		folio->index = gone->head;
		gone->head = folio_pfn(m, folio);
	}
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	folio_unlock(m, folio);
	folio_put(m, folio);
}

static void uncache_range(struct quire_file *file, uint64_t first, uint64_t last,
			  struct chain *gone)
{
	struct folio *folio;

	for (uint64_t i = first; (folio = filecache_next(file, &i, last, 0)); i++) {
		uncache(file, i, folio, gone);
		if (i == last)
			break;
	}
	/* Who adds a page after this has seen seq moved (file.h, 5), whatever was found above. */
	spin_lock(&file->machine->port, &file->mapping.index_lock, RANK_INDEX);
	spin_unlock(&file->mapping.index_lock, RANK_INDEX);
}

static void free_chain(struct quire_machine *m, struct chain *gone)
{
	struct folio *batch[64];
	unsigned n = 0;

	m->port.synchronize_rcu(m->port.ctx);
	while (gone->head != NO_FRAME) {
		struct folio *folio = pfn_folio(m, gone->head);

		gone->head = (pfn_t)folio->index;
		batch[n++] = folio;
		if (n == 64 || gone->head == NO_FRAME) {
			folio_put_many(m, batch, n);
			n = 0;
		}
	}
}

void mapping_drop(struct quire_file *file, uint64_t first, uint64_t last, bool even_cow)
{
	struct chain gone = {NO_FRAME};

	move_seq(&file->mapping);
	zap_mappings(file, first, last, even_cow);
	uncache_range(file, first, last, &gone);
	if (gone.head == NO_FRAME)
		return;
	move_seq(&file->mapping);
	zap_mappings(file, first, last, even_cow);
	free_chain(file->machine, &gone);
}

/* What lies beyond the end in the last page must read as zero when the file grows again. */
static void zero_tail(struct quire_file *file, uint64_t bytes)
{
	struct quire_machine *m = file->machine;
	uint64_t i = bytes >> PAGE_SHIFT, used = bytes & ~PAGE_MASK;
	struct folio *folio;

	if (!used)
		return;
	folio = filecache_next(file, &i, i, 0);
	if (!folio)
		return;
	folio_lock(m, folio);
	if (folio_test(folio, FOLIO_UPTODATE))
		memset((char *)folio_addr(m, folio) + used, 0, PAGE_SIZE - used);
	folio_unlock(m, folio);
	folio_put(m, folio);
}

int quire_file_truncate(struct quire_file *file, uint64_t bytes)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	int err = -QENOMEM;

	if (bytes > INT64_MAX)
		return -QEINVAL;
	mutex_lock(port, &mapping->write_lock, RANK_FILE);
	if (mapping_may_resize(file, bytes)) {
		mapping_resize(file, bytes);
		mapping_drop(file, PAGE_ALIGN(bytes) >> PAGE_SHIFT, UINT64_MAX, true);
		zero_tail(file, bytes);
		err = 0;
	}
	mutex_unlock(port, &mapping->write_lock, RANK_FILE);
	return err;
}

int file_punch_hole(struct quire_file *file, uint64_t off, uint64_t len)
{
	const struct quire_port *port = &file->machine->port;
	uint64_t first = PAGE_ALIGN(off) >> PAGE_SHIFT, end = (off + len) >> PAGE_SHIFT;

	/* Where the content is elsewhere, it would be read in again. */
	if (file->kind != QUIRE_FILE_SHMEM)
		return -QEOPNOTSUPP;
	if (first >= end)
		return 0;
	mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	mapping_drop(file, first, end - 1, false);
	mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
	return 0;
}
