/* SPDX-License-Identifier: MIT */
/*
 * test_pagetable.c: page tables and what is done to ranges of them, from inside the core: the
 * protocol of pagetable.h, the gather, zap, protect, copy, move, usage, and that verify sees.
 */
#include <pthread.h>
#include <unistd.h>

#include "unit.h"

#include "core/frame/reclaim.h"
#include "core/table/cursor.h"
#include "core/table/range.h"
#include "core/vma/mm.h"

#define GIB (1ull << 30)
#define BASE (64 * GIB) /* one upper table of each level to itself */

static struct vma *vma_of(struct quire_mm *mm, uint64_t addr)
{
	struct vma *vma = vma_find(mm, addr);

	assert_non_null(vma);
	return vma;
}

static uint64_t map_fixed(struct quire_mm *mm, uint64_t addr, uint64_t len)
{
	return unit_map(mm, addr, len, URW, UANON | QMAP_FIXED);
}

/* As a fault in `vma` does it. */
static int lock_for(struct vma *vma, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk found;

	pt_find(vma->mm, addr, &found);
	return pt_lock_found(vma->mm, vma, addr, 0, &found, ref);
}

/* The first address of the range with a table; `end`: there is none. */
static uint64_t first_table(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct pt_cursor c;

	pt_cursor_begin(&c, mm, start, end);
	return pt_next_table(&c) ? c.addr : end;
}

/* ------------------------------------------------------------------- tables */

/* Pieces: what the range has of each table, in order; a pause goes on where it was. */
static void test_cursor(void **state)
{
	static const struct {
		uint64_t from, to;
	} want[] = {{PT_SPAN - PAGE_SIZE, PT_SPAN}, {3 * PT_SPAN, 3 * PT_SPAN + 2 * PAGE_SIZE}};
	struct unit *u = *state;
	struct pt_cursor c;
	unsigned n = 0;

	map_fixed(u->mm, BASE, 5 * PT_SPAN);
	unit_store(u->mm, BASE, 1);
	unit_store(u->mm, BASE + 3 * PT_SPAN, 1);
	unit_store(u->mm, BASE + 4 * PT_SPAN, 1);
	pt_cursor_begin(&c, u->mm, BASE + PT_SPAN - PAGE_SIZE, BASE + 3 * PT_SPAN + 2 * PAGE_SIZE);
	for (; pt_next_piece(&c); n++) {
		assert_true(n < 2);
		assert_int_equal(c.addr, BASE + want[n].from);
		assert_int_equal(c.stop, BASE + want[n].to);
		assert_ptr_equal(c.entry, c.ref.entry);
	}
	assert_int_equal(n, 2);
	assert_false(c.locked);

	pt_cursor_begin(&c, u->mm, BASE, BASE + PT_SPAN);
	assert_true(pt_next_piece(&c));
	c.addr += 3 * PAGE_SIZE;
	pt_cursor_pause(&c);
	pt_cursor_pause(&c);
	assert_true(pt_next_piece(&c));
	assert_int_equal(c.addr, BASE + 3 * PAGE_SIZE);
	pt_cursor_pause(&c);
	assert_false(spin_is_locked(&c.ref.table->pt.lock));
	unit_verify(u);
}

static void test_grow_and_shrink(void **state)
{
	struct unit *u = *state;
	uint64_t tables = u->mm->nr_tables;
	struct mmu_gather g;
	struct pt_ref ref;
	struct vma *vma;

	map_fixed(u->mm, BASE, 4 * PT_SPAN);
	vma = vma_of(u->mm, BASE);
	assert_false(pt_lock(u->mm, BASE, &ref));
	assert_int_equal(pt_read(u->mm, BASE), 0);
	assert_int_equal(lock_for(vma, BASE + 5 * PAGE_SIZE, &ref), 0);
	pt_unlock(&ref);
	assert_int_equal(u->mm->nr_tables, tables + 3);
	assert_int_equal(first_table(u->mm, 0, BASE + PT_SPAN), BASE);
	assert_int_equal(first_table(u->mm, BASE + PT_SPAN, BASE + 4 * PT_SPAN),
			 BASE + 4 * PT_SPAN);
	assert_int_equal(lock_for(vma, BASE + PT_SPAN, &ref), 0);
	pt_unlock(&ref);
	assert_int_equal(u->mm->nr_tables, tables + 4);
	unit_verify(u);

	/* A neighbour below keeps the first table, and with it the upper ones. */
	tlb_begin(&g, u->mm);
	pt_free_range(&g, BASE, BASE + 4 * PT_SPAN, BASE + PAGE_SIZE, 0);
	tlb_finish(&g);
	assert_int_equal(u->mm->nr_tables, tables + 3);
	assert_int_equal(u->flushes, 1);
	unit_verify(u);
	tlb_begin(&g, u->mm);
	pt_free_range(&g, BASE, BASE + PAGE_SIZE, 0, UINT64_MAX);
	tlb_finish(&g);
	assert_int_equal(u->mm->nr_tables, tables);
	assert_int_equal(u->mm->peak_tables, tables + 4);
	unit_verify(u);
}

