/* SPDX-License-Identifier: MIT */
/*
 * test_entry_upper.c: entries in slots of upper tables, leaves and such without PRESENT, under the
 * cursor and under everything that looks at entries: the table in entry.h.  The test plants them.
 */
#include "abort.h"
#include "gate.h"
#include "unit.h"

#include <errno.h>

#include "core/table/cursor.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/vma/mm.h"

#define BASE (1ull << 38)
#define OTHER (2ull << 38)
#define HERE (BASE + PT_SPAN) /* the span with the entry; before it a table, behind it nothing */
#define LEN (3 * PT_SPAN)
#define FRAME 0x5000u

static struct unit u;

static int frame_of(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = FRAME + pgoff;
	return 0;
}

static struct folio *upper_table(uint64_t addr, pte_t **slot)
{
	struct pt_walk w;

	pt_find(u.mm, addr, &w);
	assert_int_equal(w.level, 1);
	*slot = w.slot;
	return pfn_folio(u.m, w.table);
}

static void plant(pte_t e)
{
	pte_t *slot;
	struct folio *table = upper_table(HERE, &slot);

	assert_int_equal(*slot, 0);
	*slot = e;
	table->pt.used++;
}

static pte_t planted(void)
{
	struct pt_walk w;

	return pt_find(u.mm, HERE, &w);
}

/* A shared external mapping, whose entries need no folio. */
static void up_external(void)
{
	static const struct quire_file_ops ops = {.frame = frame_of};
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = QUIRE_FILE_EXTERNAL,
				       .ops = &ops,
				       .bytes = LEN,
				       .writable = true};
	struct quire_file *file;

	unit_up(&u, NULL, NULL);
	assert_int_equal(quire_file_create(u.m, &o, &file), 0);
	unit_map_file(u.mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	quire_file_put(file);
	assert_int_equal(quire_fault(u.mm, BASE, QUIRE_WRITE, NULL), QUIRE_FAULT_OK);
}

static void up_leaf(void)
{
	up_external();
	plant(pte_make(FRAME + PT_ENTRIES, vma_pte_bits(vma_find(u.mm, HERE)) | PTE_EXTERNAL |
					       PTE_LEAF | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED));
	mm_count(u.mm, MM_FILE, PT_ENTRIES);
	unit_verify(&u);
}

/* ---- the cursor ------------------------------------------------------------------------ */

static void expect_piece(struct pt_cursor *c, uint64_t from, uint64_t to, unsigned level)
{
	assert_true(pt_next_piece(c));
	assert_int_equal(c->addr, from);
	assert_int_equal(c->stop, to);
	assert_int_equal(c->level, level);
	assert_ptr_equal(c->entry, c->ref.entry);
	assert_int_equal(c->ref.table->pt.level, level);
	assert_true(spin_is_locked(&c->ref.table->pt.lock));
}

static void cursor(void **state)
{
	struct pt_cursor c;
	unsigned n = 0;

	(void)state;
	up_leaf();
	pt_cursor_begin(&c, u.mm, BASE + PAGE_SIZE, BASE + LEN);
	expect_piece(&c, BASE + PAGE_SIZE, HERE, 0);
	pt_for_each_entry (&c)
		n++;
	assert_int_equal(n, PT_ENTRIES - 1);
	expect_piece(&c, HERE, HERE + PT_SPAN, 1);
	assert_true(pt_is_whole(&c));
	assert_int_equal(pt_pages(&c), PT_ENTRIES);
	pt_for_each_entry (&c)
		n++;
	assert_int_equal(n, PT_ENTRIES);
	assert_false(pt_next_piece(&c));

	/* A part of it, twice: a pause goes on where it was. */
	pt_cursor_begin(&c, u.mm, HERE + 3 * PAGE_SIZE, HERE + 9 * PAGE_SIZE);
	expect_piece(&c, HERE + 3 * PAGE_SIZE, HERE + 9 * PAGE_SIZE, 1);
	assert_false(pt_is_whole(&c));
	c.addr += 2 * PAGE_SIZE;
	pt_cursor_pause(&c);
	assert_false(spin_is_locked(&c.ref.table->pt.lock));
	expect_piece(&c, HERE + 5 * PAGE_SIZE, HERE + 9 * PAGE_SIZE, 1);
	assert_int_equal(pt_pages(&c), 4);
	pt_cursor_pause(&c);

	/* Without locks, too. */
	pt_cursor_begin(&c, u.mm, 0, BASE + LEN);
	assert_true(pt_next_table(&c));
	assert_int_equal(c.level, 0);
	assert_true(pt_next_table(&c));
	assert_int_equal(c.addr, HERE);
	assert_int_equal(c.level, 1);
	assert_false(pt_next_table(&c));
	unit_down(&u);
}

