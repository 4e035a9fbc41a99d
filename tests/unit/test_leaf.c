/* SPDX-License-Identifier: MIT */
/*
 * test_leaf.c: large folios that entries of upper tables map as a whole (leaves), under all calls:
 * fork, mremap, munmap, mprotect, truncation, pins, walks, migration.  The kind that makes them is
 * the checker's (src/check/world/large.c).  After each step the books balance.
 */
#include "check/world/large.h"
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"
#include "core/rmap/walk.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"
#include "stress.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>

#define BIG (2ull << 20)
#define GIB (1ull << 30)
#define BASE 0x600000000000ull
#define FAR 0x700000000000ull
#define LP(n) (BASE + (n)*BIG)
#define SMALL(n) ((n)*UPAGE)

struct leaf_test {
	struct unit u; /* first */
	struct large l;
	struct quire_file *file;
	struct quire_mm *child;
};

static struct quire_file *make_file(struct leaf_test *t, enum quire_file_kind kind)
{
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = kind,
					  .priv = &t->l,
					  .bytes = 4 * GIB,
					  .writable = true,
					  .name = "large"};
	struct quire_file *file;

	assert_int_equal(quire_file_create(t->u.m, &opts, &file), 0);
	return file;
}

static int up(void **state)
{
	struct leaf_test *t = calloc(1, sizeof(*t));

	unit_up(&t->u, NULL, NULL);
	large_register(t->u.m);
	t->file = make_file(t, LARGE_2M);
	*state = t;
	return 0;
}

static void put_child(struct leaf_test *t)
{
	unit_verify(&t->u);
	quire_mm_put(t->child);
	t->child = NULL;
	unit_verify(&t->u);
}

static int down(void **state)
{
	struct leaf_test *t = *state;

	if (t->child)
		put_child(t);
	if (t->file)
		quire_file_put(t->file);
	unit_down(&t->u);
	free(t);
	return 0;
}

static void map(struct leaf_test *t, uint64_t addr, uint64_t len, int flags)
{
	unit_map_file(t->u.mm, addr, len, URW, flags | QMAP_FIXED, t->file, 0);
}

static pte_t entry_at(struct quire_mm *mm, uint64_t addr, unsigned *level)
{
	struct pt_walk w;
	pte_t e = pt_find(mm, addr, &w);

	*level = w.level;
	return e;
}

static struct folio *leaf_at(struct leaf_test *t, struct quire_mm *mm, uint64_t addr, unsigned want)
{
	unsigned level;
	pte_t e = entry_at(mm, addr, &level);

	assert_int_equal(level, want);
	assert_true(e & PTE_LEAF);
	return entry_folio(t->u.m, e);
}

static struct folio *folio_at(struct leaf_test *t, uint64_t addr)
{
	return leaf_at(t, t->u.mm, addr, 1);
}

static void expect_counts(struct leaf_test *t, struct folio *f, int64_t maps, int64_t refs)
{
	unit_verify(&t->u);
	assert_int_equal(atomic_load(&f->mapcount), maps);
	assert_int_equal(atomic_load(&f->refs), refs);
}

static bool is_none(struct quire_mm *mm, uint64_t addr)
{
	return !quire_pte(mm, addr);
}

static int move_to(struct leaf_test *t, uint64_t from, uint64_t len, uint64_t to)
{
	uint64_t out;

	return quire_mremap(t->u.mm, from, len, len, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out);
}

/* ---- faults -------------------------------------------------------------------- */

static void test_one_fault_maps_all(void **state)
{
	struct leaf_test *t = *state;
	struct quire_fault out;
	struct folio *f;

	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	assert_int_equal(unit_fault(t->u.mm, LP(0) + SMALL(5), QUIRE_WRITE, &out), QUIRE_FAULT_OK);
	assert_int_equal(out.kind, QUIRE_KIND_ANON);
	f = folio_at(t, LP(0));
	assert_int_equal(pte_frame(out.pte), folio_pfn(t->u.m, f) + 5);
	assert_int_equal(out.pte & PTE_LEAF, 0);
	expect_counts(t, f, 512, 512);
	assert_int_equal(unit_rss(t->u.mm), 512);
	unit_store(t->u.mm, LP(0) + SMALL(511), 7);
	assert_int_equal(unit_load(t->u.mm, LP(0) + SMALL(511)), 7);
	assert_true(is_none(t->u.mm, LP(1)));
	assert_int_equal(t->u.mm->nr_tables, 3);
	assert_int_equal(quire_munmap(t->u.mm, LP(0), 2 * BIG), 0);
	assert_int_equal(t->u.mm->nr_tables, 1);
	assert_int_equal(unit_rss(t->u.mm), 0);
}

