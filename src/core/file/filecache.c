/* SPDX-License-Identifier: MIT */
/*
 * filecache.c: the page cache: finding, adding and reading in.
 *
 * mapping->pages is read under RCU and changed under X. A folio's content is filled under its lock
 * (F). Invariants 2, 3 and 5 of file.h are kept here and in truncate.c.
 *
 *   1  folio->mapping and ->index are set before the folio is published.  mapping becomes NULL,
 *      under F, when the folio is withdrawn (4), and when its file has ended, a grace period before
 *      that is freed: who has a reference on a page reads it under R.
 *   2  FOLIO_UPTODATE is set once, under F or before publication, after the content is there.  A
 *      folio without it is never mapped.  Who finds it set sees the content, though nothing else
 *      may lie between it and the thread that has read it in: folio_is_up_to_date().
 *   3  A failed read leaves the folio in the cache, not up to date: the next one tries again.
 *   4  A folio that is in the cache and belongs to no mapping is withdrawn: it goes when nobody can
 *      reach it (truncate.c, 1). A thread that wants the page waits until that is done: it waits
 *      for W.
 *   5  A page may leave the cache, and its frame be another's page, as soon as it was found.  So a
 *      reference on what was found is tried, and then the slot is read again.  Whoever takes a page
 *      away freezes it under X, and has taken it out of its slot, or unfrozen it, when X is given
 *      back: a thread that finds it frozen waits for X.
 *   6  A page that leaves the cache, or its slot, is not another page's before all readers that may
 *      have found it are gone: a grace period later (truncate.c; migrate.c).  So a fault that maps
 *      what it has found tries for a reference, and need not read the slot again (filemap.c, 5).
 */
#include "core/file/file.h"
#include "core/frame/place.h"
#include "core/frame/reclaim.h"

struct folio *filecache_peek(struct quire_file *file, uint64_t pgoff)
{
	return index_load(&file->mapping.pages, pgoff);
}

void filecache_await_writer(struct mapping *mapping)
{
	spin_lock(&mapping->file->machine->port, &mapping->index_lock, RANK_INDEX);
	spin_unlock(&mapping->index_lock, RANK_INDEX);
}

/* What was found is another's page by now (`got`: and has our reference), or frozen.  Rare. */
static __attribute__((noinline)) void lose(struct mapping *mapping, struct folio *folio, bool got)
{
	if (got)
		folio_put(mapping->file->machine, folio);
	else
		filecache_await_writer(mapping);
}

/* The slot's page with a reference, if it has one of `flags` (0: any).  Invariant 5.  R. */
static inline struct folio *get_slot(struct mapping *mapping, void *const *slot, uint32_t flags)
{
	struct folio *folio;

	while ((folio = atomic_load(slot)) && (!flags || folio_test(folio, flags))) {
		bool got = folio_try_get(folio);

		if (likely(got && (!RULE(slot_asked_again) || atomic_load(slot) == folio)))
			return folio;
		lose(mapping, folio, got);
	}
	return NULL;
}

/* The page in the cache, whatever its state, with a reference, or NULL.  R. */
static inline struct folio *get_page(struct quire_file *file, uint64_t pgoff, uint32_t flags)
{
	unsigned n;
	void *const *slot = index_slots(&file->mapping.pages, pgoff, &n);

	return slot ? get_slot(&file->mapping, slot, flags) : NULL;
}

struct folio *filecache_next(struct quire_file *file, uint64_t *i, uint64_t last, uint32_t flags)
{
	const struct quire_port *port = &file->machine->port;
	struct folio *folio = NULL;
	void *there;

	rcu_read_lock(port);
	index_for_each (&file->mapping.pages, *i, last, *i, there) {
		folio = get_page(file, *i, flags);
		if (folio)
			break;
	}
	rcu_read_unlock(port);
	return folio;
}

/* Of n slots that lie side by side, the first of page i. */
static void add_to_run(struct mapping *mapping, void *const *slots, uint64_t i, unsigned n,
		       uint32_t flags, struct cache_run *run)
{
	for (; n && run->n < CACHE_RUN; n--, i++, slots++) {
		struct folio *folio = get_slot(mapping, slots, flags);

		if (!folio)
			continue;
		run->folio[run->n] = folio;
		run->pgoff[run->n++] = i;
	}
}

