/* SPDX-License-Identifier: MIT */
/*
 * found.c: threads that find a folio without holding what keeps it: in a file's cache, or by the
 * number of its frame.  They try for a reference, against whoever frees the folio at once.
 *
 * Nothing in the core frees a page of a cache without a grace period yet: take_page() does here
 * what reclaim will have to do.
 */
#include "check/world/scenario.h"
#include "core/file/file.h"
#include "core/frame/folio.h"

#define SECOND (w->addr + PAGE)

/* ---- a page of a file's cache ---------------------------------------------------------------- */

/* Under X, with a reference and F: nobody else has the page but the cache. */
static bool freeze_and_erase(struct quire_file *file, uint64_t pgoff, struct folio *folio)
{
	struct mapping *mapping = &file->mapping;
	struct quire_port port;
	bool frozen;

	sched_port(&port);
	spin_lock(&port, &mapping->index_lock, RANK_INDEX);
	frozen = folio->mapping == mapping && folio_freeze(folio, 2);
	if (frozen) {
		STEP("freezes page %lu and takes it out of the cache", pgoff);
		filecache_erase(mapping, pgoff);
		folio->mapping = NULL;
	}
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	return frozen;
}

/* A clean page that nobody maps or uses goes, and is free at once.  True: it did. */
static bool take_page(struct world *w, uint64_t pgoff)
{
	uint64_t i = pgoff;
	struct folio *folio = filecache_next(w->file, &i, pgoff, 0);
	bool gone;

	if (!folio)
		return false;
	folio_lock(w->m, folio);
	gone = !folio_test(folio, FOLIO_DIRTY | FOLIO_WRITEBACK) &&
	       freeze_and_erase(w->file, pgoff, folio);
	folio_unlock(w->m, folio);
	if (gone)
		frames_free(w->m, folio);
	else
		folio_put(w->m, folio);
	return gone;
}

static uint64_t read_page(struct world *w, uint64_t page)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, page * PAGE, &value, sizeof(value));

	expect(n == sizeof(value), "a read gives %lld", (long long)n);
	return value;
}

static void setup_read(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	read_page(w, 0);
}

/* The frame that has become free is the next that is taken. */
static void take_and_read_second(struct world *w)
{
	take_page(w, 0);
	expect(read_page(w, 1) == 2, "page 1 is another");
}

static void read_first(struct world *w)
{
	uint64_t value = read_page(w, 0);

	expect(value == 1, "page 0 reads %llu", (unsigned long long)value);
}

SCENARIO(found_read) = {
    .name = "found-read",
    .title = "a read of a cached page against whoever takes it away and uses its frame",
    .source = "filecache.c, 5",
    .pairs = "whoever takes a page away × read, write",
    .setup = setup_read,
    .actors = {{"read", read_first}, {"reclaim", take_and_read_second}},
    .nr_guards = 2,
    .guards = {RULE_reference_tried, RULE_slot_asked_again},
};

/* Truncation and writeback go through the cache from page to page. */
static void setup_both_read(struct world *w)
{
	setup_read(w);
	read_page(w, 1);
}

static void take_second(struct world *w)
{
	take_page(w, 1);
}

static void check_first_only(struct world *w)
{
	expect(quire_file_resident(w->file) == PAGE, "the file has %llu bytes in its cache",
	       (unsigned long long)quire_file_resident(w->file));
}

SCENARIO(found_truncate) = {
    .name = "found-truncate",
    .title = "truncation of a cached page against whoever takes it away",
    .source = "filecache.c, 5",
    .pairs = "whoever takes a page away × truncate",
    .setup = setup_both_read,
    .actors = {{"truncate", truncate_to_one}, {"reclaim", take_second}},
    .check = check_first_only,
    .nr_guards = 1,
    .guards = {RULE_reference_tried},
};

static void write_and_sync(struct world *w)
{
	uint64_t value = 9;

	expect(quire_file_write(w->file, 0, &value, sizeof(value)) == sizeof(value),
	       "a write to the file fails");
	must(quire_file_sync(w->file), "sync");
	expect(atomic_load(&w->disk[0]) == 9, "sync has returned and the disk has %llu",
	       (unsigned long long)atomic_load(&w->disk[0]));
}

static void take_first(struct world *w)
{
	take_page(w, 0);
}

static void check_written(struct world *w)
{
	expect(read_page(w, 0) == 9, "page 0 reads %llu", (unsigned long long)read_page(w, 0));
}

SCENARIO(found_write) = {
    .name = "found-write",
    .title = "a write to a cached page, and its sync, against whoever takes it away",
    .source = "filecache.c, 5",
    .pairs = "whoever takes a page away × write back",
    .setup = setup_read,
    .actors = {{"write", write_and_sync}, {"reclaim", take_first}},
    .check = check_written,
    .nr_guards = 1,
    .guards = {RULE_reference_tried},
};

/* ---- frames by number ------------------------------------------------------------------------ */

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	note(w, 0, (quire_pte(w->mm, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
}

/* As a walk over RAM would do that moves what it finds. */
static void try_frame(struct world *w)
{
	struct folio *folio = pfn_folio(w->m, noted(w, 0));

	if (!folio_try_get(folio))
		return;
	STEP("has a reference on frame %u", folio_pfn(w->m, folio));
	folio_put(w->m, folio);
}

static void unmap_page(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(found_frame) = {
    .name = "found-frame",
    .title = "a walk over the frames of RAM against munmap of a page",
    .source = "folio.c, 1",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup_page,
    .actors = {{"walk", try_frame}, {"munmap", unmap_page}},
    .nr_guards = 1,
    .guards = {RULE_reference_tried},
};
