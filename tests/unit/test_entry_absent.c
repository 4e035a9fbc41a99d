/* SPDX-License-Identifier: MIT */
/*
 * test_entry_absent.c: entries without PRESENT, in last-level tables, under everything that looks
 * at entries: the table in entry.h.  The test plants them.
 */
#include "gate.h"
#include "unit.h"

#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/vma/mm.h"

#define BASE (1ull << 38)
#define OTHER (2ull << 38)
#define LEN (4 * UPAGE)
#define HERE (BASE + UPAGE) /* the page with the entry */

#define SWAPPED ENTRY_ABSENT(ENTRY_SWAPPED, 77)
#define MARKED(marker) ENTRY_ABSENT(ENTRY_MARKED, marker)

/* ---- planting --------------------------------------------------------------------- */

static void set_entry(struct unit *u, uint64_t addr, pte_t e)
{
	struct pt_ref ref;

	assert_int_equal(pt_lock_alloc(u->mm, addr, &ref), 0);
	pt_set(&ref, ref.entry, e);
	pt_unlock(&ref);
}

/* Four pages, written but for the one that gets the entry. */
static void plant(struct unit *u, pte_t e)
{
	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u->mm, BASE, 1);
	unit_store(u->mm, BASE + 2 * UPAGE, 1);
	unit_store(u->mm, BASE + 3 * UPAGE, 1);
	set_entry(u, HERE, e);
}

/*
 * A page on its way, as entry.h, 4 says.  Its mover has what the entry had, and F: this thread
 * holds it for a mover that is another one, so that calls which come before F in the order go.
 */
struct moving {
	struct folio *folio;
	pte_t was;
};

static struct moving move_away(struct unit *u, uint64_t addr, enum entry_type type)
{
	struct moving mv = {.was = quire_pte(u->mm, addr)};

	assert_int_equal(entry_kind(u->m, mv.was), ENTRY_ANON);
	mv.folio = entry_folio(u->m, mv.was);
	assert_true(folio_trylock(mv.folio));
	lock_rank_release(RANK_FOLIO);
	assert_int_equal(atomic_sub(&mv.folio->mapcount, 1), 0);
	atomic_add_relaxed(&u->m->cpus[0].mapped_anon, -1);
	folio_clear(mv.folio, FOLIO_EXCLUSIVE);
	if (type != ENTRY_MIGRATE_WRITE)
		mv.was &= ~PTE_WRITE;
	set_entry(u, addr, migration_of(mv.was, type != ENTRY_MIGRATE_READ));
	assert_int_equal(entry_type(quire_pte(u->mm, addr)), type);
	return mv;
}

static void let_go(struct unit *u, const struct moving *mv)
{
	lock_rank_tried(RANK_FOLIO);
	folio_unlock(u->m, mv->folio);
	folio_put(u->m, mv->folio);
}

/* With the rights that the entry has by then. */
static void move_back(struct unit *u, uint64_t addr, const struct moving *mv)
{
	pte_t e = quire_pte(u->mm, addr);

	folio_get(mv->folio);
	atomic_add(&mv->folio->mapcount, 1);
	atomic_add_relaxed(&u->m->cpus[0].mapped_anon, 1);
	if (migration_is_exclusive(u->m, e))
		folio_set(mv->folio, FOLIO_EXCLUSIVE);
	set_entry(u, addr, migration_back(e, folio_pfn(u->m, mv->folio)));
	let_go(u, mv);
}

static struct moving plant_moving(struct unit *u, enum entry_type type)
{
	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	return move_away(u, HERE, type);
}

static enum entry_type type_at(struct quire_mm *mm, uint64_t addr)
{
	pte_t e = quire_pte(mm, addr);

	return pte_present(e) ? ENTRY_TYPE_NONE : entry_type(e);
}

static int64_t anon_pages(struct quire_mm *mm)
{
	return mm_counter_sum(mm, MM_ANON);
}

/* ---- a page that is being moved ----------------------------------------------------- */