static void test_dead_links_nothing(void **state)
{
	struct unit *u = *state;
	uint64_t tables = u->mm->nr_tables;
	struct pt_ref ref;
	struct vma *vma;

	map_fixed(u->mm, BASE, PT_SPAN);
	vma = vma_of(u->mm, BASE);
	atomic_store(&vma->dead, 1);
	assert_int_equal(lock_for(vma, BASE, &ref), -QEAGAIN);
	assert_int_equal(u->mm->nr_tables, tables);
	atomic_store(&vma->dead, 0);
}

static void test_used_is_kept(void **state)
{
	struct unit *u = *state;
	struct mmu_gather g;
	struct pt_ref ref;

	map_fixed(u->mm, BASE, PT_SPAN);
	assert_int_equal(pt_lock_alloc(u->mm, BASE, &ref), 0);
	assert_int_equal(ref.table->pt.used, 0);
	pt_set(&ref, ref.entry, 8);
	pt_set(&ref, ref.entry, 16);
	assert_int_equal(ref.table->pt.used, 1);
	pt_unlock(&ref);
	assert_int_not_equal(quire_verify(u->m, NULL, NULL), 0);
	/* A table with entries is not taken out. */
	tlb_begin(&g, u->mm);
	pt_free_range(&g, BASE, BASE + PT_SPAN, 0, 0);
	tlb_finish(&g);
	assert_true(pt_lock(u->mm, BASE, &ref));
	pt_set(&ref, ref.entry, 0);
	assert_int_equal(ref.table->pt.used, 0);
	pt_unlock(&ref);
}

struct waiter {
	pthread_t thread;
	struct quire_mm *mm;
	bool locked;
};

static void *wait_for_table(void *arg)
{
	struct waiter *w = arg;
	const struct quire_port *port = &w->mm->machine->port;
	struct pt_ref ref;

	rcu_read_lock(port);
	w->locked = pt_lock(w->mm, BASE, &ref);
	if (w->locked)
		pt_unlock(&ref);
	rcu_read_unlock(port);
	return NULL;
}

/* Sets both to 0 while somebody waits for the PTL of BASE; returns whether he got it. */
static bool lock_behind(struct quire_mm *mm, uint64_t *slot, uint32_t *mark)
{
	struct waiter w = {.mm = mm};
	uint64_t slot_was = *slot;
	uint32_t mark_was = *mark;
	struct pt_ref ref;

	assert_true(pt_lock(mm, BASE, &ref));
	assert_int_equal(pthread_create(&w.thread, NULL, wait_for_table, &w), 0);
	usleep(50000); /* he has walked, and waits */
	atomic_store(slot, 0);
	atomic_store(mark, 0);
	pt_unlock(&ref);
	pthread_join(w.thread, NULL);
	atomic_store(slot, slot_was);
	atomic_store(mark, mark_was);
	return w.locked;
}

/* Protocol 5: who waited for a PTL finds out that its table was unlinked or moved meanwhile. */
static void test_lock_rereads(void **state)
{
	struct unit *u = *state;
	uint64_t frame = u->mm->root, no_slot = 0;
	uint32_t no_mark = 0;
	struct pt_ref ref;
	uint64_t *slot = NULL;

	map_fixed(u->mm, BASE, PT_SPAN);
	assert_int_equal(pt_lock_alloc(u->mm, BASE, &ref), 0);
	pt_unlock(&ref);
	for (unsigned level = 3; level; level--) {
		slot = (uint64_t *)pfn_addr(u->m, frame) + (BASE >> (12 + 9 * level)) % PT_ENTRIES;
		frame = pte_frame(*slot);
	}
	assert_true(lock_behind(u->mm, &no_slot, &no_mark));
	assert_false(lock_behind(u->mm, slot, &no_mark));
	assert_false(lock_behind(u->mm, &no_slot, &ref.table->pt.linked));
	unit_verify(u);
}

