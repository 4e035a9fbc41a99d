/* SPDX-License-Identifier: MIT */
/*
 * file.h: files as memory sees them: size, page cache, who maps them, writing back.
 *
 * A quire_file has one mapping: its page cache (RAM folios by page offset) and the interval tree of
 * the VMAs that map it.
 *
 *   1  refs counts users: handles of the embedder, VMAs that may have entries, and threads in a
 *      callback of the file's.  With the last of them the file ends (file.c). Its memory and its
 *      pages stay for a grace period.  So a thread that found the file through a VMA under RCU may
 *      look at what the core keeps of it.  It calls none of the file's callbacks without a
 *      reference, and there may be none to be had.
 *   2  Truncation puts the page cache's reference on a folio a grace period after the folio left
 *      the cache.  So what a fault finds stays allocated until it leaves RCU (filemap.c, 5).
 *      Whoever takes a reference for longer relies on nothing of the kind: it tries, and looks
 *      again (filecache.c, 5).
 *   3  mapping->seq moves before pages are dropped from the cache (after the new size is visible).
 *      It moves again when they are withdrawn, which is before the VMAs are zapped.  A fault reads
 *      seq, then size and page.  If it finds seq unmoved under the PTL, it may insert the page.  If
 *      the page is being dropped all the same, the zap comes later and takes the entry out.
 *   4  A VMA is in the interval tree as long as entries of it may exist, and only while all entries
 *      in its range are the file's: a walk of the tree goes by address (edit.c, 3).
 *   5  A folio is added to the cache under X only if seq is as it was before the size was looked
 *      at.  So nothing is left beyond the end.
 */
#ifndef CORE_FILE_FILE_H
#define CORE_FILE_FILE_H

#include "core/base/file_types.h"

/* The bytes of one page of its cache, and the first page number of the one that has the byte. */
static inline uint64_t file_page_size(const struct quire_file *file)
{
	unsigned shift = file->facts.vma_ops->page_shift;

	return shift ? 1ull << shift : PAGE_SIZE;
}

static inline uint64_t file_page_at(const struct quire_file *file, uint64_t off)
{
	return (off & ~(file_page_size(file) - 1)) >> PAGE_SHIFT;
}

/* ---- file.c */

/* The last references on these are gone.  No lock; not in RCU: callbacks are called. */
void files_end(struct quire_file *gone);

/* Bytes, and pages that lie at least partly before the end, as far as the core knows; UINT64_MAX,
 * UINT64_MAX >> PAGE_SHIFT: there is no end. */
uint64_t file_known_size(const struct quire_file *file);
uint64_t file_pages(const struct quire_file *file);
/*
 * Asks the embedder, if the size is the embedder's: the answer is known from then on.  Needs a
 * reference; no lock but what is held over a callback; not in RCU.
 */
uint64_t file_ask_size(struct quire_file *file);
uint64_t file_ask_pages(struct quire_file *file);
/* A reference for a thread that has found the file under RCU.  False: the file has ended. */
bool file_tryget(struct quire_file *file);
/* A reference is dropped while M is held: what ends with it does so in mm_unlock(). */
void file_let_go(struct quire_mm *mm, struct quire_file *file);

/* Memory that is mapped without a file has one all the same.  As on the host it has an inode number
 * of its own, on a device that no embedder has files on. */
#define UNNAMED_DEV 1u
static inline uint64_t file_next_ino(struct quire_machine *m)
{
	return (uint64_t)atomic_add_relaxed(&m->unnamed, 1) + 1;
}

/* ---- shmem.c */

/* A shmem file for MAP_SHARED|MAP_ANONYMOUS.  Reference is the caller's. */
int file_create_shared_anon(struct quire_machine *m, uint64_t bytes, bool noreserve,
			    struct quire_file **out);

/* ---- mapping.c */

/* `mapping` is zeroed.  Charges. */
void mapping_init(struct mapping *mapping, struct quire_file *file, uint64_t bytes);
/* Overcommit allows the file to have that size. */
bool mapping_may_resize(struct quire_file *file, uint64_t bytes);
/* The new size, with its charge.  W held. */
void mapping_resize(struct quire_file *file, uint64_t bytes);
/* n pages more in the cache.  X held. */
void mapping_count_pages(struct mapping *mapping, int64_t n);
/* Pages that the file has charged to committed memory. */
uint64_t mapping_charged(const struct mapping *mapping);
/* No page is added from now on, and those that there are wait for a grace period: counts them. */
void mapping_retire(struct mapping *mapping);
/* Drops the whole cache; a grace period after mapping_retire(). */
void mapping_destroy(struct mapping *mapping);
/* Enters / removes a VMA in its file's interval tree (no-op without file).  Takes I. */
void mapping_link(struct vma *vma);
void mapping_unlink(struct vma *vma);
/* A write, truncation or hole that has begun is over.  Takes W. */
void mapping_await_writer(struct quire_file *file);
/* What walks of the tree that have begun have cleared is flushed (zap.c, 6).  Takes I. */
void mapping_await_walks(struct quire_file *file);

/* ---- filecache.c */

/* Page is in the cache (mincore). RCU held. */
bool mapping_resident(struct quire_file *file, uint64_t pgoff);
/* The cached folio, whatever its state, or NULL.  R; no reference. */
struct folio *filecache_peek(struct quire_file *file, uint64_t pgoff);
/* The first page in the cache from *i to last that has one of `flags` (0: any),
 * with a reference. */