static void moving_unmapped(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);

	assert_int_equal(quire_munmap(u->mm, BASE, LEN), 0);
	assert_int_equal(anon_pages(u->mm), 0);
	assert_int_equal(mv.folio->refs, 1);
	let_go(u, &mv);
	mv = plant_moving(u, ENTRY_MIGRATE_READ);
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_DONTNEED), 0);
	assert_int_equal(anon_pages(u->mm), 0);
	assert_int_equal(quire_pte(u->mm, HERE), 0);
	let_go(u, &mv);
}

/* Truncation leaves a private copy of a file's page, wherever it is, or takes it, too. */
static void moving_truncated(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct mmu_gather g;
	struct moving mv;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, HERE, 1);
	mv = move_away(u, HERE, ENTRY_MIGRATE_WRITE);
	tlb_begin(&g, u->mm);
	zap_file_range(&g, vma_find(u->mm, BASE), 0, 3, false);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_WRITE);
	zap_file_range(&g, vma_find(u->mm, BASE), 0, 3, true);
	tlb_finish(&g);
	assert_int_equal(quire_pte(u->mm, HERE), 0);
	assert_int_equal(anon_pages(u->mm), 0);
	let_go(u, &mv);
	quire_file_put(file);
}

static uint64_t flushes(struct unit *u)
{
	return (uint64_t)mm_counter_sum(u->mm, MM_FLUSH);
}

/* The thread that moves it may not have flushed yet: a call that takes the entry does. */
static void moving_flushed(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;
	struct moving mv;
	uint64_t before;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_store(u->mm, HERE, 1); /* no other page has an entry */
	mv = move_away(u, HERE, ENTRY_MIGRATE_WRITE);
	before = flushes(u);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(flushes(u), before + 1);
	quire_mm_put(child);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, QPROT_NONE), 0);
	assert_int_equal(flushes(u), before + 2);
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_DONTNEED), 0);
	assert_int_equal(flushes(u), before + 3);
	let_go(u, &mv);
}

static void moving_forked(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);
	struct quire_mm *child;

	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_READ);
	assert_int_equal(type_at(child, HERE), ENTRY_MIGRATE_READ);
	assert_int_equal(anon_pages(child), 4);
	quire_mm_put(child);
	move_back(u, HERE, &mv);
	assert_false(quire_pte(u->mm, HERE) & PTE_WRITE);
	assert_false(folio_test(mv.folio, FOLIO_EXCLUSIVE));
	unit_verify(u);
	unit_expect_fill(u->mm, BASE, LEN, 1);
}

/* All that a private file mapping has of its own is such a page: fork finds it. */
static void moving_forked_alone(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct quire_mm *child;
	struct moving mv;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, HERE, 1);
	mv = move_away(u, HERE, ENTRY_MIGRATE_EXCLUSIVE);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(type_at(child, HERE), ENTRY_MIGRATE_READ);
	quire_mm_put(child);
	move_back(u, HERE, &mv);
	quire_file_put(file);
}

static void find_being_moved(void *arg, const char *line)
{
	*(bool *)arg = *(bool *)arg || strstr(line, "is being moved");
}

static void moving_told(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);
	struct quire_usage usage;
	bool said = false;
	uint8_t vec[4];

	assert_int_equal(quire_mincore(u->mm, BASE, LEN, vec), 0);
	assert_int_equal(vec[1], 1);
	quire_range_usage(u->mm, BASE, BASE + LEN, &usage);
	assert_int_equal(usage.rss, LEN);
	assert_int_equal(usage.anonymous, LEN);
	assert_int_equal(usage.referenced, LEN);
	assert_int_equal(usage.private_dirty, LEN);
	assert_true(quire_verify(u->m, find_being_moved, &said) > 0);
	assert_true(said);
	move_back(u, HERE, &mv);
}

static void moving_protected(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);

	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, URW | QPROT_EXEC), 0);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_WRITE);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, QPROT_READ), 0);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_EXCLUSIVE);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, URW), 0);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_EXCLUSIVE);
	move_back(u, HERE, &mv);
	unit_verify(u);
	unit_store(u->mm, HERE, 5);
}