/* Read first: private, and read-only until it is written. */
static void test_read_then_write(void **state)
{
	struct leaf_test *t = *state;
	struct quire_fault out;

	map(t, LP(0), BIG, QMAP_PRIVATE);
	assert_int_equal(unit_fault(t->u.mm, LP(0), QUIRE_READ, &out), QUIRE_FAULT_OK);
	assert_int_equal(out.pte & PTE_WRITE, 0);
	assert_int_equal(unit_fault(t->u.mm, LP(0), QUIRE_READ, &out), QUIRE_FAULT_OK);
	assert_int_equal(out.kind, QUIRE_KIND_SPURIOUS);
	assert_int_equal(unit_fault(t->u.mm, LP(0) + SMALL(3), QUIRE_WRITE, &out), QUIRE_FAULT_OK);
	assert_int_equal(out.kind, QUIRE_KIND_COW_REUSE);
	assert_int_equal(pte_frame(out.pte), folio_pfn(t->u.m, folio_at(t, LP(0))) + 3);
}

/* A mapping over others takes over their tables, empty ones of the last level among them. */
static void test_table_in_the_way(void **state)
{
	struct leaf_test *t = *state;

	unit_map(t->u.mm, LP(0), 3 * BIG, URW, UANON | QMAP_FIXED);
	unit_store(t->u.mm, LP(0), 1);
	unit_store(t->u.mm, LP(2), 1);
	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0) + SMALL(9), 2);
	folio_at(t, LP(0));
	assert_int_equal(unit_load(t->u.mm, LP(2)), 1);
	unit_verify(&t->u);
}

static void test_populate_and_lock(void **state)
{
	struct leaf_test *t = *state;
	struct quire_mm_stats st;
	struct quire_pin pin;

	map(t, LP(0), 4 * BIG, QMAP_PRIVATE | QMAP_POPULATE);
	quire_mm_stats(t->u.mm, &st);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 4);
	assert_int_equal(quire_mlock(t->u.mm, LP(0) + UPAGE, UPAGE, 0), 0);
	assert_int_equal(quire_madvise(t->u.mm, LP(0), 4 * BIG, QMADV_POPULATE_WRITE), 0);
	quire_mm_stats(t->u.mm, &st);
	assert_true(st.faults[QUIRE_KIND_SPURIOUS] <= 8);
	assert_int_equal(quire_pin(t->u.mm, LP(1) + SMALL(7), QUIRE_WRITE, &pin), 0);
	assert_int_equal(pin.frame, folio_pfn(t->u.m, folio_at(t, LP(1))) + 7);
	assert_int_equal(folio_pins(folio_at(t, LP(1))), 1);
	unit_verify(&t->u);
	quire_unpin(t->u.m, &pin);
}

static void test_shared(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f;

	map(t, LP(0), 2 * BIG, QMAP_SHARED);
	map(t, FAR, 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(1) + SMALL(4), 11);
	f = folio_at(t, LP(1));
	expect_counts(t, f, 512, 513);
	assert_int_equal(unit_load(t->u.mm, FAR + BIG + SMALL(4)), 11);
	expect_counts(t, f, 1024, 1025);
	unit_store(t->u.mm, FAR + BIG, 5); /* a copy */
	expect_counts(t, f, 512, 513);
	assert_int_equal(unit_load(t->u.mm, FAR + BIG + SMALL(4)), 11);
	assert_int_equal(unit_load(t->u.mm, LP(1)), 0);
	assert_int_equal(quire_file_truncate(t->file, BIG), 0);
	assert_true(is_none(t->u.mm, LP(1)));
	assert_true(is_none(t->u.mm, FAR + BIG));
	assert_int_equal(unit_fault(t->u.mm, LP(1), QUIRE_READ, NULL), QUIRE_FAULT_BUS);
	assert_int_equal(quire_file_truncate(t->file, 2 * BIG), 0);
	assert_int_equal(unit_load(t->u.mm, LP(1) + SMALL(4)), 0);
}

