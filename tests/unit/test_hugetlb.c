/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb.c: mappings of huge pages: what is promised, taken, copied and lost.
 */
#include "hugetlb.h"

#include <errno.h>

static int pool_8(void **state)
{
	pools_up(state, 8, 0);
	return 0;
}

static int pool_4(void **state)
{
	pools_up(state, 4, 0);
	return 0;
}

static int pool_6(void **state)
{
	pools_up(state, 6, 0);
	return 0;
}

static int surplus_4(void **state)
{
	pools_up(state, 0, 4);
	return 0;
}

#define on(pool, f) cmocka_unit_test_setup_teardown(f, pool, unit_teardown)

static enum quire_fault_reason refused(struct quire_mm *mm, uint64_t addr, enum quire_access access)
{
	struct quire_fault out;

	assert_int_equal(quire_fault(mm, addr, access, &out), QUIRE_FAULT_BUS);
	assert_int_equal(out.si_code, QBUS_ADRERR);
	assert_true(out.addr == addr);
	return out.reason;
}

/* ---- promised and taken --------------------------------------------------------- */

static void touches(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);

	expect_pool(u, 8, 8, 4, 0);
	assert_int_equal(a % HUGE, 0);
	unit_store(u->mm, a, 1);
	expect_pool(u, 8, 7, 3, 0);
	assert_int_equal(unit_load(u->mm, a + HUGE + 8), 0);
	expect_pool(u, 8, 6, 2, 0);
	unit_store(u->mm, a + HUGE + 8, 7);
	expect_pool(u, 8, 6, 2, 0);
	assert_int_equal(unit_load(u->mm, a), 1);
	assert_int_equal(quire_munmap(u->mm, a, HUGE), 0);
	expect_pool(u, 8, 7, 2, 0);
	assert_int_equal(quire_munmap(u->mm, a + 3 * HUGE, HUGE), 0);
	expect_pool(u, 8, 7, 1, 0);
	assert_int_equal(unit_load(u->mm, a + HUGE + 8), 7);
	assert_int_equal(quire_munmap(u->mm, a + HUGE, 2 * HUGE), 0);
	expect_pool(u, 8, 8, 0, 0);
}

static void halves(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mprotect(u->mm, a, 2 * HUGE, QPROT_READ), 0);
	expect_pool(u, 8, 7, 3, 0);
	assert_int_equal(quire_mprotect(u->mm, a, 2 * HUGE, RW), 0);
	expect_pool(u, 8, 7, 3, 0);
	unit_store(u->mm, a, 2);
	assert_int_equal(quire_mprotect(u->mm, a + UPAGE, UPAGE, QPROT_READ), -EINVAL);
	assert_int_equal(quire_munmap(u->mm, a, UPAGE), -EINVAL);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 8, 8, 0, 0);
}

static void refuses(void **state)
{
	struct unit *u = *state;
	uint64_t a, out;

	assert_int_equal(quire_mmap(u->mm, 0, 9 * HUGE, RW, PRIVATE, NULL, 0, &out), -ENOMEM);
	expect_pool(u, 8, 8, 0, 0);
	a = unit_map(u->mm, 0, 8 * HUGE, RW, PRIVATE);
	expect_pool(u, 8, 8, 8, 0);
	assert_int_equal(quire_mmap(u->mm, 0, UPAGE, RW, PRIVATE, NULL, 0, &out), -ENOMEM);
	out = unit_map(u->mm, 0, HUGE, RW, PRIVATE | QMAP_NORESERVE);
	assert_int_equal(refused(u->mm, out + 5, QUIRE_WRITE), QUIRE_REASON_HUGE_POOL);
	expect_pool(u, 8, 8, 8, 0);
	assert_int_equal(quire_munmap(u->mm, a, 8 * HUGE), 0);
	unit_store(u->mm, out, 4);
	expect_pool(u, 8, 7, 0, 0);
	assert_int_equal(quire_mmap(u->mm, 0, HUGE, RW, PRIVATE | 16 << 26, NULL, 0, &out),
			 -EINVAL);
}

static void shares(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, SHARED);
	struct quire_mm *child;

	expect_pool(u, 8, 8, 4, 0);
	unit_store(u->mm, a, 1);
	expect_pool(u, 8, 7, 3, 0);
	child = unit_fork(u->mm);
	expect_pool(u, 8, 7, 3, 0);
	assert_int_equal(unit_load(child, a), 1);
	unit_store(child, a + HUGE, 2);
	expect_pool(u, 8, 6, 2, 0);
	assert_int_equal(unit_load(u->mm, a + HUGE), 2);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 8, 6, 2, 0);
	quire_mm_put(child);
	expect_pool(u, 8, 8, 0, 0);
}