/* ---- a leaf ---------------------------------------------------------------------------- */

static void unmap_half(void)
{
	quire_munmap(u.mm, HERE, PT_SPAN / 2);
}

static void zap(void **state)
{
	(void)state;
	up_leaf();
	expect_abort(unmap_half, "pt_is_whole");
	assert_int_equal(quire_madvise(u.mm, BASE, LEN, QMADV_DONTNEED), 0);
	assert_int_equal(planted(), 0);
	assert_int_equal(mm_counter_sum(u.mm, MM_FILE), 0);
	assert_int_equal(u.flushes, 1);
	unit_verify(&u);
	plant(pte_make(FRAME + PT_ENTRIES,
		       vma_pte_bits(vma_find(u.mm, HERE)) | PTE_EXTERNAL | PTE_LEAF));
	mm_count(u.mm, MM_FILE, PT_ENTRIES);
	assert_int_equal(quire_munmap(u.mm, BASE, LEN), 0);
	assert_int_equal(u.mm->nr_tables, 1);
	unit_down(&u);
}

static void told(void **state)
{
	static uint8_t vec[LEN / UPAGE];
	struct quire_usage usage;

	(void)state;
	up_leaf();
	assert_int_equal(quire_mincore(u.mm, HERE + UPAGE, PT_SPAN / 2, vec), 0);
	for (unsigned i = 0; i < PT_ENTRIES / 2; i++)
		assert_int_equal(vec[i], 1);
	quire_range_usage(u.mm, HERE + UPAGE, HERE + 4 * UPAGE, &usage);
	assert_int_equal(usage.external, 3 * UPAGE);
	quire_range_usage(u.mm, BASE, BASE + LEN, &usage);
	assert_int_equal(usage.rss, PT_SPAN + UPAGE);
	assert_int_equal(usage.private_dirty, PT_SPAN + UPAGE);
	assert_int_equal(pte_frame(quire_pte(u.mm, HERE + 7 * UPAGE)), FRAME + PT_ENTRIES + 7);
	assert_int_equal(quire_pte(u.mm, HERE) & PTE_LEAF, 0);
	unit_down(&u);
}

static void store_to_leaf(void)
{
	quire_fault(u.mm, HERE, QUIRE_WRITE, NULL);
}

static void protect_half(void)
{
	quire_mprotect(u.mm, HERE, PT_SPAN / 2, QPROT_READ);
}

static void touch(void **state)
{
	struct quire_fault out;

	(void)state;
	up_leaf();
	assert_int_equal(unit_fault(u.mm, HERE + 3 * UPAGE, QUIRE_WRITE, &out), QUIRE_FAULT_OK);
	assert_int_equal(out.kind, QUIRE_KIND_SPURIOUS);
	assert_int_equal(quire_madvise(u.mm, HERE, PT_SPAN, QMADV_POPULATE_WRITE), 0);
	expect_abort(protect_half, "pt_is_whole");
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, QPROT_READ), 0);
	assert_int_equal(planted() & (PTE_WRITE | PTE_LEAF), PTE_LEAF);
	assert_int_equal(unit_fault(u.mm, HERE, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	assert_int_equal(unit_fault(u.mm, HERE, QUIRE_WRITE, NULL), QUIRE_FAULT_SEGV);
	unit_verify(&u);
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, QPROT_NONE), 0);
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, URW), 0);
	assert_int_equal(planted() & PTE_WRITE, PTE_WRITE); /* it was noted as dirty */
	unit_down(&u);
}

