/* SPDX-License-Identifier: MIT */
/*
 * test_failpoints.c: every allocation point of a workload fails once.
 *
 * One machine per point n: point n fails, the workload goes on.  Whatever reported -ENOMEM must
 * have left everything as it was: verify is clean, and the same call succeeds when it is made
 * again; at the end all contents are what they are without the failure.
 */
#include "unit.h"

#include <errno.h>

#define NPAGES 8
#define FILE_PAGES 4

struct run {
	struct unit u;
	struct quire_mm *child;
	struct quire_file *file, *ext;
	uint64_t anon, shared, fpriv, fshared, xpriv;
	unsigned failures; /* calls that reported one */
};

/* ---- callbacks of the files -------------------------------------------------- */

static int fill_page(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	memset(mem, 0, UPAGE);
	*(uint64_t *)mem = unit_word(pgoff, 77);
	return 0;
}

static int drop_page(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return 0;
}

static int frame_of(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = 0x5000 + pgoff;
	return 0;
}

static const struct quire_file_ops cache_ops = {.read_page = fill_page, .write_page = drop_page};
static const struct quire_file_ops ext_ops = {.frame = frame_of, .copy_page = fill_page};

/* ---- a call that may fail once ----------------------------------------------- */

static bool failed(struct run *r, int err)
{
	if (!err)
		return false;
	assert_int_equal(err, -ENOMEM);
	r->failures++;
	assert_int_equal(r->failures, 1);
	unit_verify(&r->u);
	return true;
}

/* The call again, if it failed. */
#define MUST(r, call)                                                                              \
	do {                                                                                       \
		if (failed((r), (call)))                                                           \
			assert_int_equal((call), 0);                                               \
	} while (0)

static void store(struct run *r, struct quire_mm *mm, uint64_t addr, uint64_t val)
{
	MUST(r, unit_try_store(mm, addr, val) ? 0 : -ENOMEM);
}

static void fill(struct run *r, struct quire_mm *mm, uint64_t addr, uint64_t pages, uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++)
		store(r, mm, addr + i * UPAGE, unit_word(i, seed));
}

static uint64_t load(struct run *r, struct quire_mm *mm, uint64_t addr)
{
	uint64_t val = 0;

	MUST(r, unit_try_load(mm, addr, &val) ? 0 : -ENOMEM);
	return val;
}

static void expect_fill(struct run *r, struct quire_mm *mm, uint64_t addr, uint64_t pages,
			uint64_t seed)
{
	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(load(r, mm, addr + i * UPAGE), unit_word(i, seed));
}

/* ---- the workload ------------------------------------------------------------ */

static void make_mappings(struct run *r)
{
	struct quire_mm *mm = r->u.mm;
	struct quire_file_options f = {.size = sizeof(f),
				       .kind = QUIRE_FILE_PAGECACHE,
				       .ops = &cache_ops,
				       .bytes = FILE_PAGES * UPAGE,
				       .writable = true,
				       .name = "cached"};
	struct quire_file_options x = {
	    .size = sizeof(x), .kind = QUIRE_FILE_EXTERNAL, .ops = &ext_ops, .name = "external"};

	MUST(r, quire_file_create(r->u.m, &f, &r->file));
	MUST(r, quire_file_create(r->u.m, &x, &r->ext));
	MUST(r, quire_mmap(mm, 0, NPAGES * UPAGE, URW, UANON, NULL, 0, &r->anon));
	MUST(r, quire_mmap(mm, 0, NPAGES * UPAGE, URW, USHARED, NULL, 0, &r->shared));
	MUST(r, quire_mmap(mm, 0, FILE_PAGES * UPAGE, URW, QMAP_PRIVATE, r->file, 0, &r->fpriv));
	MUST(r, quire_mmap(mm, 0, FILE_PAGES * UPAGE, URW, QMAP_SHARED, r->file, 0, &r->fshared));
	MUST(r, quire_mmap(mm, 0, FILE_PAGES * UPAGE, URW, QMAP_PRIVATE, r->ext, 0, &r->xpriv));
}

static void touch_all(struct run *r)
{
	struct quire_mm *mm = r->u.mm;

	assert_int_equal(load(r, mm, r->anon), 0);
	fill(r, mm, r->anon, NPAGES, 1);
	fill(r, mm, r->shared, NPAGES, 2);
	expect_fill(r, mm, r->fshared, FILE_PAGES, 77);
	store(r, mm, r->fpriv + UPAGE, 5);
	store(r, mm, r->fshared + 2 * UPAGE + 8, 6);
	assert_int_equal(load(r, mm, r->xpriv), unit_word(0, 77));
	store(r, mm, r->xpriv, 7);
	store(r, mm, r->xpriv + UPAGE, 8);
}