/* Of a path of three tables the first `made` succeed, the next fails. */
static void test_tables_fail(void **state)
{
	struct unit *u = *state;
	uint64_t tables = u->mm->nr_tables;
	struct pt_ref ref;

	map_fixed(u->mm, BASE, PT_SPAN);
	for (uint64_t made = 0; made < 3; made++) {
		uint64_t have = u->mm->nr_tables - tables;
		struct quire_machine_stats st;
		uint64_t point;

		quire_machine_stats(u->m, &st);
		point = st.alloc_points + 1 + made - have;
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		assert_int_equal(lock_for(vma_of(u->mm, BASE), BASE, &ref), -ENOTABLE);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
		assert_int_equal(u->mm->nr_tables, tables + made);
		unit_verify(u);
	}
	assert_false(pt_lock(u->mm, BASE, &ref));
	assert_int_equal(lock_for(vma_of(u->mm, BASE), BASE, &ref), 0);
	pt_unlock(&ref);
	assert_int_equal(u->mm->nr_tables, tables + 3);
}

/* ------------------------------------------------------------------- gather */

static void test_gather_ranges(void **state)
{
	struct unit *u = *state;
	struct mmu_gather g;
	struct quire_mm_stats st;

	tlb_begin(&g, u->mm);
	tlb_range(&g, 10 * PAGE_SIZE, 11 * PAGE_SIZE, 1);
	tlb_range(&g, 11 * PAGE_SIZE, 12 * PAGE_SIZE, 1);
	tlb_range(&g, 9 * PAGE_SIZE, 10 * PAGE_SIZE, 1);
	tlb_range(&g, 5 * PAGE_SIZE, 5 * PAGE_SIZE, 1);
	assert_int_equal(g.nr_ranges, 1);
	assert_int_equal(g.ranges[0].start, 9 * PAGE_SIZE);
	assert_int_equal(g.ranges[0].end, 12 * PAGE_SIZE);
	for (uint64_t i = 0; i < 20; i++)
		tlb_range(&g, (100 + 2 * i) * PAGE_SIZE, (101 + 2 * i) * PAGE_SIZE, 1);
	assert_int_equal(g.nr_ranges, TLB_GATHER_RANGES);
	assert_int_equal(g.ranges[TLB_GATHER_RANGES - 1].end, 139 * PAGE_SIZE);
	tlb_finish(&g);
	assert_int_equal(u->flushes, 1);
	tlb_finish(&g); /* empty now */
	assert_int_equal(u->flushes, 1);
	/* What changed, not what lies between; the empty range is none. */
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.flushed_pages, 23);
}

static struct {
	struct quire_machine *m;
	uint64_t free_at_flush;
} order;

static void note_free(void *ctx, struct quire_mm *mm, void *cookie, const struct quire_tlb_range *r,
		      unsigned n)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	(void)r;
	(void)n;
	order.free_at_flush = frames_free_count(order.m, ZONE_RAM);
}

/* Nothing is free before the flush that drops it. */
static void test_flush_before_free(void **state)
{
	struct unit *u = *state;
	uint64_t free_before;

	map_fixed(u->mm, BASE, 100 * PAGE_SIZE);
	unit_fill(u->mm, BASE, 100 * PAGE_SIZE, 1);
	order.m = u->m;
	u->m->port.tlb_flush = note_free;
	free_before = frames_free_count(u->m, ZONE_RAM);
	assert_int_equal(quire_munmap(u->mm, BASE, 100 * PAGE_SIZE), 0);
	assert_int_equal(order.free_at_flush, free_before);
	assert_true(frames_free_count(u->m, ZONE_RAM) >= free_before + 100);
	unit_verify(u);
	assert_int_equal(frames_free_count(u->m, ZONE_RAM),
			 free_before + 103); /* the tables, by RCU */
}

/* -------------------------------------------------------------------- zap */

/* More than a gather holds, over several tables, from inside one to inside another. */
static void test_zap_large(void **state)
{
	enum { N = 1500 };
	struct unit *u = *state;

	map_fixed(u->mm, BASE, N * PAGE_SIZE);
	unit_fill(u->mm, BASE, N * PAGE_SIZE, 3);
	assert_int_equal(unit_rss(u->mm), N);
	assert_int_equal(
	    quire_madvise(u->mm, BASE + 100 * PAGE_SIZE, 1300 * PAGE_SIZE, QMADV_DONTNEED), 0);
	unit_verify(u);
	assert_int_equal(unit_rss(u->mm), 200);
	unit_expect_fill(u->mm, BASE, 100 * PAGE_SIZE, 3);
	unit_expect_zero(u->mm, BASE + 100 * PAGE_SIZE, 1300 * PAGE_SIZE);
	assert_int_equal(unit_load(u->mm, BASE + 1400 * PAGE_SIZE), unit_word(1400, 3));
	unit_verify(u);
}

