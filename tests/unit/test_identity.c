/* SPDX-License-Identifier: MIT */
/*
 * test_identity.c: which mappings merge, by what has been touched; each as on the host kernel.
 */
#include "both.h"

#include "core/frame/folio.h"
#include "core/table/entry.h"
#include "core/vma/mm.h"

#define RO QPROT_READ
#define FIX (QMREMAP_MAYMOVE | QMREMAP_FIXED)
#define DONT (QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP)
#define FPRIVATE QMAP_PRIVATE
/* clang-format off */
#define FORK {.kind = C_FORK}
#define FORK_PARENT {.kind = C_FORK_PARENT}
/* clang-format on */

static void moved_beside(void **state)
{
	static const struct call calls[] = {
	    /* Untouched it merges where it comes; touched not, also when its pages are gone. */
	    MAPA(0, 2, URW),
	    MAPA(10, 2, URW),
	    REMAP(0, 2, 2, FIX, 12),
	    MAPA(0, 2, URW),
	    STORE(0, 1),
	    ADVISE(0, 2, QMADV_DONTNEED),
	    REMAP(0, 2, 2, FIX, 14),
	    /* A part of it is touched if the whole is; and home it merges again. */
	    MAPA(20, 4, URW),
	    STORE(20, 1),
	    REMAP(22, 2, 2, FIX, 30),
	    MAPA(32, 2, URW),
	    REMAP(30, 2, 2, FIX, 22),
	    /* A page that was only read does not count. */
	    MAPA(40, 2, URW),
	    LOAD(40),
	    MAPA(50, 2, URW),
	    REMAP(40, 2, 2, FIX, 52),
	    /* What stays of a moved mapping is as if never touched; of a part it is not. */
	    MAPA(60, 2, URW),
	    STORE(60, 1),
	    REMAP(60, 2, 2, DONT, 70),
	    MAPA(62, 2, URW),
	    STORE(62, 1),
	    MAPA(110, 2, URW),
	    STORE(110, 1),
	    REMAP(110, 2, 2, DONT, 120),
	    MAPA(130, 2, URW),
	    REMAP(110, 2, 2, FIX, 132),
	    MAPA(80, 4, URW),
	    STORE(80, 1),
	    REMAP(80, 2, 2, DONT, 90),
	    REMAP(80, 4, 4, FIX, 100),
	    MAPA(104, 1, URW),
	};

	(void)state;
	both_run(calls);
}

static void side_by_side(void **state)
{
	static const struct call calls[] = {
	    /* The gap between two touched joins one of them. */
	    MAPA(0, 1, URW),
	    MAPA(2, 1, URW),
	    STORE(0, 1),
	    STORE(2, 1),
	    MAPA(1, 1, URW),
	    STORE(1, 1),
	    /* Split before it is touched: the second takes over the first's identity. */
	    MAPA(10, 2, URW),
	    PROTECT(10, 1, RO),
	    STORE(11, 1),
	    PROTECT(10, 1, URW),
	    STORE(10, 1),
	    MAPA(20, 3, URW),
	    STORE(20, 1),
	    PROTECT(20, 1, RO),
	    PROTECT(22, 1, RO),
	    STORE(21, 1),
	    PROTECT(22, 1, URW),
	    STORE(22, 1),
	    PROTECT(20, 1, URW),
	    MAPA(24, 2, URW),
	    PROTECT(24, 1, URW | QPROT_EXEC),
	    STORE(24, 1),
	    STORE(25, 1),
	    PROTECT(24, 1, URW),
	    MAPA(27, 2, URW),
	    PROTECT(27, 1, URW | QPROT_EXEC),
	    STORE(28, 1),
	    STORE(27, 1),
	    PROTECT(27, 1, URW),
	    /* Other differences than rights: each its own. */
	    MAPA(30, 2, URW),
	    ADVISE(30, 1, QMADV_DONTFORK),
	    STORE(30, 1),
	    STORE(31, 1),
	    ADVISE(30, 1, QMADV_DOFORK),
	    /* Memory that is made read-only counts on if it was touched. */
	    MAPA(40, 2, URW),
	    STORE(40, 1),
	    ADVISE(40, 2, QMADV_DONTNEED),
	    PROTECT(40, 2, RO),
	    MAPA(50, 2, URW),
	    PROTECT(50, 2, RO),
	};

	(void)state;
	both_run(calls);
}

