/* SPDX-License-Identifier: MIT */
/*
 * test_folio.c: folios of several frames under all that counts, shares and drops pages.
 *
 * Nothing of the core makes such folios yet: the tests map them by hand.  Page i of one has i + 1
 * in its first word.
 */
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/table/tlb.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"
#include "unit.h"

#define BASE (1ull << 38) /* aligned to what a table spans */
#define ORDER 4u
#define PAGES (1u << ORDER)

/* Of tables, too. */
static uint64_t all_free(struct unit *u)
{
	struct quire_machine_stats st = unit_stats(u->m);

	return st.free_frames + st.free_table_frames;
}

/* Private and of one mm, with a reference of the caller's. */
static struct folio *make_folio(struct unit *u, unsigned order, uint64_t addr)
{
	struct folio *f = folio_alloc(u->m, order, ALLOC_ZERO);

	assert_non_null(f);
	folio_set(f, FOLIO_ANON | FOLIO_EXCLUSIVE | FOLIO_UPTODATE);
	f->root = u->mm->anon;
	f->index = addr / UPAGE;
	for (unsigned i = 0; i < folio_pages(f); i++)
		*(uint64_t *)pfn_addr(u->m, folio_pfn(u->m, f) + i) = i + 1;
	return f;
}

static void set_entry(struct unit *u, uint64_t addr, uint64_t pfn)
{
	uint64_t bits = vma_pte_bits(vma_find(u->mm, addr)) | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
	struct pt_ref ref;

	vma_touch(vma_find(u->mm, addr));
	assert_int_equal(pt_lock_alloc(u->mm, addr, &ref), 0);
	pt_set(&ref, ref.entry, pte_make(pfn, bits));
	pt_unlock(&ref);
}

static void count_folio(struct unit *u, struct folio *f)
{
	rmap_new(f, folio_pages(f));
	rmap_count_new(u->mm, folio_pages(f));
}

/* At addr, whole and in order; in an anonymous mapping of its size. */
static struct folio *map_folio(struct unit *u, unsigned order, uint64_t addr)
{
	struct folio *f;

	unit_map(u->mm, addr, UPAGE << order, URW, UANON | QMAP_FIXED);
	f = make_folio(u, order, addr);
	for (unsigned i = 0; i < folio_pages(f); i++)
		set_entry(u, addr + i * UPAGE, folio_pfn(u->m, f) + i);
	count_folio(u, f);
	unit_verify(u);
	return f;
}

static void expect_counts(struct unit *u, const struct folio *f, unsigned refs, int mapcount)
{
	assert_int_equal(f->refs, refs);
	assert_int_equal(f->mapcount, mapcount);
	unit_verify(u);
}

static void expect_content(struct quire_mm *mm, uint64_t addr, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		assert_int_equal(unit_load(mm, addr + i * UPAGE), i + 1);
}

static int64_t rss(struct unit *u)
{
	return mm_counter_sum(u->mm, MM_ANON);
}

/* ---- frames and folios -------------------------------------------------------------------- */

static void frames_know_their_folio(void **state)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = 32ull << 20, .nodes = 2, .table_bytes = 1ull << 20};
	struct folio *v[2 * (MAX_ORDER + 1)];
	struct unit u;
	unsigned n = 0;

	(void)state;
	unit_up_machine(&u, &o);
	for (unsigned order = 0; order <= MAX_ORDER; order++)
		for (unsigned flags = 0; flags < 2; flags++) {
			struct folio *f = folio_alloc(u.m, order, flags ? ALLOC_TABLE : 0);

			if (!f) /* the zone of tables is small */
				continue;
			if (flags)
				folio_set(f, FOLIO_TABLE); /* it is counted as one */
			v[n++] = f;
			assert_int_equal(folio_pages(f), 1u << order);
			assert_int_equal(folio_test(f, FOLIO_LARGE), order > 0);
			for (uint64_t i = 0; i < folio_pages(f); i++)
				assert_ptr_equal(frame_folio(u.m, folio_pfn(u.m, f) + i), f);
		}
	assert_in_range(n, MAX_ORDER + 3, 2 * (MAX_ORDER + 1));
	while (n--)
		folio_put(u.m, v[n]);
	/* What was a tail is a folio of its own again. */
	for (unsigned i = 0; i < 64; i++) {
		struct folio *f = folio_alloc(u.m, 0, 0);

		assert_ptr_equal(frame_folio(u.m, folio_pfn(u.m, f)), f);
		folio_put(u.m, f);
	}
	unit_down(&u);
}