/* Not accessed yet: the first access says so, in the leaf. */
static void touch_old(void **state)
{
	pte_t *slot;

	(void)state;
	up_leaf();
	upper_table(HERE, &slot);
	*slot &= ~(PTE_ACCESSED | PTE_WRITE);
	assert_int_equal(quire_fault(u.mm, HERE + 9 * UPAGE, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	assert_int_equal(*slot & PTE_ACCESSED, PTE_ACCESSED);
	assert_int_equal(pte_frame(*slot), FRAME + PT_ENTRIES);
	assert_int_equal(quire_fault(u.mm, HERE + 9 * UPAGE, QUIRE_WRITE, NULL), QUIRE_FAULT_OK);
	assert_int_equal(*slot & (PTE_WRITE | PTE_DIRTY), PTE_WRITE | PTE_DIRTY);
	unit_down(&u);
}

/* Under its own lock: a pin that looked for a last-level table alone would fault for ever. */
static void pin_leaf(void **state)
{
	struct quire_pin pin;

	(void)state;
	up_leaf();
	assert_int_equal(quire_pin(u.mm, HERE + 3 * UPAGE, QUIRE_READ, &pin), -EFAULT);
	assert_int_equal(quire_pin(u.mm, HERE, QUIRE_WRITE, &pin), -EFAULT);
	unit_down(&u);
}

/* ---- fork and mremap --------------------------------------------------------------------- */

static void fork_it(void)
{
	struct quire_mm *child;

	quire_mm_fork(u.mm, NULL, &child);
}

static void move_it(void)
{
	uint64_t at;

	quire_mremap(u.mm, BASE, LEN, LEN, QMREMAP_MAYMOVE | QMREMAP_FIXED, OTHER, &at);
}

static void moved(void **state)
{
	(void)state;
	up_leaf();
	move_it();
	assert_int_equal(pte_frame(quire_pte(u.mm, OTHER + PT_SPAN)), FRAME + PT_ENTRIES);
	assert_int_equal(pte_frame(quire_pte(u.mm, OTHER)), FRAME);
	assert_int_equal(planted(), 0);
	unit_verify(&u);
	unit_down(&u);
}

/* With a private page before it: without one nothing is copied. */
static void forked(void **state)
{
	struct quire_mm *child;
	struct pt_walk w;

	(void)state;
	unit_up(&u, NULL, NULL);
	unit_map(u.mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, BASE, 1);
	plant(ENTRY_ABSENT(ENTRY_MARKED, MARKER_GUARD));
	assert_int_equal(quire_mm_fork(u.mm, NULL, &child), 0);
	assert_int_equal(pt_find(child, HERE, &w), ENTRY_ABSENT(ENTRY_MARKED, MARKER_GUARD));
	assert_int_equal(w.level, 1);
	unit_verify(&u);
	quire_mm_put(child);
	move_it();
	assert_int_equal(pt_find(u.mm, OTHER + PT_SPAN, &w),
			 ENTRY_ABSENT(ENTRY_MARKED, MARKER_GUARD));
	unit_down(&u);
}

/* ---- without PRESENT -------------------------------------------------------------------- */

static const struct sort {
	pte_t entry;
	enum quire_fault_result result;
	bool outlives_dontneed;
	unsigned violations;
	uint64_t swap;
} sorts[] = {
    {ENTRY_ABSENT(ENTRY_SWAPPED, 77), QUIRE_FAULT_BUS, false, 1, PT_SPAN},
    {ENTRY_ABSENT(ENTRY_MARKED, MARKER_GUARD), QUIRE_FAULT_SEGV, true, 0, 0},
    {ENTRY_ABSENT(ENTRY_MARKED, MARKER_POISON), QUIRE_FAULT_BUS, false, 0, 0},
};

static void one_sort(const struct sort *s)
{
	static uint8_t vec[LEN / UPAGE];
	struct quire_usage usage;

	plant(s->entry);
	assert_int_equal(quire_fault(u.mm, HERE + 4 * UPAGE, QUIRE_READ, NULL), s->result);
	assert_int_equal(quire_fault(u.mm, HERE, QUIRE_WRITE, NULL), s->result);
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, URW), 0);
	assert_int_equal(planted(), s->entry);
	assert_int_equal(quire_mincore(u.mm, BASE, LEN, vec), 0);
	assert_int_equal(vec[PT_ENTRIES], 0);
	quire_range_usage(u.mm, BASE, BASE + LEN, &usage);
	assert_int_equal(usage.rss, UPAGE);
	assert_int_equal(usage.swap, s->swap);
	assert_int_equal(quire_verify(u.m, NULL, NULL), s->violations);
	assert_int_equal(quire_madvise(u.mm, HERE, PT_SPAN, QMADV_DONTNEED), 0);
	assert_int_equal(planted(), s->outlives_dontneed ? s->entry : 0);
	assert_int_equal(quire_munmap(u.mm, HERE, PT_SPAN), 0);
	assert_int_equal(planted(), 0);
}

static void absent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		unit_up(&u, NULL, NULL);
		unit_map(u.mm, BASE, LEN, URW, UANON | QMAP_FIXED);
		unit_store(u.mm, BASE, 1);
		one_sort(&sorts[i]);
		unit_down(&u);
	}
}

