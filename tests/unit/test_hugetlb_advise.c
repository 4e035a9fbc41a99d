/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_advise.c: what is advised of huge pages, locked and asked of them.  Each number was
 * the host's first.
 */
#include "hugetlb.h"

#include <errno.h>

static int pool_8(void **state)
{
	return pools_up(state, 8, 0);
}

static int pool_2_surplus_4(void **state)
{
	return pools_up(state, 2, 4);
}

#define on(pool, f) cmocka_unit_test_setup_teardown(f, pool, unit_teardown)

static uint64_t map_touched(struct unit *u, uint64_t pages, uint64_t touched)
{
	uint64_t a = unit_map(u->mm, 0, pages * HUGE, RW, PRIVATE);

	for (uint64_t i = 0; i < touched; i++)
		unit_store(u->mm, a + i * HUGE, i + 1);
	return a;
}

static void advise(struct quire_mm *mm, uint64_t addr, uint64_t len, int advice)
{
	assert_int_equal(quire_madvise(mm, addr, len, advice), 0);
}

/* ---- MADV_DONTNEED ----------------------------------------------------------------- */

/* What is dropped is promised again; a page of which a part is meant stays. */
static void drops(void **state)
{
	struct unit *u = *state;
	uint64_t a = map_touched(u, 4, 3);

	expect_pool(u, 8, 5, 1, 0);
	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	expect_pool(u, 8, 6, 2, 0);
	unit_store(u->mm, a, 2);
	expect_pool(u, 8, 5, 1, 0);
	assert_int_equal(quire_madvise(u->mm, a + UPAGE, HUGE, QMADV_DONTNEED), -EINVAL);
	advise(u->mm, a, HUGE / 2, QMADV_DONTNEED);
	expect_pool(u, 8, 5, 1, 0);
	advise(u->mm, a, HUGE + UPAGE, QMADV_DONTNEED);
	expect_pool(u, 8, 6, 2, 0);
	assert_int_equal(unit_load(u->mm, a + HUGE), 2);
	advise(u->mm, a, 4 * HUGE, QMADV_DONTNEED_LOCKED);
	expect_pool(u, 8, 8, 4, 0);
	assert_int_equal(unit_load(u->mm, a + HUGE), 0);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 8, 8, 0, 0);
}

/* A page that a child has yet is promised again when the child lets go of it. */
static void drops_shared(void **state)
{
	struct unit *u = *state;
	uint64_t a = map_touched(u, 4, 2);
	struct quire_mm *child = unit_fork(u->mm);

	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	expect_pool(u, 8, 6, 2, 0);
	quire_mm_put(child);
	expect_pool(u, 8, 7, 3, 0);
	unit_store(u->mm, a, 3);
	expect_pool(u, 8, 6, 2, 0);
	child = unit_fork(u->mm);
	/* Touched before that: of what nobody is promised, and none comes back. */
	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	unit_store(u->mm, a, 4);
	expect_pool(u, 8, 5, 2, 0);
	assert_int_equal(unit_load(child, a), 3);
	quire_mm_put(child);
	expect_pool(u, 8, 6, 2, 0);
	/* A copy, too. */
	child = unit_fork(u->mm);
	unit_store(u->mm, a, 5);
	expect_pool(u, 8, 5, 2, 0);
	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	expect_pool(u, 8, 6, 3, 0);
	quire_mm_put(child);
	expect_pool(u, 8, 7, 3, 0);
	/* Unmapped before that: to nobody. */
	child = unit_fork(u->mm);
	advise(u->mm, a + HUGE, HUGE, QMADV_DONTNEED);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 8, 7, 0, 0);
	quire_mm_put(child);
	expect_pool(u, 8, 8, 0, 0);
}

static void childs_drop(void **state)
{
	struct unit *u = *state;
	uint64_t a = map_touched(u, 2, 1);
	struct quire_mm *child = unit_fork(u->mm);

	unit_store(child, a, 9);
	expect_pool(u, 8, 6, 1, 0);
	advise(child, a, 2 * HUGE, QMADV_DONTNEED);
	expect_pool(u, 8, 7, 1, 0);
	quire_mm_put(child);
}

static void drops_with_surplus(void **state)
{
	struct unit *u = *state;
	uint64_t a = map_touched(u, 4, 4);

	expect_pool(u, 4, 0, 0, 2);
	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	expect_pool(u, 3, 0, 0, 1);
	advise(u->mm, a + HUGE, 3 * HUGE, QMADV_DONTNEED);
	expect_pool(u, 2, 2, 0, 0);
	unit_store(u->mm, a, 1);
	expect_pool(u, 2, 1, 0, 0);
	advise(u->mm, a, HUGE, QMADV_DONTNEED);
	expect_pool(u, 2, 2, 1, 0);
	assert_int_equal(quire_munmap(u->mm, a, 4 * HUGE), 0);
	expect_pool(u, 2, 2, 0, 0);
}

static void shared_stays(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * HUGE, RW, SHARED);

	unit_store(u->mm, a, 7);
	advise(u->mm, a, 2 * HUGE, QMADV_DONTNEED);
	expect_pool(u, 8, 7, 1, 0);
	assert_int_equal(unit_load(u->mm, a), 7);
}

/* ---- other advice --------------------------------------------------------------------- */