static void fork_and_cow(struct run *r)
{
	struct quire_mm *mm = r->u.mm;

	MUST(r, quire_mm_fork(mm, NULL, &r->child));
	fill(r, r->child, r->anon, NPAGES / 2, 3);
	fill(r, mm, r->anon, NPAGES, 4);
	store(r, r->child, r->fpriv + UPAGE, 9);
	store(r, r->child, r->xpriv, 10);
	store(r, r->child, r->shared, 11);
	assert_int_equal(load(r, mm, r->shared), 11);
	assert_int_equal(load(r, mm, r->fpriv + UPAGE), 5);
	assert_int_equal(load(r, mm, r->xpriv), 7);
	expect_fill(r, r->child, r->anon, NPAGES / 2, 3);
	for (uint64_t i = NPAGES / 2; i < NPAGES; i++)
		assert_int_equal(load(r, r->child, r->anon + i * UPAGE), unit_word(i, 1));
	unit_verify(&r->u);
}

static void change_mappings(struct run *r)
{
	struct quire_mm *mm = r->u.mm;
	uint64_t moved = 0;

	MUST(r, quire_mprotect(mm, r->anon + 2 * UPAGE, 2 * UPAGE, QPROT_READ));
	MUST(r, quire_mprotect(mm, r->anon + 2 * UPAGE, 2 * UPAGE, URW));
	MUST(r, quire_madvise(mm, r->anon, UPAGE, QMADV_DONTNEED));
	MUST(r, quire_munmap(mm, r->anon + 3 * UPAGE, UPAGE));
	MUST(r, quire_mremap(mm, r->anon + 4 * UPAGE, 4 * UPAGE, 64 * UPAGE, QMREMAP_MAYMOVE, 0,
			     &moved));
	assert_int_equal(load(r, mm, r->anon), 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(load(r, mm, moved + i * UPAGE), unit_word(i + 4, 4));
	MUST(r, quire_madvise(mm, r->shared, UPAGE, QMADV_REMOVE));
	assert_int_equal(load(r, r->child, r->shared), 0);
	MUST(r, quire_msync(mm, r->fshared, FILE_PAGES * UPAGE, QMS_SYNC));
	MUST(r, quire_file_truncate(r->file, UPAGE));
	unit_verify(&r->u);
}

static void work(struct run *r)
{
	make_mappings(r);
	touch_all(r);
	fork_and_cow(r);
	change_mappings(r);
	quire_mm_put(r->child);
	unit_verify(&r->u);
	fill(r, r->u.mm, r->shared, NPAGES, 12);
	expect_fill(r, r->u.mm, r->shared, NPAGES, 12);
	quire_file_put(r->file);
	quire_file_put(r->ext);
}

/* ---- machines ---------------------------------------------------------------- */

/* False: the machine itself was not to be had. */
static bool start(struct run *r, uint64_t point)
{
	struct unit *u = &r->u;
	struct quire_machine_options opts = {.size = sizeof(opts),
					     .ram_bytes = 16ull << 20,
					     .fail_points = &point,
					     .nr_fail_points = point ? 1 : 0};
	int err;

	memset(r, 0, sizeof(*r));
	unit_port(u);
	err = quire_machine_create(&u->port, &opts, &u->m);
	if (err) {
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(u->outstanding, 0);
		return false;
	}
	MUST(r, quire_mm_create(u->m, NULL, &u->mm));
	return true;
}

/* Allocation points that the run passed; *failures: calls that told of it. */
static uint64_t run_with(uint64_t point, unsigned *failures)
{
	struct run *r = calloc(1, sizeof(*r));
	struct quire_machine_stats st = {0};

	*failures = 1;
	if (start(r, point)) {
		work(r);
		quire_machine_stats(r->u.m, &st);
		if (point && point <= st.alloc_points)
			assert_int_equal(st.failed_points, 1);
		*failures = r->failures;
		unit_down(&r->u);
	}
	free(r);
	return st.alloc_points;
}

static void test_every_point(void **state)
{
	unsigned failures, reported = 0;
	uint64_t points = run_with(0, &failures);

	(void)state;
	assert_int_equal(failures, 0);
	assert_true(points > 50);
	for (uint64_t n = 1; n <= points; n++) {
		run_with(n, &failures);
		reported += failures;
	}
	print_message("%llu points, %u of them reported as ENOMEM\n", (unsigned long long)points,
		      reported);
	/* The others are made up for without the caller's noticing:
	 * tables freed without a batch. */
	assert_true(reported > points * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_point)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