/* The private copy stays, the cache's page goes. */
static void test_punch(void **state)
{
	struct leaf_test *t = *state;

	map(t, LP(0), BIG, QMAP_SHARED);
	map(t, FAR, BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0), 1);
	unit_store(t->u.mm, FAR, 2);
	assert_int_equal(quire_file_punch(t->file, 0, BIG), 0);
	unit_verify(&t->u);
	assert_true(is_none(t->u.mm, LP(0)));
	assert_int_equal(unit_load(t->u.mm, FAR), 2);
	assert_int_equal(unit_load(t->u.mm, LP(0)), 0);
}

/* ---- what is told -------------------------------------------------------------- */

static void test_told(void **state)
{
	static uint8_t vec[2 * BIG / UPAGE];
	struct leaf_test *t = *state;
	struct quire_usage usage;

	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0), 1);
	assert_int_equal(quire_mincore(t->u.mm, LP(0), 2 * BIG, vec), 0);
	assert_int_equal(vec[0] + vec[511], 2);
	quire_range_usage(t->u.mm, LP(0), LP(2), &usage);
	assert_int_equal(usage.rss, BIG);
	assert_int_equal(usage.private_dirty, BIG);
	assert_int_equal(quire_page_node(t->u.mm, LP(0) + SMALL(9)), 0);
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	quire_range_usage(t->u.mm, LP(0), LP(2), &usage);
	assert_int_equal(usage.shared_dirty, BIG);
	assert_int_equal(usage.pss_shifted >> 12, BIG / 2);
}

/* ---- fork ---------------------------------------------------------------------- */

static void test_fork(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f;

	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0) + SMALL(3), 3);
	f = folio_at(t, LP(0));
	t->u.flushes = 0;
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	assert_int_equal(t->u.flushes, 1);
	expect_counts(t, f, 1024, 1024);
	assert_ptr_equal(leaf_at(t, t->child, LP(0), 1), f);
	assert_false(folio_test(f, FOLIO_EXCLUSIVE));
	assert_int_equal(quire_pte(t->u.mm, LP(0)) & PTE_WRITE, 0);
	assert_true(is_none(t->child, LP(1)));
	unit_store(t->u.mm, LP(0), 4);
	assert_ptr_not_equal(folio_at(t, LP(0)), f);
	expect_counts(t, f, 512, 512);
	assert_int_equal(unit_load(t->u.mm, LP(0) + SMALL(3)), 3);
	assert_int_equal(unit_load(t->child, LP(0)), 0);
	unit_store(t->child, LP(0), 5); /* the last user keeps it */
	assert_ptr_equal(leaf_at(t, t->child, LP(0), 1), f);
	expect_counts(t, f, 512, 512);
	put_child(t);
}

static void test_fork_of_pinned(void **state)
{
	struct leaf_test *t = *state;
	struct quire_pin pin;
	struct folio *f;

	map(t, LP(0), BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0) + SMALL(3), 3);
	f = folio_at(t, LP(0));
	assert_int_equal(quire_pin(t->u.mm, LP(0), QUIRE_WRITE, &pin), 0);
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	expect_counts(t, f, 512, 513);
	assert_true(folio_test(f, FOLIO_EXCLUSIVE));
	assert_ptr_not_equal(leaf_at(t, t->child, LP(0), 1), f);
	assert_int_equal(unit_load(t->child, LP(0) + SMALL(3)), 3);
	unit_store(t->u.mm, LP(0), 9);
	assert_int_equal(*(uint64_t *)pin.mem, 9);
	assert_int_equal(unit_load(t->child, LP(0)), 0);
	put_child(t);
	t->l.child_goes_without = true;
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	assert_true(is_none(t->child, LP(0)));
	put_child(t);
	t->l.fork_error = -ENOMEM;
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), -ENOMEM);
	t->child = NULL;
	quire_unpin(t->u.m, &pin);
	unit_verify(&t->u);
}