/* ---- dropping ------------------------------------------------------------------------------ */

static void dropped_page_by_page(void **state)
{
	static const unsigned order_of_pages[] = {3, 0, 1, 2, 15, 14, 7,  9,
						  8, 4, 5, 6, 13, 10, 12, 11};
	struct unit *u = *state;
	uint64_t before = all_free(u), held;
	struct folio *f = map_folio(u, ORDER, BASE);

	held = all_free(u);
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned page = order_of_pages[i];

		expect_counts(u, f, PAGES - i, (int)(PAGES - i));
		assert_int_equal(rss(u), PAGES - i);
		assert_int_equal(all_free(u), held);
		expect_content(u->mm, BASE, page, 1);
		assert_int_equal(quire_madvise(u->mm, BASE + page * UPAGE, UPAGE, QMADV_DONTNEED),
				 0);
	}
	assert_int_equal(all_free(u), held + PAGES);
	assert_int_equal(rss(u), 0);
	assert_int_equal(quire_munmap(u->mm, BASE, PAGES * UPAGE), 0);
	unit_verify(u);
	assert_int_equal(all_free(u), before);
}

/* With pages around it that are folios of their own. */
static void dropped_as_a_whole(void **state)
{
	struct unit *u = *state;
	uint64_t before = all_free(u);
	struct folio *f;

	unit_map(u->mm, BASE - UPAGE, UPAGE, URW, UANON | QMAP_FIXED);
	unit_map(u->mm, BASE + PAGES * UPAGE, UPAGE, URW, UANON | QMAP_FIXED);
	unit_store(u->mm, BASE - UPAGE, 7);
	unit_store(u->mm, BASE + PAGES * UPAGE, 8);
	f = map_folio(u, ORDER, BASE);
	folio_get(f); /* to see what is left */
	u->flushes = 0;
	assert_int_equal(quire_munmap(u->mm, BASE - UPAGE, (PAGES + 2) * UPAGE), 0);
	assert_int_equal(u->flushes, 1);
	assert_int_equal(f->refs, 1);
	assert_int_equal(f->mapcount, 0);
	assert_int_equal(rss(u), 0);
	folio_put(u->m, f);
	unit_verify(u);
	assert_int_equal(all_free(u), before);
}

/* The entry of a leaf is one, and counts for all pages. */
static void dropped_as_a_leaf(void **state)
{
	struct unit *u = *state;
	uint64_t before = all_free(u), bits;
	struct folio *f;
	struct pt_walk w;

	unit_map(u->mm, BASE, 2 * PT_SPAN, URW, UANON | QMAP_FIXED);
	unit_store(u->mm, BASE + PT_SPAN, 1); /* there are the upper tables */
	f = make_folio(u, 9, BASE);
	bits = vma_pte_bits(vma_find(u->mm, BASE)) | PTE_WRITE | PTE_DIRTY | PTE_LEAF;
	pt_find(u->mm, BASE, &w);
	assert_int_equal(w.level, 1);
	*w.slot = pte_make(folio_pfn(u->m, f), bits);
	pfn_folio(u->m, w.table)->pt.used++;
	count_folio(u, f);
	expect_counts(u, f, 512, 512);
	assert_int_equal(unit_load(u->mm, BASE + 17 * UPAGE), 18);
	assert_int_equal(quire_munmap(u->mm, BASE, 2 * PT_SPAN), 0);
	assert_int_equal(rss(u), 0);
	unit_verify(u);
	assert_int_equal(all_free(u), before);
}

static void dropped_by_exit(void **state)
{
	struct unit *u = *state;
	struct folio *f = map_folio(u, 9, BASE);

	folio_get(f);
	quire_mm_put(u->mm);
	u->mm = NULL;
	assert_int_equal(f->refs, 1);
	assert_int_equal(f->mapcount, 0);
	folio_put(u->m, f);
}

/* ---- runs that end all the time, and a gather that they fill -------------------------------- */

static bool no_pieces;

static void *alloc_or_not(void *ctx, size_t bytes)
{
	return no_pieces && bytes == sizeof(struct tlb_piece) ? NULL : unit_alloc(ctx, bytes);
}

/* Runs of so many pages, of two folios in turn; a page of its own after each `single` runs.  They
 * lie where no index leads to: verify sees them when they are gone. */