static void surplus(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);

	expect_pool(u, 4, 4, 4, 4);
	unit_store(u->mm, a, 1);
	expect_pool(u, 4, 3, 3, 4);
	assert_int_equal(quire_munmap(u->mm, a, HUGE), 0);
	expect_pool(u, 3, 3, 3, 3);
	assert_int_equal(quire_munmap(u->mm, a + HUGE, 3 * HUGE), 0);
	expect_pool(u, 0, 0, 0, 0);
}

/* smaps has huge pages by themselves. */
static void told_apart(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_vma_info info;
	struct quire_usage usage;
	struct quire_mm *child;
	char flags[64];

	unit_store(u->mm, a, 1);
	unit_store(u->mm, a + HUGE, 1);
	child = unit_fork(u->mm);
	unit_store(u->mm, a, 2);
	quire_range_usage(u->mm, a, a + 4 * HUGE, &usage);
	assert_int_equal(usage.private_hugetlb, HUGE);
	assert_int_equal(usage.shared_hugetlb, HUGE);
	assert_int_equal(usage.file_hugetlb, 0);
	assert_int_equal(usage.rss + usage.anonymous + usage.referenced + usage.pss_shifted, 0);
	assert_int_equal(quire_vma_next(u->mm, a, &info), 0);
	assert_int_equal(info.page_size, HUGE);
	quire_vm_flag_names(info.vm_flags, flags, sizeof(flags));
	assert_string_equal(flags, "rd wr mr mw me de ht");
	assert_string_equal(info.file_name, "/anon_hugepage (deleted)");
	quire_mm_put(child);
	a = unit_map(u->mm, 0, 2 * HUGE, RW, SHARED);
	unit_store(u->mm, a, 1);
	usage = (struct quire_usage){0};
	quire_range_usage(u->mm, a, a + 2 * HUGE, &usage);
	assert_int_equal(usage.private_hugetlb, HUGE);
	assert_int_equal(usage.file_hugetlb, HUGE);
}

/* ---- after a fork ---------------------------------------------------------------- */

/* From `first` on, in four pages. */
static void store_all(struct quire_mm *mm, uint64_t a, uint64_t first)
{
	for (uint64_t i = 0; i < 4; i++)
		unit_store(mm, a + i * HUGE, first + i);
}