/* As often as can be counted, and not once more. */
static void test_fork_too_often(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f;
	uint32_t more;

	map(t, LP(0), BIG, QMAP_PRIVATE);
	map(t, FAR, BIG, QMAP_SHARED);
	unit_store(t->u.mm, LP(0), 3);
	unit_store(t->u.mm, FAR, 3);
	f = folio_at(t, LP(0));
	more = 0x7f000000u - 512 - (uint32_t)f->refs;
	f->refs += more + 1;
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), -ENOMEM);
	f->refs--;
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	f->refs -= more;
	put_child(t);
	f = folio_at(t, FAR);
	f->refs += more;
	map(t, FAR + BIG, BIG, QMAP_SHARED);
	assert_int_equal(unit_fault(t->u.mm, FAR + BIG, QUIRE_READ, NULL), QUIRE_FAULT_OOM);
	f->refs -= more;
}

/* ---- mremap -------------------------------------------------------------------- */

static void test_move(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f, *g;

	map(t, LP(0), 4 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(1), 1);
	unit_store(t->u.mm, LP(3), 3);
	f = folio_at(t, LP(1));
	g = folio_at(t, LP(3));
	t->u.flushes = 0;
	assert_int_equal(move_to(t, LP(0), 4 * BIG, FAR), 0);
	assert_int_equal(t->u.flushes, 2); /* the leaves at once, and the tables */
	expect_counts(t, f, 512, 512);
	assert_ptr_equal(folio_at(t, FAR + BIG), f);
	assert_ptr_equal(folio_at(t, FAR + 3 * BIG), g);
	assert_true(is_none(t->u.mm, LP(1)));
	assert_int_equal(unit_load(t->u.mm, FAR + BIG), 1);
	/* A part, and back, over another one. */
	map(t, LP(0), 4 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(2), 9);
	assert_int_equal(move_to(t, FAR + BIG, BIG, LP(2)), 0);
	unit_verify(&t->u);
	assert_ptr_equal(folio_at(t, LP(2)), f);
	assert_int_equal(unit_load(t->u.mm, LP(2)), 1);
	assert_int_equal(unit_load(t->u.mm, FAR + 3 * BIG), 3);
}

/* Over small pages, whose tables are there; and small ones over large. */
static void test_move_over(void **state)
{
	struct leaf_test *t = *state;

	unit_map(t->u.mm, FAR, 4 * BIG, URW, UANON | QMAP_FIXED);
	unit_store(t->u.mm, FAR, 1);
	unit_store(t->u.mm, FAR + 3 * BIG, 2);
	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(0), 7);
	assert_int_equal(move_to(t, LP(0), 2 * BIG, FAR), 0);
	unit_verify(&t->u);
	assert_int_equal(unit_load(t->u.mm, FAR), 7);
	folio_at(t, FAR);
	assert_int_equal(unit_load(t->u.mm, FAR + 3 * BIG), 2);
	assert_int_equal(move_to(t, FAR + 3 * BIG, BIG, FAR), 0);
	unit_verify(&t->u);
	assert_int_equal(unit_load(t->u.mm, FAR), 2);
	assert_int_equal(quire_munmap(t->u.mm, FAR, 4 * BIG), 0);
	assert_int_equal(t->u.mm->nr_tables, 1);
}

/* Both halves of a leaf's table of small pages, moved from elsewhere, onto a large mapping. */
static void test_small_moved_over_large(void **state)
{
	struct leaf_test *t = *state;

	map(t, FAR, 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, FAR, 7);
	unit_store(t->u.mm, FAR + BIG, 8);
	unit_map(t->u.mm, LP(0) + SMALL(1), 2 * BIG, URW, UANON | QMAP_FIXED);
	unit_store(t->u.mm, LP(0) + SMALL(1), 1);
	unit_store(t->u.mm, LP(1) + SMALL(1), 2);
	assert_int_equal(move_to(t, LP(0) + SMALL(1), 2 * BIG, FAR), 0);
	unit_verify(&t->u);
	assert_int_equal(unit_load(t->u.mm, FAR), 1);
	assert_int_equal(unit_load(t->u.mm, FAR + BIG), 2);
}

static void test_move_shared(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f;

	map(t, LP(0), 2 * BIG, QMAP_SHARED);
	unit_store(t->u.mm, LP(1), 1);
	f = folio_at(t, LP(1));
	assert_int_equal(move_to(t, LP(0), 2 * BIG, FAR), 0);
	expect_counts(t, f, 512, 513);
	assert_ptr_equal(folio_at(t, FAR + BIG), f);
	assert_int_equal(quire_file_truncate(t->file, BIG), 0);
	assert_true(is_none(t->u.mm, FAR + BIG));
}

/* ---- rights -------------------------------------------------------------------- */