bool filecache_next_run(struct quire_file *file, uint64_t i, uint64_t last, uint32_t flags,
			struct cache_run *run)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	void *const *slots;
	unsigned n;

	run->n = 0;
	rcu_read_lock(port);
	for (; run->n < CACHE_RUN && index_next(&mapping->pages, &i) && i <= last; i += n) {
		slots = index_slots(&mapping->pages, i, &n);
		if (n > last - i)
			n = (unsigned)(last - i) + 1;
		if (slots)
			add_to_run(mapping, slots, i, n, flags, run);
	}
	rcu_read_unlock(port);
	return run->n;
}

bool filecache_is_zero_fill(const struct quire_file *file)
{
	return !file->ops.read_page;
}

/* X held. */
static bool may_insert(const struct mapping *mapping, uint64_t seq)
{
	if (RULE(cache_seq_check) && atomic_load(&mapping->seq) != seq)
		return false;
	/* It may have been found by a dead VMA: file.c, 3. */
	return !RULE(dead_file_takes_no_page) || atomic_load(&mapping->file->refs);
}

/* X held. */
static int insert_locked(struct mapping *mapping, uint64_t pgoff, uint64_t seq, struct folio *folio,
			 struct folio **found)
{
	int err;

	if (!may_insert(mapping, seq))
		return -QEAGAIN;
	*found = index_load(&mapping->pages, pgoff);
	if (*found)
		return 0;
	STEP("adds page %lu to the cache", pgoff);
	err = index_store(&mapping->pages, pgoff, folio);
	if (err)
		return err;
	mapping_count_pages(mapping, 1);
	*found = folio;
	return 0;
}

/* A folio that nobody else knows yet, but for a walk over frames. */
static void prepare(struct quire_file *file, uint64_t pgoff, uint32_t flags, struct folio *folio)
{
	folio->mapping = &file->mapping;
	folio->index = pgoff;
	atomic_store(&folio->flags, file->facts.folio_flags | FOLIO_CACHE | flags);
}

/* *found: folio, whose reference is the cache's now, or the one that was there already. */
static int insert(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio *folio,
		  struct folio **found)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	int err;

	spin_lock(port, &mapping->index_lock, RANK_INDEX);
	err = insert_locked(mapping, pgoff, seq, folio, found);
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	return err;
}

/* Interleaving places shared memory by the page's number, and other files' pages in turn. */
static uint64_t place_number(const struct quire_file *file, uint64_t pgoff)
{
	return file_has_policies(file) ? pgoff : NO_NUMBER;
}

static struct folio *alloc_page(struct quire_file *file, uint64_t pgoff)
{
	struct quire_machine *m = file->machine;

	return likely(!m->many_nodes) ? folio_alloc(m, 0, ALLOC_ZERO)
				      : folio_alloc_placed(m, ALLOC_ZERO, file_policy(file, pgoff),
							   place_number(file, pgoff));
}

static unsigned alloc_pages(struct quire_file *file, uint64_t pgoff, struct folio **v, unsigned n)
{
	unsigned i = 0;

	if (likely(!file->machine->many_nodes))
		return folio_alloc_many(file->machine, v, n, ALLOC_ZERO);
	while (i < n && (v[i] = alloc_page(file, pgoff + i)))
		i++;
	return i;
}

static int add_new(struct quire_file *file, uint64_t pgoff, uint64_t seq, uint32_t flags,
		   struct folio **out)
{
	/* Zeroed also where read_page will fill it: a short read must show nobody's data. */
	struct folio *folio = alloc_page(file, pgoff);
	int err;

	if (!folio)
		return -ENOPAGE;
	prepare(file, pgoff, flags, folio);
	err = insert(file, pgoff, seq, folio, out);
	if (err || *out != folio)
		folio_put(file->machine, folio);
	return err;
}

int filecache_add_zero(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio **out)
{
	return add_new(file, pgoff, seq, FOLIO_UPTODATE, out);
}

/* What it is comes last: a walk over frames goes by that. */
int filecache_add_folio(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio *folio,
			struct folio **out)
{
	folio->mapping = &file->mapping;
	folio->index = pgoff;
	folio_set(folio, file->facts.folio_flags | FOLIO_CACHE | FOLIO_UPTODATE);
	return insert(file, pgoff, seq, folio, out);
}

/* X held.  Returns how many of the n folios the cache has taken. */
static unsigned insert_many(struct mapping *mapping, uint64_t pgoff, uint64_t seq, struct folio **v,
			    unsigned n)
{
	if (!may_insert(mapping, seq))
		return 0;
	n = index_fill(&mapping->pages, pgoff, (void *const *)v, n);
	STEP("adds %u pages from %lu on to the cache", n, pgoff);
	mapping_count_pages(mapping, n);
	return n;
}