static void fill_gather(unsigned run, unsigned single)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = 256ull << 20};
	uint64_t addr = BASE, before;
	struct folio *f[2];
	struct unit u;

	unit_port(&u);
	u.port.alloc = alloc_or_not;
	unit_machine_mm(&u, &o, NULL);
	before = all_free(&u);
	unit_map(u.mm, BASE, 8 * PT_SPAN, URW, UANON | QMAP_FIXED);
	for (unsigned i = 0; i < 2; i++)
		f[i] = make_folio(&u, MAX_ORDER, BASE);
	for (unsigned page = 0; page < 1u << MAX_ORDER; page += run)
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned p = page; p < page + run; p++, addr += UPAGE)
				set_entry(&u, addr, folio_pfn(u.m, f[i]) + p);
			if (single && (page / run + i) % single == 0) {
				unit_store(u.mm, addr, 1);
				addr += UPAGE;
			}
		}
	for (unsigned i = 0; i < 2; i++)
		count_folio(&u, f[i]);
	assert_int_equal(quire_munmap(u.mm, BASE, 8 * PT_SPAN), 0);
	unit_verify(&u);
	assert_int_equal(all_free(&u), before);
	unit_down(&u);
}

static void gather_filled_by_runs(void **state)
{
	(void)state;
	for (unsigned pieces = 0; pieces < 2; pieces++) {
		no_pieces = !pieces;
		for (unsigned run = 1; run <= 8; run *= 2)
			for (unsigned single = 0; single < 4; single++)
				fill_gather(run, single);
	}
	no_pieces = false;
}

/* ---- sharing -------------------------------------------------------------------------------- */

static void fork_shares_a_run(void **state)
{
	struct unit *u = *state;
	struct folio *f = map_folio(u, ORDER, BASE);
	struct quire_mm *child;
	struct quire_fault out;

	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_false(folio_test(f, FOLIO_EXCLUSIVE));
	expect_counts(u, f, 2 * PAGES, 2 * PAGES);
	expect_content(child, BASE, 0, PAGES);
	/* A write copies its page, and no other. */
	unit_fault(u->mm, BASE + 5 * UPAGE, QUIRE_WRITE, &out);
	assert_int_equal(out.kind, QUIRE_KIND_COW_COPY);
	expect_content(u->mm, BASE, 0, PAGES);
	unit_store(u->mm, BASE + 5 * UPAGE, 99);
	expect_counts(u, f, 2 * PAGES - 1, 2 * PAGES - 1);
	expect_content(child, BASE, 0, PAGES);
	assert_int_equal(quire_madvise(u->mm, BASE + UPAGE, 8 * UPAGE, QMADV_POPULATE_WRITE), 0);
	expect_counts(u, f, 2 * PAGES - 8, 2 * PAGES - 8);
	expect_content(u->mm, BASE, 6, PAGES - 6);
	quire_mm_put(child);
	expect_counts(u, f, PAGES - 8, (int)PAGES - 8);
}

static void fork_without_tlb(void **state)
{
	struct quire_mm *child;
	struct folio *f;
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.tlb_flush = NULL;
	unit_machine_mm(&u, NULL, NULL);
	f = map_folio(&u, ORDER, BASE);
	assert_int_equal(quire_mm_fork(u.mm, NULL, &child), 0);
	assert_int_equal(quire_madvise(u.mm, BASE + UPAGE, 8 * UPAGE, QMADV_POPULATE_WRITE), 0);
	expect_content(u.mm, BASE, 0, PAGES);
	expect_counts(&u, f, 2 * PAGES - 8, 2 * PAGES - 8);
	quire_mm_put(child);
	unit_down(&u);
}