static void test_protect(void **state)
{
	struct leaf_test *t = *state;

	map(t, LP(0), 3 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(1), 1);
	assert_int_equal(quire_mprotect(t->u.mm, LP(1), BIG, QPROT_READ), 0);
	unit_verify(&t->u);
	assert_int_equal(unit_fault(t->u.mm, LP(1), QUIRE_WRITE, NULL), QUIRE_FAULT_SEGV);
	assert_int_equal(quire_mprotect(t->u.mm, LP(1), BIG, URW), 0);
	assert_int_equal(quire_pte(t->u.mm, LP(1)) & PTE_WRITE, PTE_WRITE);
	assert_int_equal(quire_mprotect(t->u.mm, LP(0) + UPAGE, BIG, QPROT_READ), -EINVAL);
	assert_int_equal(quire_madvise(t->u.mm, LP(1), BIG, QMADV_DONTNEED), 0);
	assert_true(is_none(t->u.mm, LP(1)));
	assert_int_equal(unit_load(t->u.mm, LP(1)), 0);
}

/* ---- walks from the page --------------------------------------------------------- */

struct counting {
	struct rmap_walk walk;
	unsigned entries, pages;
	uint64_t addr[4];
};

static enum rmap_next count(struct rmap_walk *w, struct rmap_place *p)
{
	struct counting *c = (struct counting *)w;

	if (c->entries < 4)
		c->addr[c->entries] = p->addr;
	c->entries++;
	c->pages += p->n;
	return RMAP_GO_ON;
}

static void walk(struct leaf_test *t, struct folio *f, unsigned entries, unsigned pages,
		 struct counting *c)
{
	*c = (struct counting){.walk = {.folio = f, .entry = count}};
	folio_get(f);
	folio_lock(t->u.m, f);
	assert_true(rmap_begin(t->u.m, &c->walk));
	rmap_walk(t->u.m, &c->walk);
	rmap_end(t->u.m, &c->walk);
	folio_unlock(t->u.m, f);
	folio_put(t->u.m, f);
	assert_int_equal(c->entries, entries);
	assert_int_equal(c->pages, pages);
}

static void test_walk(void **state)
{
	struct leaf_test *t = *state;
	struct counting c;
	struct folio *f;

	map(t, LP(0), 2 * BIG, QMAP_PRIVATE);
	unit_store(t->u.mm, LP(1), 1);
	f = folio_at(t, LP(1));
	walk(t, f, 1, 512, &c);
	assert_int_equal(c.addr[0], LP(1));
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	assert_int_equal(move_to(t, LP(0), 2 * BIG, FAR), 0);
	walk(t, f, 2, 1024, &c);
	assert_int_equal(c.addr[0], FAR + BIG);
	assert_int_equal(c.addr[1], LP(1));
}

static void test_walk_of_file(void **state)
{
	struct leaf_test *t = *state;
	struct counting c;

	map(t, LP(0), 2 * BIG, QMAP_SHARED);
	map(t, FAR, 2 * BIG, QMAP_SHARED);
	unit_store(t->u.mm, LP(1), 1);
	unit_store(t->u.mm, FAR + BIG, 1);
	walk(t, folio_at(t, LP(1)), 2, 1024, &c);
}

/* ---- to other frames ----------------------------------------------------------------- */

static void move_frames(struct leaf_test *t, struct folio *f, int want)
{
	struct folio *to = folio_alloc(t->u.m, 9, 0);
	struct migrate mg;

	assert_non_null(to);
	migrate_begin(&mg, t->u.m, MIGRATE_WAIT);
	folio_get(f);
	assert_int_equal(migrate_folio(&mg, f, to), want);
	migrate_end(&mg);
	if (want)
		folio_put(t->u.m, to);
	unit_verify(&t->u);
}