/* What comes back has the rights that there are then, though no fault asks for them. */
static void moving_loses_all_rights(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);
	pte_t e;

	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, QPROT_NONE), 0);
	move_back(u, HERE, &mv);
	e = quire_pte(u->mm, HERE);
	assert_int_equal(e & (PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX), PTE_PRESENT | PTE_NX);
	unit_verify(u);
	assert_int_equal(unit_fault(u->mm, HERE, QUIRE_READ, NULL), QUIRE_FAULT_SEGV);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, URW | QPROT_EXEC), 0);
	unit_expect_fill(u->mm, BASE, LEN, 1);
}

/* Each bit of an entry comes back, of the last frame as of the first. */
static void moving_keeps_bits(void **state)
{
	static const pte_t bits[] = {PTE_USER,          PTE_ACCESSED, PTE_DIRTY, PTE_SOFT_DIRTY,
				     QUIRE_PTE_UFFD_WP, PTE_SHARED,   PTE_NX,    PTE_WRITE};
	uint64_t last = (1ull << MIGRATION_FRAME_BITS) - 1;
	const unsigned n = sizeof(bits) / sizeof(bits[0]);

	(void)state;
	for (unsigned set = 0; set < 1u << n; set++) {
		pte_t e = pte_make(last, PTE_PRESENT), moving;

		for (unsigned i = 0; i < n; i++)
			e |= set >> i & 1 ? bits[i] : 0;
		moving = migration_of(e, true);
		assert_int_equal(entry_kind_absent(moving), ENTRY_MIGRATION);
		assert_int_equal(migration_frame(moving), last);
		assert_int_equal(migration_back(moving, last), e);
		assert_int_equal(migration_back(moving, 0), e & ~QUIRE_PTE_FRAME_MASK);
	}
}

static void moving_moved(void **state)
{
	struct unit *u = *state;
	struct moving mv = plant_moving(u, ENTRY_MIGRATE_WRITE);
	uint64_t at;

	assert_int_equal(quire_mremap(u->mm, BASE, LEN, LEN, QMREMAP_MAYMOVE | QMREMAP_FIXED,
				      OTHER + 2 * UPAGE, &at),
			 0);
	assert_int_equal(type_at(u->mm, at + UPAGE), ENTRY_MIGRATE_WRITE);
	move_back(u, at + UPAGE, &mv);
	unit_expect_fill(u->mm, at, LEN, 1);
}

/* ---- an access to it waits ------------------------------------------------------------ */

static struct unit accessed;

static void store(void *result)
{
	*(enum quire_fault_result *)result = quire_fault(accessed.mm, HERE, QUIRE_WRITE, NULL);
}

static void moving_accessed(void **state)
{
	enum quire_fault_result result = QUIRE_FAULT_SEGV;
	struct actor a = {.gate = GATE_WAIT, .run = store, .arg = &result};
	struct unit *u = &accessed;
	struct moving mv;

	(void)state;
	gate_up(u, NULL);
	mv = plant_moving(u, ENTRY_MIGRATE_WRITE);
	actor_start(&a);
	assert_int_equal(type_at(u->mm, HERE), ENTRY_MIGRATE_WRITE);
	move_back(u, HERE, &mv);
	actor_finish(&a);
	assert_int_equal(result, QUIRE_FAULT_OK);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_down(u);
}

/* ---- what was swapped out, and markers -------------------------------------------------- */

static void expect_refused(struct unit *u, enum quire_access access, enum quire_fault_result want,
			   enum quire_fault_reason why)
{
	struct quire_fault out;
	uint64_t word = 0;

	assert_int_equal(unit_fault(u->mm, HERE, access, &out), want);
	assert_int_equal(out.reason, why);
	assert_false(unit_try_load(u->mm, HERE, &word));
	assert_int_equal(
	    quire_madvise(u->mm, BASE, LEN,
			  access == QUIRE_WRITE ? QMADV_POPULATE_WRITE : QMADV_POPULATE_READ),
	    -QEFAULT);
	assert_int_equal(quire_mlock(u->mm, BASE, LEN, 0), -QENOMEM);
	assert_int_equal(quire_munlock(u->mm, BASE, LEN), 0);
}