struct folio *filecache_next(struct quire_file *file, uint64_t *i, uint64_t last, uint32_t flags);
/* Pages of one file, in ascending order, each with a reference. */
#define CACHE_RUN 128u
struct cache_run {
	unsigned n;
	struct folio *folio[CACHE_RUN];
	uint64_t pgoff[CACHE_RUN]; /* where they were found: a folio that has left does not know */
};

/* The first pages from i on that have one of `flags`.  False: there are none. */
bool filecache_next_run(struct quire_file *file, uint64_t i, uint64_t last, uint32_t flags,
			struct cache_run *run);
/* Whoever was adding pages, or taking one away, when this was called has done it.  Takes X. */
void filecache_await_writer(struct mapping *mapping);
/* The page leaves the cache; its reference is the caller's now.  X held. */
void filecache_erase(struct mapping *mapping, uint64_t pgoff);
/* The page's content has gone to this folio, which has its place from now on.  X held. */
void filecache_replace(struct mapping *mapping, struct folio *folio);
/* True: the content of a new page is zeroes, nothing has to be read. */
bool filecache_is_zero_fill(const struct quire_file *file);
/*
 * Adds a new zero-filled page for `seq` (invariant 5), or finds the one that was added meanwhile.
 * 0 and *out without a reference (R); -EAGAIN: seq moved; -ENOPAGE, -ENOMEM.  R.
 */
int filecache_add_zero(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio **out);
/*
 * The same with a folio of the caller's, a large one for example, which nobody else knows and which
 * has its content.  If *out is that folio, its reference is the cache's.  R.
 */
int filecache_add_folio(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio *folio,
			struct folio **out);
/*
 * New zero-filled pages for the n from pgoff on, as far as none is there and memory allows: whoever
 * needs one that is not there finds out why.  R.
 */
void filecache_add_zeros(struct quire_file *file, uint64_t pgoff, unsigned n, uint64_t seq);
/* The page with a reference, whatever its state, or a new one of zeros.  No lock but W; not R. */
int filecache_find_or_zero(struct quire_file *file, uint64_t pgoff, uint64_t seq,
			   struct folio **out);
/*
 * The page with its content read in, and a reference; sleeps; no lock but W is held, and not RCU.
 * 0; -EAGAIN: seq moved, or the page has gone; -ENOPAGE, -ENOMEM; what read_page returned.
 */
int filecache_read(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio **out);

/* ---- file_policy.c: shared memory's, for pages [first, last] */

/* 0: that of the thread decides.  R. */
uint64_t file_policy(const struct quire_file *file, uint64_t pgoff);
/* 0, -ENOMEM.  M or no lock. */
int file_set_policy(struct quire_file *file, uint64_t first, uint64_t last, uint64_t policy);
/* Nobody looks at the file any more. */
void file_policies_end(struct quire_file *file);
/* The file's, and not its mappings', decide.  As on the host not of huge pages. */
static inline bool file_has_policies(const struct quire_file *file)
{
	return file->facts.ram_only && !file->facts.vma_ops->page_shift;
}

/* ---- truncate.c */

/*
 * Drops pages [first, last] from the cache and from every VMA; private copies too if even_cow.
 * W held; sleeps.
 */
void truncate_range(struct quire_file *file, uint64_t first, uint64_t last, bool even_cow);
/*
 * W held, before the file gets longer.  Stores through mappings may have left bytes in its last
 * page between its end and `bytes`: these read as zeros then.  Shared memory keeps them, as on the
 * host.  Where the end is the embedder's nothing is done: the core may know an old end, and bytes
 * of the file may lie beyond it.
 */
void file_forget_beyond_end(struct quire_file *file, uint64_t bytes);

/* ---- hole.c: what the embedder makes is kept from writeback, which would fill it again */

struct file_hole {
	struct dlist node;    /* X */
	uint64_t first, last; /* C: pages */
	bool made;            /* X: its pages are being dropped, W held */
};

enum hole_state {
	HOLE_NONE,
	HOLE_BEGUN,
	HOLE_MADE,
};

/* Before punch_hole.  A reference, and no lock; sleeps. */
void hole_begin(struct quire_file *file, struct file_hole *hole, uint64_t first, uint64_t last);
/* After it: drops the pages, or (punch_hole has failed) leaves them. */
void hole_drop(struct quire_file *file, struct file_hole *hole);
void hole_cancel(struct quire_file *file, struct file_hole *hole);
/* F of a page in writeback. */
enum hole_state hole_at(struct mapping *mapping, uint64_t pgoff);

/* ---- clean.c */

/*
 * The pages lose the write bit in all entries, and whoever may still store to them is flushed.  F
 * of each held; takes I; sleeps.
 */
void mapping_clean(struct quire_file *file, const struct cache_run *run);

/* ---- writeback.c */

/* Writes dirty pages [first, last] of the cache through write_page.  0 or the first error; *failed
 * (NULL: not wanted) are the pages that could not be written.  Sleeps; neither M nor RCU is held.
 */
int mapping_writeback(struct quire_file *file, uint64_t first, uint64_t last, uint64_t *failed);

#endif