static void test_migrate(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f, *single;
	struct quire_pin pin;
	struct migrate mg;

	map(t, LP(0), BIG, QMAP_PRIVATE);
	unit_fill(t->u.mm, LP(0), BIG, 1);
	f = folio_at(t, LP(0));
	move_frames(t, f, 0);
	assert_ptr_not_equal(folio_at(t, LP(0)), f);
	unit_expect_fill(t->u.mm, LP(0), BIG, 1);
	assert_int_equal(quire_pte(t->u.mm, LP(0)) & PTE_WRITE, PTE_WRITE);
	f = folio_at(t, LP(0));
	assert_int_equal(quire_mm_fork(t->u.mm, NULL, &t->child), 0);
	move_frames(t, f, 0);
	assert_ptr_equal(leaf_at(t, t->child, LP(0), 1), folio_at(t, LP(0)));
	unit_expect_fill(t->child, LP(0), BIG, 1);
	put_child(t);
	assert_int_equal(quire_pin(t->u.mm, LP(0), QUIRE_READ, &pin), 0);
	move_frames(t, folio_at(t, LP(0)), -EBUSY);
	quire_unpin(t->u.m, &pin);
	/* One frame is not enough. */
	single = folio_alloc(t->u.m, 0, 0);
	migrate_begin(&mg, t->u.m, MIGRATE_WAIT);
	folio_get(folio_at(t, LP(0)));
	assert_int_equal(migrate_folio(&mg, folio_at(t, LP(0)), single), -EINVAL);
	migrate_end(&mg);
	folio_put(t->u.m, single);
}

static void test_migrate_shared(void **state)
{
	struct leaf_test *t = *state;
	struct folio *f;

	map(t, LP(0), BIG, QMAP_SHARED);
	map(t, FAR, BIG, QMAP_SHARED);
	unit_fill(t->u.mm, LP(0), BIG, 1);
	unit_expect_fill(t->u.mm, FAR, BIG, 1);
	f = folio_at(t, LP(0));
	move_frames(t, f, 0);
	assert_ptr_not_equal(folio_at(t, LP(0)), f);
	assert_ptr_equal(folio_at(t, LP(0)), folio_at(t, FAR));
	unit_expect_fill(t->u.mm, FAR, BIG, 1);
}

/* ---- 1 GiB ------------------------------------------------------------------------------ */

#define GIB_ORDER 18u

/*
 * The second GiB of the machine, out of blocks side by side: what an allocator of such pages does.
 * Nobody has used that memory yet: it reads as zeros.
 */
static struct folio *alloc_gib(struct quire_machine *m, unsigned order)
{
	struct folio *blocks[3 * GIB / UPAGE >> MAX_ORDER], *f, *head = pfn_folio(m, 1u << order);
	unsigned n = 0, got = 0;

	while ((f = folio_alloc(m, MAX_ORDER, 0)))
		blocks[n++] = f;
	while (n) {
		if (blocks[--n] < head || blocks[n] >= head + (1u << order))
			folio_put(m, blocks[n]);
		else
			got++;
	}
	for (uint64_t i = 0; i < 1ull << order; i++) {
		folio_set_order(&head[i], order);
		head[i].flags = i ? FOLIO_TAIL : FOLIO_LARGE;
		head[i].refs = !i;
	}
	return got == 1u << (order - MAX_ORDER) ? head : NULL;
}

/* The other way round; the caller has the only reference. */
static void free_gib(struct quire_machine *m, struct folio *head)
{
	for (uint64_t i = 0; i < 1ull << GIB_ORDER; i++) {
		bool first = !(i & ((1u << MAX_ORDER) - 1));

		folio_set_order(&head[i], MAX_ORDER);
		head[i].flags = first ? FOLIO_LARGE : FOLIO_TAIL;
		head[i].refs = first;
	}
	for (uint64_t i = 0; i < 1ull << GIB_ORDER; i += 1u << MAX_ORDER)
		folio_put(m, &head[i]);
}

static int up_gib(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = 3 * GIB};
	struct leaf_test *t = calloc(1, sizeof(*t));

	unit_up(&t->u, &o, NULL);
	large_register(t->u.m);
	t->l.alloc = alloc_gib;
	t->file = make_file(t, LARGE_1G);
	*state = t;
	return 0;
}