void filecache_add_zeros(struct quire_file *file, uint64_t pgoff, unsigned n, uint64_t seq)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	struct folio *v[FOLIO_ALLOC_MANY];
	unsigned added;

	n = alloc_pages(file, pgoff, v, min_u32(n, FOLIO_ALLOC_MANY));
	for (unsigned i = 0; i < n; i++)
		prepare(file, pgoff + i, FOLIO_UPTODATE, v[i]);
	spin_lock(port, &mapping->index_lock, RANK_INDEX);
	added = insert_many(mapping, pgoff, seq, v, n);
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	while (n > added)
		folio_put(file->machine, v[--n]);
}

/* A new page with `flags`, or the one that was added meanwhile.  R. */
static __attribute__((noinline)) int add_page(struct quire_file *file, uint64_t pgoff, uint64_t seq,
					      uint32_t flags, struct folio **out)
{
	struct folio *added;
	int err;

	do {
		err = add_new(file, pgoff, seq, flags, &added);
		*out = err ? NULL : get_page(file, pgoff, 0);
	} while (!err && !*out);
	return err;
}

/* The page, whatever its state, with a reference; a new one has `flags`. */
static int find_or_add(struct quire_file *file, uint64_t pgoff, uint64_t seq, uint32_t flags,
		       struct folio **out)
{
	const struct quire_port *port = &file->machine->port;
	int err = 0;

	rcu_read_lock(port);
	*out = get_page(file, pgoff, 0);
	if (unlikely(!*out))
		err = add_page(file, pgoff, seq, flags, out);
	rcu_read_unlock(port);
	return err;
}

int filecache_find_or_zero(struct quire_file *file, uint64_t pgoff, uint64_t seq,
			   struct folio **out)
{
	return find_or_add(file, pgoff, seq, FOLIO_UPTODATE, out);
}

void filecache_erase(struct mapping *mapping, uint64_t pgoff)
{
	index_erase(&mapping->pages, pgoff);
	mapping_count_pages(mapping, -1);
}

void filecache_replace(struct mapping *mapping, struct folio *folio)
{
	int err = index_store(&mapping->pages, folio->index, folio);

	Q_ASSERT(mapping->file->machine, !err); /* the slot is there */
}

/* Errors that mean something else to the callers of filecache_read() become EIO. */
static int read_in(struct quire_file *file, uint64_t pgoff, struct folio *folio)
{
	void *mem = folio_addr(file->machine, folio);
	unsigned outer = lock_rank_nest();
	int err;

	STEP("reads page %lu in", pgoff);
	err = file->ops.read_page(file->priv, pgoff, mem);
	lock_rank_unnest(outer);
	if (err)
		return err == -QEAGAIN || err == -QENOMEM ? -QEIO : err;
	STEP("page %lu is up to date", pgoff);
	folio_set(folio, FOLIO_UPTODATE);
	return 0;
}

/* F held. */
static int fill_locked(struct quire_file *file, uint64_t pgoff, struct folio *folio)
{
	if (folio->mapping != &file->mapping)
		return -QEAGAIN;
	if (RULE(read_in_once) && folio_is_up_to_date(folio))
		return 0;
	return read_in(file, pgoff, folio);
}

int filecache_read(struct quire_file *file, uint64_t pgoff, uint64_t seq, struct folio **out)
{
	struct quire_machine *m = file->machine;
	uint32_t flags = filecache_is_zero_fill(file) ? FOLIO_UPTODATE : 0;
	int err = find_or_add(file, pgoff, seq, flags, out);

	if (err)
		return err;
	if (folio_is_up_to_date(*out))
		return 0;
	folio_lock(m, *out);
	err = fill_locked(file, pgoff, *out);
	folio_unlock(m, *out);
	if (err)
		folio_put(m, *out);
	if (err == -QEAGAIN) { /* invariant 4; a thread that holds W has met none */
		STEP("waits for the thread that takes the page out of the file");
		mapping_await_writer(file);
	}
	return err;
}

bool mapping_resident(struct quire_file *file, uint64_t pgoff)
{
	struct folio *folio;
	bool resident;

	if (!file->facts.cached)
		return pgoff < file_pages(file); /* the embedder holds all of it */
	if (unlikely(file->facts.vma_ops->page_shift))
		return false; /* as on the host: large pages are in core where they are mapped */
	do {
		folio = filecache_peek(file, pgoff);
		resident = folio && folio_is_up_to_date(folio);
	} while (filecache_peek(file, pgoff) != folio); /* invariant 5 */
	return resident;
}