static void of_files(void **state)
{
	static const struct call calls[] = {
	    /* Offsets that continue, one touched elsewhere; the untouched looks where it does. */
	    MAPF(0, 2, URW, FPRIVATE, F_RW, 0),
	    MAPF(10, 2, URW, FPRIVATE, F_RW, 2),
	    STORE(10, 1),
	    REMAP(10, 2, 2, FIX, 2),
	    STORE(0, 1),
	    STORE(3, 1),
	    MAPF(4, 2, URW, FPRIVATE, F_RW, 4),
	    STORE(4, 1),
	    MAPF(20, 2, URW, FPRIVATE, F_RW, 2),
	    MAPF(30, 2, URW, FPRIVATE, F_RW, 0),
	    STORE(31, 1),
	    REMAP(30, 2, 2, FIX, 18),
	    STORE(20, 1),
	    /* Both touched apart. */
	    MAPF(40, 2, URW, FPRIVATE, F_RW, 0),
	    STORE(40, 1),
	    MAPF(50, 2, URW, FPRIVATE, F_RW, 2),
	    STORE(50, 1),
	    REMAP(50, 2, 2, FIX, 42),
	    /* Parts that move one by one are one again. */
	    MAPF(60, 4, URW, FPRIVATE, F_RW, 0),
	    STORE(60, 1),
	    REMAP(62, 2, 2, FIX, 72),
	    REMAP(60, 2, 2, FIX, 70),
	    /* A store that is refused touches it, too. */
	    MAPF(80, 1, URW, FPRIVATE, F_RW, BOTH_FILE_PAGES),
	    STORE(80, 1),
	    MAPF(90, 1, URW, FPRIVATE, F_RW, BOTH_FILE_PAGES + 1),
	    STORE(90, 1),
	    REMAP(90, 1, 1, FIX, 81),
	    /* What lies between two and differs in rights gives both its identity. */
	    MAPF(110, 1, URW, FPRIVATE, F_RW, 0),
	    MAPF(111, 1, URW, FPRIVATE, F_RW, 1),
	    PROTECT(111, 1, URW | QPROT_EXEC),
	    STORE(111, 1),
	    MAPF(112, 1, URW, FPRIVATE, F_RW, 2),
	    STORE(110, 1),
	    STORE(112, 1),
	    UNMAP(111, 1),
	    REMAP(110, 1, 2, 0, 0),
	    /* The same of what was touched elsewhere. */
	    MAPF(120, 1, URW, FPRIVATE, F_RW, 0),
	    MAPF(140, 1, URW, FPRIVATE, F_RW, 1),
	    PROTECT(140, 1, URW | QPROT_EXEC),
	    STORE(140, 1),
	    REMAP(140, 1, 1, FIX, 121),
	    MAPF(122, 1, URW, FPRIVATE, F_RW, 2),
	    STORE(120, 1),
	    STORE(122, 1),
	    UNMAP(121, 1),
	    REMAP(120, 1, 2, 0, 0),
	};

	(void)state;
	both_run(calls);
}

static void after_fork(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 2, URW),
	    STORE(0, 1),
	    MAPA(10, 2, URW),
	    MAPA(20, 4, URW),
	    STORE(20, 1),
	    PROTECT(22, 2, RO),
	    MAPA(30, 2, URW),
	    STORE(30, 1),
	    ADVISE(30, 2, QMADV_WIPEONFORK),
	    MAPF(40, 2, URW, FPRIVATE, F_RW, 0),
	    STORE(40, 1),
	    FORK_PARENT,
	    MAPA(2, 1, URW), /* in the parent nothing changes */
	    UNMAP(2, 1),
	    FORK,
	    /* What was touched before merges with nothing new, in either direction. */
	    MAPA(2, 2, URW),
	    STORE(2, 1),
	    MAPA(12, 2, URW),
	    STORE(12, 1),
	    MAPA(14, 2, URW),
	    PROTECT(22, 2, URW),
	    ADVISE(30, 2, QMADV_KEEPONFORK),
	    MAPA(32, 2, URW),
	    MAPF(42, 2, URW, FPRIVATE, F_RW, 2),
	    MAPA(24, 2, URW | QPROT_EXEC),
	    STORE(24, 1),
	    PROTECT(24, 2, URW),
	    PROTECT(0, 1, RO),
	    PROTECT(0, 1, URW),
	    REMAP(2, 2, 2, FIX, 50),
	    MAPA(52, 2, URW),
	    FORK,
	    MAPA(16, 2, URW),
	    MAPA(54, 2, URW),
	    STORE(54, 1),
	    MAPA(56, 2, URW),
	};

	(void)state;
	both_run(calls);
}