/* The story: mapped, all touched, forked, all written by the parent. */
static void owner_takes(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_mm *child;

	store_all(u->mm, a, 10);
	expect_pool(u, 4, 0, 0, 0);
	child = unit_fork(u->mm);
	expect_pool(u, 4, 0, 0, 0);
	unit_store(u->mm, a, 20);
	expect_pool(u, 4, 0, 0, 0);
	assert_int_equal(unit_load(u->mm, a), 20);
	assert_int_equal(refused(child, a + 17, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	assert_int_equal(unit_load(child, a + HUGE), 11);
	for (uint64_t i = 1; i < 4; i++)
		unit_store(u->mm, a + i * HUGE, 20 + i);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(unit_load(u->mm, a + i * HUGE), 20 + i);
		assert_int_equal(refused(child, a + i * HUGE, QUIRE_WRITE), QUIRE_REASON_HUGE_LOST);
	}
	quire_mm_put(child);
	expect_pool(u, 4, 0, 0, 0);
}

/* With two pages to spare the first two writes copy. */
static void owner_copies(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_mm *child;

	store_all(u->mm, a, 10);
	child = unit_fork(u->mm);
	store_all(u->mm, a, 20);
	expect_pool(u, 6, 0, 0, 0);
	assert_int_equal(unit_load(child, a), 10);
	assert_int_equal(unit_load(child, a + HUGE), 11);
	assert_int_equal(refused(child, a + 2 * HUGE, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	assert_int_equal(refused(child, a + 3 * HUGE, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	quire_mm_put(child);
	expect_pool(u, 6, 2, 0, 0);
}

/* Map 4, touch 2, fork, write 2, touch the others: all succeed with a pool of 4. */
static void half_touched(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_mm *child;

	unit_store(u->mm, a, 10);
	unit_store(u->mm, a + HUGE, 11);
	expect_pool(u, 4, 2, 2, 0);
	child = unit_fork(u->mm);
	unit_store(u->mm, a, 20);
	unit_store(u->mm, a + HUGE, 21);
	expect_pool(u, 4, 2, 2, 0);
	unit_store(u->mm, a + 2 * HUGE, 22);
	unit_store(u->mm, a + 3 * HUGE, 23);
	expect_pool(u, 4, 0, 0, 0);
	assert_int_equal(refused(child, a + 2 * HUGE, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	quire_mm_put(child);
}

static void child_first(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_mm *child, *grandchild;

	store_all(u->mm, a, 10);
	child = unit_fork(u->mm);
	assert_int_equal(refused(child, a, QUIRE_WRITE), QUIRE_REASON_HUGE_POOL);
	assert_int_equal(unit_load(child, a), 10);
	unit_store(u->mm, a, 20);
	/* The mark goes on to the child's child, and over split, mprotect and MADV_DONTNEED. */
	grandchild = unit_fork(child);
	assert_int_equal(refused(grandchild, a, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	assert_int_equal(unit_load(grandchild, a + HUGE), 11);
	assert_int_equal(quire_mprotect(child, a, HUGE, QPROT_READ), 0);
	assert_int_equal(quire_madvise(child, a, HUGE, QMADV_DONTNEED), 0);
	assert_int_equal(refused(child, a, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	quire_mm_put(grandchild);
	quire_mm_put(child);
	expect_pool(u, 4, 0, 0, 0);
}

/* A page that is free for all: the child copies, the parent keeps. */
static void child_copies(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE);
	struct quire_mm *child;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	expect_pool(u, 8, 7, 3, 0);
	unit_store(child, a, 30);
	expect_pool(u, 8, 6, 3, 0);
	unit_store(u->mm, a, 20);
	expect_pool(u, 8, 6, 3, 0);
	assert_int_equal(unit_load(child, a), 30);
	unit_store(child, a + HUGE, 31);
	expect_pool(u, 8, 5, 3, 0);
	quire_mm_put(child);
	expect_pool(u, 8, 7, 3, 0);
}

/* ---- mremap ------------------------------------------------------------------------ */

static void moves(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE), b, c = a - (1ull << 30);

	unit_store(u->mm, a, 10);
	unit_store(u->mm, a + HUGE, 11);
	assert_int_equal(
	    quire_mremap(u->mm, a, 4 * HUGE, 4 * HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, c, &b), 0);
	expect_pool(u, 8, 6, 2, 0);
	assert_int_equal(unit_load(u->mm, c), 10);
	unit_store(u->mm, c + 2 * HUGE, 12);
	expect_pool(u, 8, 5, 1, 0);
	assert_int_equal(quire_mremap(u->mm, c, 4 * HUGE, 3 * HUGE, 0, 0, &b), 0);
	expect_pool(u, 8, 5, 0, 0);
	assert_int_equal(quire_mremap(u->mm, c, 3 * HUGE, 4 * HUGE, QMREMAP_MAYMOVE, 0, &b),
			 -EINVAL);
	assert_int_equal(quire_munmap(u->mm, c, 3 * HUGE), 0);
	expect_pool(u, 8, 8, 0, 0);
}

/* A part: both parts keep what they were promised. */
static void moves_a_part(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE), b, c = a - (1ull << 30);

	unit_store(u->mm, a, 10);
	assert_int_equal(
	    quire_mremap(u->mm, a + HUGE, HUGE, HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, c, &b), 0);
	expect_pool(u, 8, 7, 3, 0);
	unit_store(u->mm, c, 11);
	expect_pool(u, 8, 6, 2, 0);
	unit_store(u->mm, a + 2 * HUGE, 12);
	expect_pool(u, 8, 5, 1, 0);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 8, 7, 0, 0);
	assert_int_equal(quire_munmap(u->mm, c, HUGE), 0);
	expect_pool(u, 8, 8, 0, 0);
}

/* The owner's mapping or the child's is elsewhere: the page is found by its place in the file. */
static void takes_after_a_move(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, PRIVATE), b, c = a - (1ull << 30);
	struct quire_mm *child;

	store_all(u->mm, a, 10);
	child = unit_fork(u->mm);
	assert_int_equal(
	    quire_mremap(u->mm, a, 4 * HUGE, 4 * HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, c, &b), 0);
	unit_store(u->mm, c + HUGE, 21);
	assert_int_equal(refused(child, a + HUGE, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	assert_int_equal(quire_mremap(child, a, 4 * HUGE, 4 * HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
				      c + HUGE * 8, &b),
			 0);
	unit_store(u->mm, c + 2 * HUGE, 22);
	assert_int_equal(unit_load(child, b), 10);
	assert_int_equal(refused(child, b + 2 * HUGE, QUIRE_READ), QUIRE_REASON_HUGE_LOST);
	quire_mm_put(child);
	expect_pool(u, 4, 0, 0, 0);
}

/* ---- every allocation fails once ----------------------------------------------------- */

/* True: it was done.  A refusal may be one allocation's, and leaves the books as they should be. */
static bool may_fail(struct unit *u, int err)
{
	assert_true(!err || err == -ENOMEM);
	unit_verify(u);
	return !err;
}

static void fork_and_write(struct unit *u, uint64_t a)
{
	struct quire_mm *child = NULL;

	for (uint64_t i = 0; i < 2; i++)
		unit_try_store(u->mm, a + i * HUGE, 10 + i);
	if (!may_fail(u, quire_mm_fork(u->mm, NULL, &child)))
		return;
	for (uint64_t i = 0; i < 3; i++)
		unit_try_store(u->mm, a + i * HUGE, 20 + i);
	unit_try_store(child, a + HUGE, 30);
	unit_verify(u);
	quire_mm_put(child);
}

static void work(struct unit *u)
{
	uint64_t a, b, c = 1ull << 40;

	if (may_fail(u, quire_mmap(u->mm, 0, 4 * HUGE, RW, SHARED, NULL, 0, &a))) {
		unit_try_store(u->mm, a, 1);
		may_fail(u, quire_munmap(u->mm, a, HUGE));
		may_fail(u, quire_munmap(u->mm, a, 4 * HUGE));
	}
	if (!may_fail(u, quire_mmap(u->mm, 0, 4 * HUGE, RW, PRIVATE, NULL, 0, &a)))
		return;
	fork_and_write(u, a);
	may_fail(u,
		 quire_mremap(u->mm, a + HUGE, HUGE, HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, c, &b));
	unit_try_store(u->mm, c, 3);
	may_fail(u, quire_mprotect(u->mm, a, HUGE, QPROT_READ));
	may_fail(u, quire_munmap(u->mm, a, HUGE));
}

/* Allocation points of the work, of which number `point` fails; 0: none. */
static uint64_t work_with(uint64_t point)
{
	struct quire_machine_stats st;
	struct unit *u;

	pools_up((void **)&u, 4, 0);
	quire_machine_restart_points(u->m);
	assert_int_equal(quire_machine_fail(u->m, &point, point ? 1 : 0), 0);
	work(u);
	quire_machine_stats(u->m, &st);
	assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
	unit_down(u);
	free(u);
	return st.alloc_points;
}

static void every_point(void **state)
{
	uint64_t points = work_with(0);

	(void)state;
	assert_true(points > 50);
	for (uint64_t point = 1; point <= points; point++)
		work_with(point);
	print_message("%lu points\n", points);
}

/* Over another mapping: each has its own account. */
static void maps_over(void **state)
{
	struct unit *u = *state;
	uint64_t out, a;

	for (unsigned old = 0; old < 2; old++) {
		for (unsigned new = 0; new < 2; new ++) {
			a = unit_map(u->mm, 0, 3 * HUGE, RW, old ? SHARED : PRIVATE);
			unit_store(u->mm, a, 1);
			unit_map(u->mm, a, 2 * HUGE, RW, (new ? SHARED : PRIVATE) | QMAP_FIXED);
			/* The page of a shared one stays its file's. */
			expect_pool(u, 8, old ? 7 : 8, old ? 4 : 3, 0);
			unit_store(u->mm, a, 1);
			assert_int_equal(quire_munmap(u->mm, a, 3 * HUGE), 0);
			expect_pool(u, 8, 8, 0, 0);
		}
	}
	a = unit_map(u->mm, 0, HUGE, RW, PRIVATE);
	assert_int_equal(
	    quire_mremap(u->mm, a, HUGE, HUGE, QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP, 0, &out),
	    -EINVAL);
	expect_pool(u, 8, 8, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    on(pool_8, touches),      on(pool_8, halves),
	    on(pool_8, refuses),      on(pool_8, shares),
	    on(pool_8, told_apart),   on(surplus_4, surplus),
	    on(pool_4, owner_takes),  on(pool_6, owner_copies),
	    on(pool_4, half_touched), on(pool_4, child_first),
	    on(pool_8, child_copies), on(pool_8, moves),
	    on(pool_8, moves_a_part), on(pool_4, takes_after_a_move),
	    on(pool_8, maps_over),    cmocka_unit_test(every_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