static void test_zap_file_keeps_private(void **state)
{
	struct unit *u = *state;
	struct quire_file *file;
	struct mmu_gather g;
	uint64_t a;

	file = unit_shmem(u, 16 * PAGE_SIZE, true);
	a = unit_map_file(u->mm, 0, 16 * PAGE_SIZE, URW, QMAP_PRIVATE, file, 0);
	unit_store(u->mm, a + 3 * PAGE_SIZE, 33);
	assert_int_equal(unit_load(u->mm, a + 4 * PAGE_SIZE), 0);
	assert_true(pte_present(quire_pte(u->mm, a + 4 * PAGE_SIZE)));
	tlb_begin(&g, u->mm);
	zap_file_range(&g, vma_of(u->mm, a), 2, 100, false);
	tlb_finish(&g);
	assert_int_equal(quire_pte(u->mm, a + 4 * PAGE_SIZE), 0);
	assert_int_equal(unit_load(u->mm, a + 3 * PAGE_SIZE), 33);
	unit_verify(u);
	tlb_begin(&g, u->mm);
	zap_file_range(&g, vma_of(u->mm, a), 0, 2, true); /* not page 3 */
	zap_file_range(&g, vma_of(u->mm, a), 16, 20, true);
	assert_int_equal(unit_load(u->mm, a + 3 * PAGE_SIZE), 33);
	zap_file_range(&g, vma_of(u->mm, a), 3, 3, true);
	tlb_finish(&g);
	assert_int_equal(quire_pte(u->mm, a + 3 * PAGE_SIZE), 0);
	assert_int_equal(quire_munmap(u->mm, a, 16 * PAGE_SIZE), 0);
	quire_file_put(file);
}

static void test_lazyfree(void **state)
{
	struct unit *u = *state;
	struct quire_usage use;
	uint64_t e;

	map_fixed(u->mm, BASE, 8 * PAGE_SIZE);
	unit_fill(u->mm, BASE, 8 * PAGE_SIZE, 5);
	assert_int_equal(quire_madvise(u->mm, BASE, 4 * PAGE_SIZE, QMADV_FREE), 0);
	e = quire_pte(u->mm, BASE);
	assert_int_equal(e & (PTE_DIRTY | PTE_ACCESSED), 0);
	quire_range_usage(u->mm, BASE, BASE + 8 * PAGE_SIZE, &use);
	assert_int_equal(use.lazyfree, 4 * PAGE_SIZE);
	assert_int_equal(use.anonymous, 8 * PAGE_SIZE);
	assert_int_equal(use.private_dirty, 4 * PAGE_SIZE);
	assert_int_equal(use.private_clean, 4 * PAGE_SIZE);
	assert_int_equal(use.referenced, 4 * PAGE_SIZE);
	unit_store(u->mm, BASE, 1);
	quire_range_usage(u->mm, BASE, BASE + 8 * PAGE_SIZE, &use);
	assert_int_equal(use.lazyfree, 3 * PAGE_SIZE);
}

/* ---------------------------------------------------------------- protect */

static void test_protect_bits(void **state)
{
	struct unit *u = *state;
	uint64_t flushes, e;

	map_fixed(u->mm, BASE, 2 * PAGE_SIZE);
	unit_store(u->mm, BASE, 1);
	flushes = u->flushes;
	assert_int_equal(quire_mprotect(u->mm, BASE, PAGE_SIZE, QPROT_READ), 0);
	assert_int_equal(u->flushes, flushes + 1);
	e = quire_pte(u->mm, BASE);
	assert_int_equal(e & (PTE_WRITE | PTE_USER | PTE_NX | PTE_DIRTY),
			 PTE_USER | PTE_NX | PTE_DIRTY);
	/* Rights gained need no flush; an exclusive page is writable again at once. */
	assert_int_equal(quire_mprotect(u->mm, BASE, PAGE_SIZE, URW | QPROT_EXEC), 0);
	assert_int_equal(u->flushes, flushes + 1);
	e = quire_pte(u->mm, BASE);
	assert_int_equal(e & (PTE_WRITE | PTE_USER | PTE_NX), PTE_WRITE | PTE_USER);
	assert_int_equal(quire_mprotect(u->mm, BASE, PAGE_SIZE, QPROT_NONE), 0);
	assert_int_equal(u->flushes, flushes + 2);
	e = quire_pte(u->mm, BASE);
	assert_int_equal(e & (PTE_PRESENT | PTE_WRITE | PTE_USER), PTE_PRESENT);
	assert_int_equal(unit_rss(u->mm), 1);
	unit_verify(u);
}