static void moving(void **state)
{
	struct folio *folio;
	struct quire_usage usage;
	uint8_t resident;

	(void)state;
	unit_up(&u, NULL, NULL);
	unit_map(u.mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, BASE, 1);
	folio = folio_alloc(u.m, HUGE_ORDER, ALLOC_ZERO);
	assert_non_null(folio);
	folio_set(folio, FOLIO_ANON | FOLIO_EXCLUSIVE);
	folio->root = u.mm->anon;
	plant(entry_make(ENTRY_MIGRATE_WRITE, folio_pfn(u.m, folio)));
	mm_count(u.mm, MM_ANON, PT_ENTRIES);
	quire_range_usage(u.mm, HERE, HERE + PT_SPAN, &usage);
	assert_int_equal(usage.rss, PT_SPAN);
	assert_int_equal(quire_mincore(u.mm, HERE, UPAGE, &resident), 0);
	assert_int_equal(resident, 1);
	assert_int_equal(quire_mprotect(u.mm, BASE, LEN, QPROT_READ), 0);
	assert_int_equal(entry_type(planted()), ENTRY_MIGRATE_EXCLUSIVE);
	assert_true(quire_verify(u.m, NULL, NULL) > 0);
	assert_int_equal(quire_munmap(u.mm, BASE, LEN), 0);
	assert_int_equal(mm_counter_sum(u.mm, MM_ANON), 0);
	folio_put(u.m, folio);
	unit_down(&u);
}

/* ---- an access to a page that is being moved ---------------------------------------- */

static void load(void *result)
{
	*(enum quire_fault_result *)result = quire_fault(u.mm, HERE + 5 * UPAGE, QUIRE_READ, NULL);
}

/* The mover finds that it is not to come back: whoever waited for it finds nothing there. */
static void moving_accessed(void **state)
{
	enum quire_fault_result result = QUIRE_FAULT_SEGV;
	struct actor a = {.gate = GATE_WAIT, .run = load, .arg = &result};
	struct folio *folio;
	pte_t *slot;

	(void)state;
	gate_up(&u, NULL);
	unit_map(u.mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, BASE, 1);
	folio = folio_alloc(u.m, HUGE_ORDER, ALLOC_ZERO);
	assert_non_null(folio);
	folio_set(folio, FOLIO_ANON | FOLIO_EXCLUSIVE);
	folio->root = u.mm->anon;
	assert_true(folio_trylock(folio));
	plant(entry_make(ENTRY_MIGRATE_WRITE, folio_pfn(u.m, folio)));
	actor_start(&a);
	upper_table(HERE, &slot)->pt.used--;
	atomic_store(slot, 0);
	folio_unlock(u.m, folio);
	folio_put(u.m, folio);
	actor_finish(&a);
	assert_int_equal(result, QUIRE_FAULT_OK);
	unit_down(&u);
}

/* ---- one of no kind -------------------------------------------------------------------------- */

static void unmap_it(void)
{
	quire_munmap(u.mm, BASE, LEN);
}

static void drop_it(void)
{
	quire_madvise(u.mm, BASE, LEN, QMADV_DONTNEED);
}

static void protect_it(void)
{
	quire_mprotect(u.mm, BASE, LEN, QPROT_READ);
}

static void ask_resident(void)
{
	static uint8_t vec[LEN / UPAGE];

	quire_mincore(u.mm, BASE, LEN, vec);
}

static void ask_usage(void)
{
	struct quire_usage usage;

	quire_range_usage(u.mm, BASE, BASE + LEN, &usage);
}

static void populate_it(void)
{
	quire_madvise(u.mm, BASE, LEN, QMADV_POPULATE_READ);
}

static void unknown(void **state)
{
	static void (*const all[])(void) = {unmap_it,  drop_it,       protect_it, ask_resident,
					    ask_usage, store_to_leaf, populate_it};
	pte_t *slot;

	(void)state;
	unit_up(&u, NULL, NULL);
	unit_map(u.mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, BASE, 1);
	plant(ENTRY_ABSENT(31, 0));
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		expect_abort(all[i], "is of no kind that exists");
	expect_abort(fork_it, "is of no kind that exists");
	expect_abort(move_it, "is of no kind that exists");
	assert_int_not_equal(quire_verify(u.m, NULL, NULL), 0);
	upper_table(HERE, &slot)->pt.used--;
	*slot = 0;
	unit_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cursor),
	    cmocka_unit_test(zap),
	    cmocka_unit_test(told),
	    cmocka_unit_test(touch),
	    cmocka_unit_test(touch_old),
	    cmocka_unit_test(pin_leaf),
	    cmocka_unit_test(moved),
	    cmocka_unit_test(forked),
	    cmocka_unit_test(absent),
	    cmocka_unit_test(moving),
	    cmocka_unit_test(moving_accessed),
	    cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