static void fork_copies_what_is_pinned(void **state)
{
	struct unit *u = *state;
	struct folio *f = map_folio(u, ORDER, BASE);
	struct quire_mm *child;
	struct quire_pin p;

	assert_int_equal(quire_pin(u->mm, BASE + 6 * UPAGE, QUIRE_READ, &p), 0);
	assert_int_equal(*(uint64_t *)p.mem, 7);
	assert_int_equal(folio_pins(f), 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_true(folio_test(f, FOLIO_EXCLUSIVE));
	expect_counts(u, f, PAGES + 1, PAGES);
	expect_content(child, BASE, 0, PAGES);
	unit_store(u->mm, BASE + 6 * UPAGE, 70);
	assert_int_equal(*(uint64_t *)p.mem, 70);
	assert_int_equal(unit_load(child, BASE + 6 * UPAGE), 7);
	assert_int_equal(quire_munmap(u->mm, BASE, PAGES * UPAGE), 0);
	assert_int_equal(*(uint64_t *)p.mem, 70);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

static void read_pin_unshares_a_page(void **state)
{
	struct unit *u = *state;
	struct folio *f = map_folio(u, ORDER, BASE);
	struct quire_mm *child;
	struct quire_pin p;

	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_pin(u->mm, BASE + 6 * UPAGE, QUIRE_READ, &p), 0);
	assert_int_equal(*(uint64_t *)p.mem, 7);
	expect_counts(u, f, 2 * PAGES - 1, 2 * PAGES - 1);
	unit_store(u->mm, BASE + 6 * UPAGE, 70);
	assert_int_equal(*(uint64_t *)p.mem, 70);
	assert_int_equal(unit_load(child, BASE + 6 * UPAGE), 7);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

/* ---- what else looks at entries ------------------------------------------------------------- */

static void protected_moved_and_told(void **state)
{
	struct unit *u = *state;
	uint64_t to = 2 * BASE, at;
	struct folio *f = map_folio(u, ORDER, BASE);
	struct quire_usage usage;
	struct quire_mm *child;

	quire_range_usage(u->mm, BASE, BASE + PAGES * UPAGE, &usage);
	assert_int_equal(usage.rss, PAGES * UPAGE);
	assert_int_equal(usage.private_dirty, PAGES * UPAGE);
	assert_int_equal(usage.anonymous, PAGES * UPAGE);
	assert_int_equal(quire_mprotect(u->mm, BASE + UPAGE, 3 * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u->mm, BASE + UPAGE, 3 * UPAGE, URW), 0);
	assert_true(quire_pte(u->mm, BASE + 2 * UPAGE) & PTE_WRITE); /* a tail of its own folio */
	assert_int_equal(quire_mremap(u->mm, BASE, PAGES * UPAGE, PAGES * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &at),
			 0);
	expect_content(u->mm, to, 0, PAGES);
	expect_counts(u, f, PAGES, PAGES);
	assert_int_equal(quire_madvise(u->mm, to, PAGES * UPAGE, QMADV_FREE), 0);
	expect_content(u->mm, to, 0, PAGES);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	quire_range_usage(u->mm, to, to + PAGES * UPAGE, &usage);
	assert_int_equal(usage.shared_dirty + usage.shared_clean, PAGES * UPAGE);
	assert_int_equal(usage.pss_shifted >> 12, PAGES * UPAGE / 2);
	quire_mm_put(child);
	unit_verify(u);
}

static unsigned violations(struct unit *u)
{
	return quire_verify(u->m, NULL, NULL);
}

static void verify_sees(void **state)
{
	struct unit *u = *state;
	struct folio *f = map_folio(u, ORDER, BASE);
	struct pt_ref ref;
	pte_t e;

	f->mapcount--;
	assert_int_not_equal(violations(u), 0);
	f->mapcount++;
	f->refs++;
	assert_int_not_equal(violations(u), 0);
	f->refs--;
	f[3].refs = 1;
	assert_int_not_equal(violations(u), 0);
	f[3].refs = 0;
	f[3].mapcount = 1;
	assert_int_not_equal(violations(u), 0);
	f[3].mapcount = 0;
	/* One page twice, another not at all. */
	assert_true(pt_lock(u->mm, BASE, &ref));
	e = ref.entry[1];
	ref.entry[1] = ref.entry[0];
	pt_unlock(&ref);
	assert_int_not_equal(violations(u), 0);
	ref.entry[1] = e;
	assert_int_equal(violations(u), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_know_their_folio),
	    unit_test(dropped_page_by_page),
	    unit_test(dropped_as_a_whole),
	    unit_test(dropped_as_a_leaf),
	    unit_test(dropped_by_exit),
	    cmocka_unit_test(gather_filled_by_runs),
	    unit_test(fork_shares_a_run),
	    cmocka_unit_test(fork_without_tlb),
	    unit_test(fork_copies_what_is_pinned),
	    unit_test(read_pin_unshares_a_page),
	    unit_test(protected_moved_and_told),
	    unit_test(verify_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