/* mprotect does not make writable what a fork shares. */
static void test_protect_keeps_cow(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;

	map_fixed(u->mm, BASE, 2 * PAGE_SIZE);
	unit_store(u->mm, BASE, 1);
	assert_int_equal(unit_load(u->mm, BASE + PAGE_SIZE), 0); /* the zero page */
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_mprotect(u->mm, BASE, 2 * PAGE_SIZE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u->mm, BASE, 2 * PAGE_SIZE, URW), 0);
	assert_int_equal(quire_pte(u->mm, BASE) & PTE_WRITE, 0);
	assert_int_equal(quire_pte(u->mm, BASE + PAGE_SIZE) & PTE_WRITE, 0);
	unit_store(u->mm, BASE, 2);
	assert_int_equal(unit_load(child, BASE), 1);
	unit_verify(u);
	quire_mm_put(child);
}

/* ------------------------------------------------------------------- copy */

static void test_copy_shares(void **state)
{
	enum { N = 700 };
	struct unit *u = *state;
	struct quire_mm_stats st;
	struct quire_mm *child;
	struct folio *f;
	uint64_t e;

	map_fixed(u->mm, BASE, N * PAGE_SIZE);
	unit_fill(u->mm, BASE, N * PAGE_SIZE, 9);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_verify(u);
	e = quire_pte(child, BASE + 5 * PAGE_SIZE);
	assert_int_equal(e & (PTE_WRITE | PTE_ACCESSED), 0);
	assert_int_equal(pte_frame(e), pte_frame(quire_pte(u->mm, BASE + 5 * PAGE_SIZE)));
	f = pfn_folio(u->m, pte_frame(e));
	assert_int_equal(f->mapcount, 2);
	assert_int_equal(f->refs, 2);
	assert_false(folio_test(f, FOLIO_EXCLUSIVE));
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.fork_entries_copied, N);
	assert_int_equal(st.fork_tables_copied, 2);
	unit_expect_fill(child, BASE, N * PAGE_SIZE, 9);
	unit_fill(child, BASE, N * PAGE_SIZE, 10);
	unit_expect_fill(u->mm, BASE, N * PAGE_SIZE, 9);
	unit_verify(u);
	quire_mm_put(child);
	unit_verify(u);
}

/* As on Linux: shared and purely file-backed mappings are not copied, they fault again. */
static void test_copy_skips(void **state)
{
	struct unit *u = *state;
	struct quire_file *file;
	struct quire_mm *child;
	uint64_t shared, clean, mixed;

	file = unit_shmem(u, 16 * PAGE_SIZE, true);
	shared = unit_map_file(u->mm, 0, 4 * PAGE_SIZE, URW, QMAP_SHARED, file, 0);
	clean = unit_map_file(u->mm, 0, 4 * PAGE_SIZE, QPROT_READ, QMAP_PRIVATE, file, 0);
	mixed = unit_map_file(u->mm, 0, 4 * PAGE_SIZE, URW, QMAP_PRIVATE, file, 0);
	unit_store(u->mm, shared, 1);
	unit_load(u->mm, clean);
	unit_load(u->mm, mixed);
	unit_store(u->mm, mixed + PAGE_SIZE, 2);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_pte(child, shared), 0);
	assert_int_equal(quire_pte(child, clean), 0);
	assert_true(pte_present(quire_pte(child, mixed)));
	assert_true(pte_present(quire_pte(child, mixed + PAGE_SIZE)));
	unit_verify(u);
	assert_int_equal(unit_load(child, shared), 1);
	assert_int_equal(unit_load(child, clean), 1);
	assert_int_equal(unit_load(child, mixed), 1);
	assert_int_equal(unit_load(child, mixed + PAGE_SIZE), 2);
	unit_verify(u);
	quire_mm_put(child);
	quire_mm_put(u->mm);
	u->mm = NULL;
	quire_file_put(file);
}