static void of_stacks(void **state)
{
	static const struct call calls[] = {
	    /* A stack that grows is touched by that. */
	    MAPX(300, 2, URW, UANON | QMAP_FIXED | QMAP_GROWSDOWN),
	    LOAD(299),
	    REMAP(299, 1, 1, FIX, 300),
	    MAPX(600, 2, URW, UANON | QMAP_FIXED | QMAP_GROWSDOWN),
	    STORE(600, 1),
	    LOAD(598),
	    STORE(598, 1),
	};

	(void)state;
	both_run(calls);
}

/* ---- the index -------------------------------------------------------------------------- */

static uint64_t index_at(struct unit *u, uint64_t addr)
{
	pte_t e = quire_pte(u->mm, addr);

	assert_true(e & QUIRE_PTE_PRESENT);
	return folio_index(u->m, entry_folio(u->m, e), pte_frame(e));
}

static void move(struct unit *u, uint64_t from, uint64_t to)
{
	uint64_t out;

	assert_int_equal(quire_mremap(u->mm, from, 2 * UPAGE, 2 * UPAGE, FIX, to, &out), 0);
	unit_verify(u);
}

/* It is that of the address for which a page was made, also of pages made after a move. */
static void index_stays(void **state)
{
	const uint64_t a = BOTH_AT(0), b = BOTH_AT(100), c = BOTH_AT(200);
	struct unit *u = *state;

	unit_map(u->mm, a, 2 * UPAGE, URW, UANON | QMAP_FIXED);
	move(u, a, b); /* untouched: at home there */
	unit_store(u->mm, b, 1);
	assert_int_equal(index_at(u, b), b / UPAGE);
	move(u, b, c);
	unit_store(u->mm, c + UPAGE, 1);
	assert_int_equal(index_at(u, c), b / UPAGE);
	assert_int_equal(index_at(u, c + UPAGE), b / UPAGE + 1);
	move(u, c, b);
	assert_int_equal(index_at(u, b + UPAGE), b / UPAGE + 1);
	assert_int_equal(vma_find(u->mm, b)->anon_delta, 0);
}

/*
 * Of a file, and so by the address at which it was written: 16 pages above address 0.  What is
 * mapped before it, where it is now, has 32 pages: in one with it they would lie below 0.
 */
static void index_below_zero(void **state)
{
	const uint64_t low = 16 * UPAGE, a = BOTH_AT(0), b = a + 32 * UPAGE;
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, 64 * UPAGE, true);

	unit_map_file(u->mm, low, 2 * UPAGE, URW, FPRIVATE | QMAP_FIXED, file, 32 * UPAGE);
	unit_store(u->mm, low, 1);
	unit_map_file(u->mm, a, 32 * UPAGE, URW, FPRIVATE | QMAP_FIXED, file, 0);
	move(u, low, b);
	assert_int_equal(unit_vma_count(u->mm), 2);
	unit_store(u->mm, a, 2);
	assert_int_equal(index_at(u, a), a / UPAGE);
	assert_int_equal(index_at(u, b), low / UPAGE);
	unit_verify(u);
	/* With 16 pages they would begin at 0. */
	assert_int_equal(quire_munmap(u->mm, a, 32 * UPAGE), 0);
	unit_map_file(u->mm, b - 16 * UPAGE, 16 * UPAGE, URW, FPRIVATE | QMAP_FIXED, file,
		      16 * UPAGE);
	assert_int_equal(unit_vma_count(u->mm), 1);
	unit_store(u->mm, b - 16 * UPAGE, 3);
	assert_int_equal(index_at(u, b - 16 * UPAGE), 0);
	unit_verify(u);
	quire_file_put(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(moved_beside),
	    cmocka_unit_test(side_by_side),
	    cmocka_unit_test(of_files),
	    cmocka_unit_test(after_fork),
	    cmocka_unit_test(of_stacks),
	    cmocka_unit_test_setup_teardown(index_stays, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(index_below_zero, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