/* What each of them does, where they differ. */
static const struct sort {
	pte_t entry;
	enum quire_fault_result result;
	enum quire_fault_reason why;
	bool outlives_dontneed;
	unsigned violations;
	uint64_t swap;
} sorts[] = {
    {SWAPPED, QUIRE_FAULT_BUS, QUIRE_REASON_IO, false, 1, UPAGE},
    {MARKED(MARKER_GUARD), QUIRE_FAULT_SEGV, QUIRE_REASON_GUARD, true, 0, 0},
    {MARKED(MARKER_POISON), QUIRE_FAULT_BUS, QUIRE_REASON_POISON, false, 0, 0},
};

static void sort_stays(struct unit *u, const struct sort *s)
{
	struct quire_mm *child;
	uint64_t at;

	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_pte(child, HERE), s->entry);
	quire_mm_put(child);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, URW), 0);
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_FREE), 0);
	assert_int_equal(quire_pte(u->mm, HERE), s->entry);
	assert_int_equal(quire_mremap(u->mm, BASE, LEN, LEN, QMREMAP_MAYMOVE | QMREMAP_FIXED,
				      OTHER + 2 * UPAGE, &at),
			 0);
	assert_int_equal(quire_pte(u->mm, at + UPAGE), s->entry);
	assert_int_equal(
	    quire_mremap(u->mm, at, LEN, LEN, QMREMAP_MAYMOVE | QMREMAP_FIXED, BASE, &at), 0);
}

static void sort_is_told(struct unit *u, const struct sort *s)
{
	struct quire_usage usage;
	uint8_t vec[4];

	assert_int_equal(quire_mincore(u->mm, BASE, LEN, vec), 0);
	assert_int_equal(vec[1], 0);
	quire_range_usage(u->mm, BASE, BASE + LEN, &usage);
	assert_int_equal(usage.rss, LEN - UPAGE);
	assert_int_equal(usage.swap, s->swap);
	assert_int_equal(quire_verify(u->m, NULL, NULL), s->violations);
}

static void swap_and_markers(void **state)
{
	struct unit *u = *state;

	for (unsigned i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		const struct sort *s = &sorts[i];

		plant(u, s->entry);
		expect_refused(u, QUIRE_READ, s->result, s->why);
		expect_refused(u, QUIRE_WRITE, s->result, s->why);
		sort_stays(u, s);
		sort_is_told(u, s);
		assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_DONTNEED), 0);
		assert_int_equal(quire_pte(u->mm, HERE), s->outlives_dontneed ? s->entry : 0);
		assert_int_equal(quire_munmap(u->mm, BASE, LEN), 0);
		unit_verify(u);
	}
}

/* In a file's mapping: the cache has the page all the same. */
static void marked_file(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	uint8_t vec[4];

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_DONTNEED), 0);
	set_entry(u, HERE, MARKED(MARKER_GUARD));
	assert_int_equal(quire_mincore(u->mm, BASE, LEN, vec), 0);
	assert_int_equal(vec[1], 1);
	assert_int_equal(quire_fault(u->mm, BASE, QUIRE_READ, NULL), QUIRE_FAULT_OK); /* around */
	assert_int_equal(quire_pte(u->mm, HERE), MARKED(MARKER_GUARD));
	assert_int_equal(quire_file_truncate(file, 0), 0);
	assert_int_equal(quire_pte(u->mm, HERE), MARKED(MARKER_GUARD));
	quire_file_put(file);
}

/* Until there is a userfaultfd. */
static void write_protect_marker(void **state)
{
	struct unit *u = *state;

	plant(u, MARKED(MARKER_UFFD_WP));
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_DONTNEED), 0);
	assert_int_equal(quire_pte(u->mm, HERE), MARKED(MARKER_UFFD_WP));
	unit_verify(u);
	unit_store(u->mm, HERE, 5);
	assert_int_equal(unit_load(u->mm, HERE), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(moving_unmapped),
	    unit_test(moving_truncated),
	    unit_test(moving_flushed),
	    unit_test(moving_forked),
	    unit_test(moving_forked_alone),
	    unit_test(moving_told),
	    unit_test(moving_protected),
	    unit_test(moving_loses_all_rights),
	    cmocka_unit_test(moving_keeps_bits),
	    unit_test(moving_moved),
	    cmocka_unit_test(moving_accessed),
	    unit_test(swap_and_markers),
	    unit_test(marked_file),
	    unit_test(write_protect_marker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