/* fork must not take a pinned page from under its pin. */
static void test_copy_pinned(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;
	struct quire_pin pin;

	map_fixed(u->mm, BASE, PAGE_SIZE);
	unit_store(u->mm, BASE, 1);
	assert_int_equal(quire_pin(u->mm, BASE, QUIRE_WRITE, &pin), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_verify(u);
	/* Taken and flushed before the copy; the next write finds the page exclusive. */
	assert_false(quire_pte(u->mm, BASE) & PTE_WRITE);
	assert_int_equal((quire_pte(u->mm, BASE) & QUIRE_PTE_FRAME_MASK) / PAGE_SIZE, pin.frame);
	*(uint64_t *)pin.mem = 2;
	assert_int_equal(unit_load(u->mm, BASE), 2);
	assert_int_equal(unit_load(child, BASE), 1);
	unit_store(u->mm, BASE, 3);
	assert_int_equal(*(uint64_t *)pin.mem, 3);
	unit_store(child, BASE, 4);
	assert_int_equal(unit_load(u->mm, BASE), 3);
	quire_unpin(u->m, &pin);
	quire_mm_put(child);
	unit_verify(u);
}

static void test_copy_fails_clean(void **state)
{
	struct unit *u = *state;
	struct quire_machine_stats st;
	struct quire_mm *child;
	uint64_t point, tries = 0;
	int err;

	map_fixed(u->mm, BASE, 3 * PT_SPAN);
	for (uint64_t a = BASE; a < BASE + 3 * PT_SPAN; a += 64 * PAGE_SIZE)
		unit_store(u->mm, a, a);
	do {
		quire_machine_stats(u->m, &st);
		point = st.alloc_points + ++tries;
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		err = quire_mm_fork(u->mm, NULL, &child);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
		unit_verify(u);
		assert_true(err == 0 || err == -QENOMEM);
	} while (err);
	assert_true(tries > 7);
	quire_mm_put(child);
	for (uint64_t a = BASE; a < BASE + 3 * PT_SPAN; a += 64 * PAGE_SIZE)
		unit_store(u->mm, a, a + 1);
	unit_verify(u);
}

/* ------------------------------------------------------------------- move */

/* Moves n pages by mremap to an address with the given misalignment against the old. */
static void move_case(struct unit *u, uint64_t from, uint64_t to, uint64_t n)
{
	uint64_t out, rss;

	map_fixed(u->mm, from, n * PAGE_SIZE);
	unit_fill(u->mm, from, n * PAGE_SIZE, n);
	rss = unit_rss(u->mm);
	assert_int_equal(quire_mremap(u->mm, from, n * PAGE_SIZE, n * PAGE_SIZE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out),
			 0);
	assert_int_equal(out, to);
	assert_int_equal(unit_rss(u->mm), rss);
	unit_verify(u);
	unit_expect_fill(u->mm, to, n * PAGE_SIZE, n);
	assert_int_equal(unit_fault(u->mm, from, QUIRE_READ, NULL), QUIRE_FAULT_SEGV);
	unit_store(u->mm, to, 1);
	assert_int_equal(quire_munmap(u->mm, to, n * PAGE_SIZE), 0);
	unit_verify(u);
}

static void test_move(void **state)
{
	struct unit *u = *state;
	uint64_t far = BASE + 100 * GIB;

	move_case(u, BASE, BASE + 8 * PAGE_SIZE, 8);                      /* in one table */
	move_case(u, BASE + 16 * PAGE_SIZE, BASE, 8);                     /* and down */
	move_case(u, BASE + 500 * PAGE_SIZE, far, 40);                    /* across tables */
	move_case(u, far, BASE + 500 * PAGE_SIZE, 40);                    /* destination below */
	move_case(u, BASE, far, 4 * 512);                                 /* whole tables */
	move_case(u, BASE + 3 * PAGE_SIZE, far + 3 * PAGE_SIZE, 2 * 512); /* whole ones inside */
	move_case(u, BASE, far + 3 * PAGE_SIZE, 3 * 512);                 /* misaligned */
	move_case(u, BASE, BASE + 8 * PT_SPAN, 8 * 512);                  /* in one upper table */
}

/* A whole table is moved, not its entries. */
static void test_move_whole(void **state)
{
	struct unit *u = *state;
	uint64_t far = BASE + 100 * GIB, out;
	struct pt_ref ref;
	struct folio *table;

	map_fixed(u->mm, BASE, PT_SPAN);
	map_fixed(u->mm, far + PT_SPAN, PAGE_SIZE); /* keeps the upper tables */
	unit_store(u->mm, BASE, 7);
	assert_true(pt_lock(u->mm, BASE, &ref));
	table = ref.table;
	pt_unlock(&ref);
	assert_int_equal(
	    quire_mremap(u->mm, BASE, PT_SPAN, PT_SPAN, QMREMAP_MAYMOVE | QMREMAP_FIXED, far, &out),
	    0);
	assert_true(pt_lock(u->mm, far, &ref));
	assert_ptr_equal(ref.table, table);
	pt_unlock(&ref);
	assert_false(pt_lock(u->mm, BASE, &ref));
	assert_int_equal(unit_load(u->mm, far), 7);
	unit_verify(u);
}

static void test_move_fails_clean(void **state)
{
	struct unit *u = *state;
	uint64_t to = BASE + 100 * GIB + 7 * PAGE_SIZE, out, point, tries = 0;
	struct quire_machine_stats st;
	int err;

	map_fixed(u->mm, BASE, 3 * PT_SPAN);
	unit_fill(u->mm, BASE, 3 * PT_SPAN, 4);
	do {
		quire_machine_stats(u->m, &st);
		point = st.alloc_points + ++tries;
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		err = quire_mremap(u->mm, BASE, 3 * PT_SPAN, 3 * PT_SPAN,
				   QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
		unit_verify(u);
		if (err)
			unit_expect_fill(u->mm, BASE, 3 * PT_SPAN, 4);
	} while (err);
	assert_true(tries > 5);
	unit_expect_fill(u->mm, to, 3 * PT_SPAN, 4);
}

/* ------------------------------------------------------------------ usage */

static void test_usage(void **state)
{
	struct unit *u = *state;
	struct quire_file *file;
	struct quire_usage use;
	struct quire_mm *child;
	uint64_t s;

	map_fixed(u->mm, BASE, 10 * PAGE_SIZE);
	unit_fill(u->mm, BASE, 6 * PAGE_SIZE, 1);
	unit_load(u->mm, BASE + 8 * PAGE_SIZE); /* the zero page counts nowhere */
	quire_range_usage(u->mm, BASE, BASE + 10 * PAGE_SIZE, &use);
	assert_int_equal(use.rss, 6 * PAGE_SIZE);
	assert_int_equal(use.pss_shifted >> 12, 6 * PAGE_SIZE);
	assert_int_equal(use.private_dirty, 6 * PAGE_SIZE);
	assert_int_equal(use.anonymous, 6 * PAGE_SIZE);
	assert_int_equal(use.referenced, 6 * PAGE_SIZE);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_store(u->mm, BASE, 2);
	quire_range_usage(u->mm, BASE, BASE + 10 * PAGE_SIZE, &use);
	assert_int_equal(use.pss_shifted >> 12, PAGE_SIZE + 5 * PAGE_SIZE / 2);
	assert_int_equal(use.pss_anon_shifted, use.pss_shifted);
	assert_int_equal(use.shared_dirty, 5 * PAGE_SIZE);
	assert_int_equal(use.private_dirty, PAGE_SIZE);
	quire_range_usage(child, 0, UINT64_MAX & PAGE_MASK, &use);
	assert_int_equal(use.referenced, 0);
	assert_int_equal(use.rss, 6 * PAGE_SIZE);
	quire_mm_put(child);

	file = unit_shmem(u, 16 * PAGE_SIZE, true);
	s = unit_map_file(u->mm, 0, 4 * PAGE_SIZE, URW, QMAP_SHARED, file, 0);
	assert_int_equal(quire_mlock(u->mm, s, 4 * PAGE_SIZE, 0), 0);
	quire_range_usage(u->mm, s, s + 4 * PAGE_SIZE, &use);
	assert_int_equal(use.rss, 4 * PAGE_SIZE);
	assert_int_equal(use.pss_shmem_shifted >> 12, 4 * PAGE_SIZE);
	assert_int_equal(use.locked_pss_shifted >> 12, 4 * PAGE_SIZE);
	assert_int_equal(use.anonymous, 0);
	assert_int_equal(quire_munmap(u->mm, s, 4 * PAGE_SIZE), 0);
	quire_file_put(file);
}

/* ----------------------------------------------------------------- verify */

static unsigned violations(struct unit *u)
{
	return quire_verify(u->m, NULL, NULL);
}

/* Each book is cooked once. */
static void test_verify_sees(void **state)
{
	struct unit *u = *state;
	struct vma *vma;
	struct folio *f;
	struct pt_ref ref;
	pte_t e;

	map_fixed(u->mm, BASE, 8 * PAGE_SIZE);
	unit_store(u->mm, BASE, 1);
	vma = vma_of(u->mm, BASE);
	f = pfn_folio(u->m, pte_frame(quire_pte(u->mm, BASE)));
	assert_int_equal(violations(u), 0);

#define COOK(change, restore)                                                                      \
	do {                                                                                       \
		change;                                                                            \
		assert_int_not_equal(violations(u), 0);                                            \
		restore;                                                                           \
		assert_int_equal(violations(u), 0);                                                \
	} while (0)
	COOK(f->mapcount++, f->mapcount--);
	COOK(f->refs++, f->refs--);
	COOK(u->m->pins++, u->m->pins--);
	COOK(f->shape += SHAPE_PIN, f->shape -= SHAPE_PIN);
	COOK(assert_true(folio_pin(f)), folio_unpin(u->m, f));
	COOK(folio_clear(f, FOLIO_EXCLUSIVE), folio_set(f, FOLIO_EXCLUSIVE));
	COOK(mm_count(u->mm, MM_ANON, 1), mm_count(u->mm, MM_ANON, -1));
	COOK(u->mm->nr_tables++, u->mm->nr_tables--);
	COOK(u->mm->total_vm++, u->mm->total_vm--);
	COOK(u->mm->locked_vm++, u->mm->locked_vm--);
	COOK(u->m->committed++, u->m->committed--);
	COOK(u->m->cpus[0].tables++, u->m->cpus[0].tables--);
	COOK(u->m->cpus[0].mapped_anon++, u->m->cpus[0].mapped_anon--);
	COOK(atomic_store(&vma->dead, 1), atomic_store(&vma->dead, 0));
	COOK(vma->flags &= ~VM_WRITE, vma->flags |= VM_WRITE);
	COOK(vma->end -= PAGE_SIZE, vma->end += PAGE_SIZE);

	assert_true(pt_lock(u->mm, BASE, &ref));
	pt_unlock(&ref);
	e = *ref.entry;
	COOK(ref.table->pt.used++, ref.table->pt.used--);
	COOK(ref.table->pt.linked = 0, ref.table->pt.linked = 1);
	COOK(*ref.entry = e & ~PTE_NX, *ref.entry = e);
	COOK(*ref.entry = e ^ PTE_SHARED, *ref.entry = e);
	COOK(*ref.entry = 8, *ref.entry = e);
	COOK((ref.entry[8] = e, ref.table->pt.used++),
	     (ref.entry[8] = 0, ref.table->pt.used--)); /* outside the VMA */
#undef COOK
}

/* ---------------------------------------------------------------- threads */

static struct {
	struct quire_mm *mm;
	bool stop;
} race;

/* Faults of one VMA after another, each of which may be dead: tables come and go. */
static void *touch_all(void *arg)
{
	uint64_t done = 0;

	while (!atomic_load_relaxed(&race.stop)) {
		for (uint64_t i = 0; i < 8; i++) {
			struct quire_fault out;

			quire_fault(race.mm, BASE + i * PT_SPAN + done % 512 * PAGE_SIZE,
				    QUIRE_WRITE, &out);
		}
		done++;
	}
	*(uint64_t *)arg = done;
	return NULL;
}

static void test_race_tables(void **state)
{
	struct unit *u = *state;
	uint64_t done[2], out;
	pthread_t t[2];

	race.mm = u->mm;
	race.stop = false;
	map_fixed(u->mm, BASE, 8 * PT_SPAN);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, touch_all, &done[i]), 0);
	for (unsigned i = 0; i < 400; i++) {
		uint64_t a = BASE + i % 8 * PT_SPAN;

		switch (i % 3) {
		case 0:
			assert_int_equal(quire_munmap(u->mm, a, PT_SPAN), 0);
			map_fixed(u->mm, a, PT_SPAN);
			break;
		case 1: /* whole tables away and back */
			assert_int_equal(quire_mremap(u->mm, a, PT_SPAN, PT_SPAN,
						      QMREMAP_MAYMOVE | QMREMAP_FIXED, BASE + GIB,
						      &out),
					 0);
			assert_int_equal(quire_mremap(u->mm, BASE + GIB, PT_SPAN, PT_SPAN,
						      QMREMAP_MAYMOVE | QMREMAP_FIXED, a, &out),
					 0);
			break;
		default:
			assert_int_equal(quire_munmap(u->mm, BASE, 8 * PT_SPAN), 0);
			map_fixed(u->mm, BASE, 8 * PT_SPAN);
		}
	}
	atomic_store_relaxed(&race.stop, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, BASE, 8 * PT_SPAN), 0);
	assert_int_equal(u->mm->nr_tables, 1); /* none was left behind for a dead VMA */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_cursor),
	    unit_test(test_grow_and_shrink),
	    unit_test(test_dead_links_nothing),
	    unit_test(test_used_is_kept),
	    unit_test(test_lock_rereads),
	    unit_test(test_tables_fail),
	    unit_test(test_gather_ranges),
	    unit_test(test_flush_before_free),
	    unit_test(test_zap_large),
	    unit_test(test_zap_file_keeps_private),
	    unit_test(test_lazyfree),
	    unit_test(test_protect_bits),
	    unit_test(test_protect_keeps_cow),
	    unit_test(test_copy_shares),
	    unit_test(test_copy_skips),
	    unit_test(test_copy_pinned),
	    unit_test(test_copy_fails_clean),
	    unit_test(test_move),
	    unit_test(test_move_whole),
	    unit_test(test_move_fails_clean),
	    unit_test(test_usage),
	    unit_test(test_verify_sees),
	    unit_test(test_race_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