static void advises(void **state)
{
	static const struct {
		int advice, err, within; /* within: of a part of the page */
	} is[] = {
	    {QMADV_NORMAL, 0, 0},
	    {QMADV_RANDOM, 0, -EINVAL},
	    {QMADV_SEQUENTIAL, 0, -EINVAL},
	    {QMADV_WILLNEED, 0, 0},
	    {QMADV_DONTNEED, 0, -EINVAL},
	    {QMADV_FREE, -EINVAL, -EINVAL},
	    {QMADV_REMOVE, -EACCES, -EACCES},
	    {QMADV_DONTFORK, 0, -EINVAL},
	    {QMADV_DOFORK, 0, 0},
	    {QMADV_MERGEABLE, 0, 0},
	    {QMADV_UNMERGEABLE, 0, 0},
	    {QMADV_HUGEPAGE, 0, -EINVAL},
	    {QMADV_NOHUGEPAGE, 0, -EINVAL},
	    {QMADV_DONTDUMP, 0, -EINVAL},
	    {QMADV_DODUMP, 0, 0},
	    {QMADV_WIPEONFORK, -EINVAL, -EINVAL},
	    {QMADV_KEEPONFORK, 0, 0},
	    {QMADV_COLD, -EINVAL, -EINVAL},
	    {QMADV_PAGEOUT, -EINVAL, -EINVAL},
	    {QMADV_POPULATE_READ, 0, 0},
	    {QMADV_POPULATE_WRITE, 0, 0},
	    {QMADV_DONTNEED_LOCKED, 0, -EINVAL},
	};
	struct unit *u = *state;
	uint64_t a = map_touched(u, 1, 1);

	for (unsigned whole = 0; whole < 2; whole++)
		for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
			int want = whole ? is[i].err : is[i].within;
			int err = whole ? quire_madvise(u->mm, a, HUGE, is[i].advice)
					: quire_madvise(u->mm, a + UPAGE, UPAGE, is[i].advice);

			if (err != want)
				fail_msg("advice %d of %s: %d, not %d", is[i].advice,
					 whole ? "a page" : "a part", err, want);
		}
}

static void syncs_and_locks(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * HUGE, RW, SHARED);
	uint8_t v[2048];

	unit_store(u->mm, a + HUGE, 1);
	assert_int_equal(quire_mincore(u->mm, a, 4 * HUGE, v), 0);
	for (unsigned i = 0; i < 2048; i++)
		assert_int_equal(v[i], i / 512 == 1);
	assert_int_equal(quire_mincore(u->mm, a + HUGE + UPAGE, 2 * UPAGE, v), 0);
	assert_true(v[0] && v[1]);
	/* In the file, and not mapped: no. */
	advise(u->mm, a + HUGE, HUGE, QMADV_DONTNEED);
	assert_int_equal(quire_mincore(u->mm, a, 4 * HUGE, v), 0);
	assert_int_equal(v[512], 0);
	assert_int_equal(quire_msync(u->mm, a, HUGE, QMS_SYNC), 0);
	assert_int_equal(quire_msync(u->mm, a + UPAGE, UPAGE, QMS_ASYNC), 0);
	assert_int_equal(quire_msync(u->mm, a, 5 * HUGE, QMS_SYNC), -ENOMEM);
	assert_int_equal(quire_mlock(u->mm, a + UPAGE, UPAGE, 0), 0);
	assert_int_equal(quire_msync(u->mm, a, HUGE, QMS_INVALIDATE), 0);
	expect_pool(u, 8, 6, 2, 0);
	advise(u->mm, a, HUGE, QMADV_DONTNEED); /* it is not locked */
}

/* ---- what is told -------------------------------------------------------------------------- */

static void expect_told_at(struct quire_mm *mm, uint64_t huge, uint64_t rss, int line)
{
	struct quire_mm_stats st;

	quire_mm_stats(mm, &st);
	if (st.hugetlb != huge * 512 || st.rss_anon + st.rss_file + st.rss_shmem != rss)
		fail_msg("line %d: %lu huge pages; rss %lu", line, st.hugetlb / 512,
			 st.rss_anon + st.rss_file + st.rss_shmem);
}
#define expect_told(mm, huge, rss) expect_told_at((mm), (huge), (rss), __LINE__)

/* Huge pages are no rss, whoever has made them, and count as anonymous memory nowhere. */
static void is_no_rss(void **state)
{
	struct unit *u = *state;
	uint64_t a = map_touched(u, 4, 2), s = unit_map(u->mm, 0, HUGE, RW, SHARED);
	uint64_t small = unit_map(u->mm, 0, UPAGE, RW, UANON), anon, shmem, b;
	struct quire_machine_stats st;
	struct quire_mm *child;

	expect_told(u->mm, 2, 0);
	unit_store(u->mm, s, 1);
	unit_store(u->mm, small, 1);
	expect_told(u->mm, 3, 1);
	quire_mm_in_ram(u->mm, &anon, &shmem);
	assert_true(anon == 1 && shmem == 0);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.anon_frames, 1);
	assert_true(st.mapped_frames == 0 && st.file_frames == 0 && st.shmem_frames == 0);
	child = unit_fork(u->mm);
	expect_told(child, 2, 1); /* the shared one comes by a fault */
	unit_store(child, a, 2);
	expect_told(child, 2, 1);
	advise(child, a, HUGE, QMADV_DONTNEED);
	expect_told(child, 1, 1);
	assert_int_equal(quire_mremap(u->mm, a, 4 * HUGE, 3 * HUGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
				      1ull << 40, &b),
			 0);
	expect_told(u->mm, 3, 1);
	quire_mm_put(child);
	assert_int_equal(quire_munmap(u->mm, b, 3 * HUGE), 0);
	expect_told(u->mm, 1, 1);
	unit_verify(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    on(pool_8, drops),           on(pool_8, drops_shared),
	    on(pool_8, childs_drop),     on(pool_2_surplus_4, drops_with_surplus),
	    on(pool_8, shared_stays),    on(pool_8, advises),
	    on(pool_8, syncs_and_locks), on(pool_8, is_no_rss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
