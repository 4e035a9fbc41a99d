/* SPDX-License-Identifier: MIT */
/*
 * test_entry.c: entries of each kind, and one of none that there is, under everything that looks at
 * entries.
 */
#include "abort.h"
#include "unit.h"

#include "core/table/pagetable.h"
#include "core/vma/mm.h"

#define BASE (1ull << 38)
#define OTHER (2ull << 38)
#define STRANGE (31u << ENTRY_TYPE_SHIFT) /* neither 0 nor present, and of no type */
#define SAID "is of no kind that exists"

static struct unit u;

static int frame_of(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = 0x5000 + pgoff;
	return 0;
}

static pte_t *slot_at(uint64_t addr)
{
	struct pt_walk w;

	pt_find(u.mm, addr, &w);
	return w.slot;
}

/* ---- kinds ------------------------------------------------------------------------ */

static enum entry_kind kind_at(uint64_t addr)
{
	return entry_kind(u.m, quire_pte(u.mm, addr));
}

static void kinds(void **state)
{
	static const struct quire_file_ops ops = {.frame = frame_of};
	struct quire_file_options o = {
	    .size = sizeof(o), .kind = QUIRE_FILE_EXTERNAL, .ops = &ops, .bytes = UPAGE};
	struct quire_file *shmem, *external;

	(void)state;
	unit_up(&u, NULL, NULL);
	shmem = unit_shmem(&u, UPAGE, true);
	assert_int_equal(quire_file_create(u.m, &o, &external), 0);
	unit_map(u.mm, BASE, 3 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_map_file(u.mm, BASE + 3 * UPAGE, UPAGE, URW, QMAP_SHARED | QMAP_FIXED, shmem, 0);
	unit_map_file(u.mm, BASE + 4 * UPAGE, UPAGE, QPROT_READ, QMAP_SHARED | QMAP_FIXED, external,
		      0);
	unit_store(u.mm, BASE + UPAGE, 1);
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(quire_fault(u.mm, BASE + i * UPAGE, QUIRE_READ, NULL),
				 QUIRE_FAULT_OK);
	assert_int_equal(kind_at(BASE), ENTRY_NONE);
	assert_int_equal(kind_at(BASE + UPAGE), ENTRY_ANON);
	assert_int_equal(kind_at(BASE + 2 * UPAGE), ENTRY_ZERO);
	assert_int_equal(kind_at(BASE + 3 * UPAGE), ENTRY_CACHE);
	assert_int_equal(kind_at(BASE + 4 * UPAGE), ENTRY_EXTERNAL);
	assert_int_equal(entry_kind(u.m, STRANGE), ENTRY_UNKNOWN);
	quire_file_put(shmem);
	quire_file_put(external);
	unit_down(&u);
}

/* ---- one of no kind ----------------------------------------------------------------- */

static void zap(void)
{
	quire_munmap(u.mm, BASE, 4 * UPAGE);
}

static void drop(void)
{
	quire_madvise(u.mm, BASE, 4 * UPAGE, QMADV_DONTNEED);
}

static void copy(void)
{
	struct quire_mm *child;

	quire_mm_fork(u.mm, NULL, &child);
}

static void resident(void)
{
	uint8_t vec[4];

	quire_mincore(u.mm, BASE, 4 * UPAGE, vec);
}

static void usage(void)
{
	struct quire_usage usage;

	quire_range_usage(u.mm, BASE, BASE + 4 * UPAGE, &usage);
}

static void touch(void)
{
	quire_fault(u.mm, BASE + UPAGE, QUIRE_READ, NULL);
}

static void store(void)
{
	quire_fault(u.mm, BASE + UPAGE, QUIRE_WRITE, NULL);
}

static void populate(void)
{
	quire_madvise(u.mm, BASE, 4 * UPAGE, QMADV_POPULATE_WRITE);
}

static void protect(void)
{
	quire_mprotect(u.mm, BASE, 4 * UPAGE, QPROT_READ);
}

static void move(void)
{
	uint64_t at;

	quire_mremap(u.mm, BASE, 4 * UPAGE, 4 * UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
		     OTHER + UPAGE, &at);
}

static void one_unknown(pte_t strange)
{
	static void (*const all[])(void) = {zap,   drop,  copy,     resident, usage,
					    touch, store, populate, protect,  move};
	struct pt_ref ref;
	pte_t was;

	unit_up(&u, NULL, NULL);
	unit_map(u.mm, BASE, 4 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_fill(u.mm, BASE, 4 * UPAGE, 1);
	assert_true(pt_lock(u.mm, BASE + UPAGE, &ref));
	was = *ref.entry;
	*ref.entry = strange;
	pt_unlock(&ref);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		expect_abort(all[i], SAID);
	assert_int_not_equal(quire_verify(u.m, NULL, NULL), 0);
	*ref.entry = was;
	unit_down(&u);
}

/* No type, a type without a kind, a marker without one, and more bits than there are. */
static void unknown(void **state)
{
	(void)state;
	one_unknown(STRANGE);
	one_unknown(ENTRY_ABSENT(ENTRY_TYPE_NONE, 1));
	one_unknown(ENTRY_ABSENT(ENTRY_MARKED, 0));
	one_unknown(ENTRY_ABSENT(ENTRY_MARKED, MARKER_LAST + 1));
	one_unknown(ENTRY_ABSENT(ENTRY_MARKED, MARKER_GUARD) | 1ull << 60);
}

/* A slot of an upper table: whoever looks for a table there must not take it for one, nor wait. */
static void unknown_slot(void **state)
{
	pte_t *slot;

	(void)state;
	unit_up(&u, NULL, NULL);
	unit_map(u.mm, BASE, 4 * UPAGE, URW, UANON | QMAP_FIXED);
	slot = slot_at(BASE + UPAGE); /* in the top table: there is no other yet */
	*slot = STRANGE;
	expect_abort(touch, SAID);
	expect_abort(populate, SAID);
	assert_int_not_equal(quire_verify(u.m, NULL, NULL), 0);
	*slot = 0;
	unit_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(unknown),
	    cmocka_unit_test(unknown_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
