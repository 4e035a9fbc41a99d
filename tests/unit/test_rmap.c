/* SPDX-License-Identifier: MIT */
/*
 * test_rmap.c: from a page to all entries that map it.
 */
#include "core/file/file.h"
#include "core/rmap/walk.h"
#include "unit.h"

#define BASE (1ull << 38)
#define LEN (8 * UPAGE)
#define MOST 16u

struct found {
	struct rmap_walk walk;
	unsigned n, flushes, stop_at;
	struct quire_mm *mm[MOST];
	uint64_t addr[MOST];
};

static enum rmap_next note(struct rmap_walk *w, struct rmap_place *p)
{
	struct found *f = container_of(w, struct found, walk);

	assert_true(f->n < MOST);
	assert_int_equal(entry_folio(p->mm->machine, p->e), w->folio);
	assert_int_equal(*p->ref.entry, p->e);
	f->mm[f->n] = p->mm;
	f->addr[f->n++] = p->addr;
	return f->n == f->stop_at ? RMAP_STOP : RMAP_GO_ON;
}

static void flush(struct rmap_walk *w, struct quire_mm *mm)
{
	struct found *f = container_of(w, struct found, walk);

	assert_int_equal(f->mm[f->n - 1], mm);
	f->flushes++;
}

static void walk(struct unit *u, struct found *f, struct folio *folio)
{
	*f = (struct found){.walk = {.folio = folio, .entry = note, .flush = flush},
			    .stop_at = f->stop_at};
	folio_lock(u->m, folio);
	assert_true(rmap_begin(u->m, &f->walk));
	rmap_walk(u->m, &f->walk);
	rmap_end(u->m, &f->walk);
	folio_unlock(u->m, folio);
}

static bool has(const struct found *f, const struct quire_mm *mm, uint64_t addr)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->mm[i] == mm && f->addr[i] == addr)
			return true;
	return false;
}

/* Page 3 of the file: by a whole mapping, by a later part of it, split, and of a child. */
static void file_page(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct quire_mm *child;
	struct found f = {0};
	struct folio *folio;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_map_file(u->mm, BASE + LEN, 4 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 2 * UPAGE);
	unit_map_file(u->mm, BASE + 2 * LEN, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, BASE + 3 * UPAGE, 7);
	assert_int_equal(unit_load(u->mm, BASE + LEN + UPAGE), 7);
	unit_store(u->mm, BASE + 2 * LEN + 3 * UPAGE, 8); /* a private copy: not the file's */
	assert_int_equal(quire_mprotect(u->mm, BASE + 2 * UPAGE, 2 * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	folio = filecache_peek(file, 3);
	walk(u, &f, folio);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.flushes, 2);
	assert_true(has(&f, u->mm, BASE + 3 * UPAGE) && has(&f, u->mm, BASE + LEN + UPAGE));
	assert_int_equal(unit_load(child, BASE + 3 * UPAGE), 7);
	walk(u, &f, folio);
	assert_int_equal(f.n, 3);
	assert_true(has(&f, child, BASE + 3 * UPAGE));
	f.stop_at = 1;
	walk(u, &f, folio);
	assert_int_equal(f.n, 1);
	assert_int_equal(quire_munmap(u->mm, BASE, LEN), 0);
	f.stop_at = 0;
	walk(u, &f, folio);
	assert_int_equal(f.n, 2);
	quire_mm_put(child);
	quire_file_put(file);
}

/* A private mapping maps the file's page as long as it only reads. */
static void file_page_read_privately(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct found f = {0};
	struct folio *folio;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_map_file(u->mm, BASE + LEN, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, BASE, 7);
	assert_int_equal(unit_load(u->mm, BASE + LEN), 7);
	folio = filecache_peek(file, 0);
	walk(u, &f, folio);
	assert_int_equal(f.n, 2);
	unit_store(u->mm, BASE + LEN, 8);
	walk(u, &f, folio);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.addr[0], BASE);
	quire_file_put(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(file_page),
	    unit_test(file_page_read_privately),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