static void test_gib(void **state)
{
	struct leaf_test *t = *state;
	struct quire_mm *mm = t->u.mm;
	struct quire_usage usage;
	struct counting c;
	struct folio *f;

	unit_map(mm, BASE, GIB, URW, UANON | QMAP_FIXED); /* tables that are left over */
	unit_store(mm, BASE + 5 * BIG, 1);
	map(t, BASE, GIB, QMAP_PRIVATE);
	unit_store(mm, BASE + 7 * BIG + SMALL(3), 3);
	f = leaf_at(t, mm, BASE, 2);
	expect_counts(t, f, 1 << GIB_ORDER, 1 << GIB_ORDER);
	quire_range_usage(mm, BASE, BASE + GIB, &usage);
	assert_int_equal(usage.rss, GIB);
	assert_int_equal(quire_mm_fork(mm, NULL, &t->child), 0);
	assert_int_equal(unit_load(t->child, BASE + 7 * BIG + SMALL(3)), 3);
	assert_int_equal(move_to(t, BASE, GIB, FAR), 0);
	walk(t, f, 2, 2u << GIB_ORDER, &c);
	assert_int_equal(unit_load(mm, FAR + 7 * BIG + SMALL(3)), 3);
	assert_int_equal(quire_mprotect(mm, FAR, GIB, QPROT_READ), 0);
	put_child(t);
	folio_get(f); /* ours: it does not go to the free lists as it is */
	assert_int_equal(quire_munmap(mm, FAR, GIB), 0);
	assert_int_equal(mm->nr_tables, 1);
	assert_int_equal(f->refs, 1);
	assert_int_equal(f->mapcount, 0);
	free_gib(t->u.m, f);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define STORERS 2u
#define ROUNDS 300u

struct storer {
	struct leaf_test *t;
	pthread_t thread;
	uint64_t nr;
	bool *stop;
};

/* Refused where nothing is mapped just then.  A word of the thread's own is what it stored last, or
 * 0: where the page is a new one. */
static void *store_on(void *arg)
{
	struct storer *s = arg;
	uint64_t at = LP(0) + SMALL(7) + s->nr * 8, value, got;

	for (value = 1; !__atomic_load_n(s->stop, __ATOMIC_RELAXED); value++) {
		if (!unit_try_store(s->t->u.mm, at, value))
			continue;
		if (unit_try_load(s->t->u.mm, at, &got))
			CHECK(got == value || !got);
	}
	return NULL;
}

static void change_all(struct leaf_test *t, unsigned round)
{
	struct quire_mm *mm = t->u.mm, *child;

	switch (round % 5) {
	case 0:
		unit_map(mm, LP(0), BIG, URW, UANON | QMAP_FIXED);
		map(t, LP(0), BIG, QMAP_PRIVATE);
		break;
	case 1:
		assert_int_equal(quire_mm_fork(mm, NULL, &child), 0);
		quire_mm_put(child);
		break;
	case 2:
		assert_int_equal(quire_mprotect(mm, LP(0), BIG, QPROT_READ), 0);
		assert_int_equal(quire_mprotect(mm, LP(0), BIG, URW), 0);
		break;
	case 3:
		assert_int_equal(move_to(t, LP(0), BIG, FAR), 0);
		assert_int_equal(move_to(t, FAR, BIG, LP(0)), 0);
		break;
	default:
		assert_int_equal(quire_madvise(mm, LP(0), BIG, QMADV_DONTNEED), 0);
	}
}

static void test_threads(void **state)
{
	struct leaf_test *t = *state;
	struct storer s[STORERS];
	bool stop = false;

	map(t, LP(0), BIG, QMAP_PRIVATE);
	for (unsigned i = 0; i < STORERS; i++) {
		s[i] = (struct storer){.t = t, .nr = i, .stop = &stop};
		assert_int_equal(pthread_create(&s[i].thread, NULL, store_on, &s[i]), 0);
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		change_all(t, round);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < STORERS; i++)
		assert_int_equal(pthread_join(s[i].thread, NULL), 0);
	unit_verify(&t->u);
}

#define leaf_test(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    leaf_test(test_one_fault_maps_all),
	    leaf_test(test_read_then_write),
	    leaf_test(test_table_in_the_way),
	    leaf_test(test_populate_and_lock),
	    leaf_test(test_shared),
	    leaf_test(test_punch),
	    leaf_test(test_told),
	    leaf_test(test_fork),
	    leaf_test(test_fork_of_pinned),
	    leaf_test(test_fork_too_often),
	    leaf_test(test_move),
	    leaf_test(test_move_over),
	    leaf_test(test_small_moved_over_large),
	    leaf_test(test_move_shared),
	    leaf_test(test_protect),
	    leaf_test(test_walk),
	    leaf_test(test_walk_of_file),
	    leaf_test(test_migrate),
	    leaf_test(test_migrate_shared),
	    leaf_test(test_threads),
	    cmocka_unit_test_setup_teardown(test_gib, up_gib, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
