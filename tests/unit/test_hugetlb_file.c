/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_file.c: files of huge pages: how long they are, what is read, allocated and cut.
 * Each number was the host's first.
 */
#include "hugetlb.h"

#include <errno.h>

struct world {
	struct unit u;
	struct quire_file *file;
};

static struct quire_file *make_file(struct unit *u, uint64_t bytes,
				    struct quire_huge_subpool *subpool)
{
	const struct quire_file_options opts = {.size = sizeof(opts),
						.kind = QUIRE_FILE_HUGETLB,
						.bytes = bytes,
						.writable = true,
						.subpool = subpool};
	struct quire_file *file;

	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	return file;
}

static int set_up(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 64 * MIB, .huge_pages = {[QUIRE_HUGE_2M] = 8}};
	struct world *w = calloc(1, sizeof(*w));

	unit_up(&w->u, &opts, NULL);
	w->file = make_file(&w->u, 0, NULL);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	quire_file_put(w->file);
	assert_int_equal(quire_munmap(w->u.mm, 0, w->u.m->task_size), 0);
	expect_pool(&w->u, 8, 8, 0, 0);
	unit_down(&w->u);
	free(w);
	return 0;
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static int allocate(struct world *w, uint64_t off, uint64_t len)
{
	return quire_file_allocate(w->file, w->u.mm, off, len, true);
}

static uint64_t map(struct world *w, uint64_t pages, int prot, int flags, uint64_t first)
{
	uint64_t out;

	assert_int_equal(
	    quire_mmap(w->u.mm, 0, pages * HUGE, prot, flags, w->file, first * HUGE, &out), 0);
	return out;
}

static void expect_beyond_at(struct world *w, uint64_t addr, int line)
{
	struct quire_fault out;

	if (quire_fault(w->u.mm, addr, QUIRE_READ, &out) != QUIRE_FAULT_BUS ||
	    out.reason != QUIRE_REASON_BEYOND_EOF)
		fail_msg("line %d: %s", line, quire_fault_reason_name(out.reason));
}
#define expect_beyond(w, addr) expect_beyond_at((w), (addr), __LINE__)

/* ---- contents ------------------------------------------------------------------- */

static void reads(void **state)
{
	struct world *w = *state;
	char buf[100] = "", *big = malloc(2 * HUGE);
	uint64_t a;

	assert_int_equal(quire_file_write(w->file, 0, buf, 10), -EINVAL);
	assert_int_equal(quire_file_read(w->file, 0, buf, 10), 0);
	assert_int_equal(quire_file_truncate(w->file, 4 * HUGE), 0);
	a = map(w, 4, RW, QMAP_SHARED | QMAP_NORESERVE, 0);
	unit_store(w->u.mm, a + HUGE + 5 * UPAGE, 77);
	memset(big, 1, 2 * HUGE);
	assert_int_equal(quire_file_read(w->file, HUGE / 2, big, 2 * HUGE), 2 * HUGE);
	assert_int_equal(big[HUGE / 2 + 5 * UPAGE], 77);
	big[HUGE / 2 + 5 * UPAGE] = 0;
	for (uint64_t i = 0; i < 2 * HUGE; i++)
		if (big[i])
			fail_msg("byte %lu is %d", i, big[i]);
	assert_int_equal(quire_file_read(w->file, 4 * HUGE - 5, buf, 100), 5);
	assert_int_equal(quire_file_read(w->file, 4 * HUGE, buf, 100), 0);
	expect_pool(&w->u, 8, 7, 0, 0); /* holes are not filled */
	assert_int_equal(quire_file_resident(w->file), HUGE);
	free(big);
}

/* ---- fallocate ------------------------------------------------------------------ */

static void allocates(void **state)
{
	struct world *w = *state;

	assert_int_equal(quire_file_truncate(w->file, 4096), -EINVAL);
	assert_int_equal(quire_file_truncate(w->file, 4 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 0, 0);
	assert_int_equal(allocate(w, HUGE + 4096, 4096), 0);
	expect_pool(&w->u, 8, 7, 0, 0);
	assert_int_equal(quire_file_size(w->file), 4 * HUGE);
	assert_int_equal(allocate(w, 3 * HUGE, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 5, 0, 0);
	assert_int_equal(quire_file_size(w->file), 5 * HUGE);
	assert_int_equal(quire_file_allocate(w->file, w->u.mm, 6 * HUGE, HUGE, false), 0);
	expect_pool(&w->u, 8, 4, 0, 0);
	assert_int_equal(quire_file_size(w->file), 5 * HUGE);
	assert_int_equal(allocate(w, 0, 0), -EINVAL);
	assert_int_equal(allocate(w, INT64_MAX - 4096, 8192), -EFBIG);
	assert_int_equal(quire_file_allocate(w->file, w->u.mm, (1ull << 63) - 2 * HUGE, HUGE, true),
			 0);
	expect_pool(&w->u, 8, 3, 0, 0);
	assert_int_equal(quire_file_size(w->file), (1ull << 63) - HUGE);
	assert_int_equal(quire_file_truncate(w->file, 5 * HUGE), 0);
	expect_pool(&w->u, 8, 5, 0, 0);
	assert_int_equal(quire_file_allocate(w->file, w->u.mm, 6 * HUGE, HUGE, false), 0);
	/* What there is of them stays. */
	assert_int_equal(allocate(w, 0, 100 * HUGE), -ENOSPC);
	expect_pool(&w->u, 8, 0, 0, 0);
	assert_int_equal(quire_file_size(w->file), 5 * HUGE);
	assert_int_equal(quire_file_resident(w->file), 8 * HUGE);
}

/* The end need not be one of a page; the page is the file's all the same. */
static void ends_within(void **state)
{
	struct world *w = *state;
	char buf[100];
	uint64_t a;

	assert_int_equal(allocate(w, 0, HUGE + 8192), 0);
	expect_pool(&w->u, 8, 6, 0, 0);
	assert_int_equal(quire_file_size(w->file), HUGE + 8192);
	a = map(w, 2, QPROT_READ, QMAP_SHARED, 0);
	expect_pool(&w->u, 8, 6, 0, 0);
	assert_int_equal(unit_load(w->u.mm, a + HUGE + 8192), 0);
	assert_int_equal(quire_file_read(w->file, HUGE + 8192 - 10, buf, 100), 10);
	assert_int_equal(quire_file_punch(w->file, 0, HUGE + 8192), 0);
	expect_pool(&w->u, 8, 7, 0, 0);
	assert_int_equal(quire_file_truncate(w->file, HUGE), 0);
	expect_pool(&w->u, 8, 8, 0, 0);
	expect_beyond(w, a + HUGE);
}

/* What is reserved is used. */
static void allocates_reserved(void **state)
{
	struct world *w = *state;
	uint64_t a = map(w, 4, RW, QMAP_SHARED, 0);

	expect_pool(&w->u, 8, 8, 4, 0);
	unit_store(w->u.mm, a, 1);
	unit_store(w->u.mm, a + HUGE, 2);
	expect_pool(&w->u, 8, 6, 2, 0);
	assert_int_equal(allocate(w, 0, 3 * HUGE), 0);
	expect_pool(&w->u, 8, 5, 1, 0);
	assert_int_equal(unit_load(w->u.mm, a + HUGE), 2);
}

/* As by shmget(2). */
static void reserves(void **state)
{
	struct world *w = *state;

	assert_int_equal(quire_file_truncate(w->file, 2 * HUGE), 0);
	assert_int_equal(quire_file_reserve(w->file, w->u.mm, 0, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 2, 0);
	map(w, 2, RW, QMAP_SHARED, 0);
	expect_pool(&w->u, 8, 8, 2, 0);
	assert_int_equal(quire_file_reserve(w->file, w->u.mm, 0, 9 * HUGE), -ENOMEM);
	assert_int_equal(quire_file_reserve(w->file, w->u.mm, 0, 0), -EINVAL);
}

static void limited(void **state)
{
	struct world *w = *state;
	struct quire_huge_subpool *s;
	uint64_t max, left, a, out;

	quire_file_put(w->file);
	assert_int_equal(quire_huge_subpool_create(w->u.m, QUIRE_HUGE_2M, 2, 1, &s), 0);
	expect_pool(&w->u, 8, 8, 1, 0);
	w->file = make_file(&w->u, 3 * HUGE, s);
	assert_int_equal(quire_mmap(w->u.mm, 0, 3 * HUGE, RW, QMAP_SHARED, w->file, 0, &out),
			 -ENOMEM);
	assert_int_equal(allocate(w, 0, 3 * HUGE), -ENOSPC);
	expect_pool(&w->u, 8, 6, 0, 0);
	quire_huge_subpool_usage(s, &max, &left);
	assert_true(max == 2 && left == 0);
	a = map(w, 3, RW, QMAP_SHARED | QMAP_NORESERVE, 0);
	assert_int_equal(quire_fault(w->u.mm, a + 2 * HUGE, QUIRE_WRITE, NULL), QUIRE_FAULT_BUS);
	assert_int_equal(quire_file_punch(w->file, 0, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 1, 0);
	quire_huge_subpool_put(s);
}

/* ---- punch, truncate ------------------------------------------------------------- */

static void punches(void **state)
{
	struct world *w = *state;
	uint64_t a = map(w, 4, RW, QMAP_SHARED, 0);

	for (uint64_t i = 0; i < 3; i++)
		for (uint64_t k = 0; k < 3; k++)
			unit_store(w->u.mm, a + i * HUGE + k * UPAGE, i + 1);
	expect_pool(&w->u, 8, 5, 1, 0);
	assert_int_equal(quire_file_punch(w->file, 4096, 4096), 0);
	assert_int_equal(unit_load(w->u.mm, a), 1);
	assert_int_equal(unit_load(w->u.mm, a + 4096), 0);
	assert_int_equal(unit_load(w->u.mm, a + 8192), 1);
	expect_pool(&w->u, 8, 5, 1, 0);
	/* The page between goes, and its reservation does not come back. */
	assert_int_equal(quire_file_punch(w->file, 4096, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 6, 1, 0);
	assert_int_equal(unit_load(w->u.mm, a), 1);
	assert_int_equal(unit_load(w->u.mm, a + 8192), 0);
	assert_int_equal(unit_load(w->u.mm, a + HUGE), 0);
	expect_pool(&w->u, 8, 5, 1, 0);
	assert_int_equal(unit_load(w->u.mm, a + 2 * HUGE), 0);
	assert_int_equal(unit_load(w->u.mm, a + 2 * HUGE + 4096), 3);
	/* What is reserved and not there yet stays reserved. */
	assert_int_equal(quire_file_punch(w->file, 3 * HUGE, HUGE), 0);
	expect_pool(&w->u, 8, 5, 1, 0);
	assert_int_equal(quire_file_truncate(w->file, HUGE), 0);
	expect_pool(&w->u, 8, 7, 0, 0);
	expect_beyond(w, a + HUGE);
	assert_int_equal(quire_file_truncate(w->file, 4 * HUGE), 0);
	expect_pool(&w->u, 8, 7, 0, 0);
	assert_int_equal(unit_load(w->u.mm, a + HUGE), 0);
	expect_pool(&w->u, 8, 6, 0, 0);
}

static void removes(void **state)
{
	struct world *w = *state;
	uint64_t a = map(w, 4, RW, QMAP_SHARED, 0), b;

	for (uint64_t i = 0; i < 4; i++)
		unit_store(w->u.mm, a + i * HUGE, i + 1);
	assert_int_equal(quire_madvise(w->u.mm, a + 4096, 4096, QMADV_REMOVE), 0);
	expect_pool(&w->u, 8, 4, 0, 0);
	assert_int_equal(quire_madvise(w->u.mm, a + HUGE + 4096, 2 * HUGE, QMADV_REMOVE), 0);
	expect_pool(&w->u, 8, 5, 0, 0);
	assert_int_equal(unit_load(w->u.mm, a + HUGE), 2);
	assert_int_equal(unit_load(w->u.mm, a + 2 * HUGE), 0);
	assert_int_equal(unit_load(w->u.mm, a + 3 * HUGE), 0);
	assert_int_equal(quire_madvise(w->u.mm, a, 4 * HUGE, QMADV_REMOVE), 0);
	expect_pool(&w->u, 8, 8, 0, 0);
	b = map(w, 4, RW, QMAP_PRIVATE, 0);
	assert_int_equal(quire_madvise(w->u.mm, b, HUGE, QMADV_REMOVE), -EACCES);
}

/* ---- mmap -------------------------------------------------------------------------- */

static void grows(void **state)
{
	struct world *w = *state;
	uint64_t a = map(w, 2, QPROT_READ, QMAP_SHARED, 0), out;

	expect_pool(&w->u, 8, 8, 2, 0);
	assert_int_equal(quire_file_size(w->file), 0);
	expect_beyond(w, a);
	assert_int_equal(quire_munmap(w->u.mm, a, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 2, 0);
	a = map(w, 2, QPROT_READ, QMAP_PRIVATE, 0);
	assert_int_equal(quire_mprotect(w->u.mm, a, 2 * HUGE, RW), 0);
	assert_int_equal(quire_file_size(w->file), 0);
	expect_beyond(w, a);
	assert_int_equal(quire_munmap(w->u.mm, a, 2 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 2, 0);
	a = map(w, 1, RW, QMAP_PRIVATE, 1);
	expect_pool(&w->u, 8, 8, 3, 0);
	assert_int_equal(quire_file_size(w->file), 2 * HUGE);
	map(w, 1, RW, QMAP_SHARED | QMAP_NORESERVE, 3);
	assert_int_equal(quire_file_size(w->file), 4 * HUGE);
	assert_int_equal(quire_mmap(w->u.mm, 0, 100 * HUGE, RW, QMAP_SHARED, w->file, 0, &out),
			 -ENOMEM);
	assert_int_equal(quire_file_size(w->file), 4 * HUGE);
	assert_int_equal(quire_mmap(w->u.mm, 0, HUGE, RW, QMAP_SHARED, w->file, 4096, &out),
			 -EINVAL);
	expect_pool(&w->u, 8, 8, 3, 0);
}

/* Another file, or another part of it, in the place of a mapping: it is promised its own pages. */
static void takes_a_place(void **state)
{
	struct world *w = *state;
	uint64_t a = map(w, 2, RW, QMAP_SHARED, 0), out;
	struct quire_file *other = make_file(&w->u, 0, NULL);

	expect_pool(&w->u, 8, 8, 2, 0);
	assert_int_equal(
	    quire_mmap(w->u.mm, a, 2 * HUGE, RW, QMAP_SHARED | QMAP_FIXED, other, 0, &out), 0);
	expect_pool(&w->u, 8, 8, 4, 0);
	assert_int_equal(
	    quire_mmap(w->u.mm, a, 2 * HUGE, RW, QMAP_SHARED | QMAP_FIXED, other, 2 * HUGE, &out),
	    0);
	expect_pool(&w->u, 8, 8, 6, 0);
	assert_int_equal(quire_file_size(other), 4 * HUGE);
	quire_file_put(other);
}

/* ---- private copies ------------------------------------------------------------------ */

static void private_copies(void **state)
{
	struct world *w = *state;
	uint64_t p, s;

	assert_int_equal(quire_file_truncate(w->file, 4 * HUGE), 0);
	p = map(w, 4, RW, QMAP_PRIVATE, 0);
	expect_pool(&w->u, 8, 8, 4, 0);
	unit_store(w->u.mm, p, 1);
	assert_int_equal(unit_load(w->u.mm, p + HUGE), 0); /* a page of its own */
	expect_pool(&w->u, 8, 6, 2, 0);
	s = map(w, 4, RW, QMAP_SHARED, 0);
	expect_pool(&w->u, 8, 6, 6, 0);
	assert_int_equal(unit_load(w->u.mm, s) + unit_load(w->u.mm, s + HUGE), 0);
	expect_pool(&w->u, 8, 4, 4, 0);
	unit_store(w->u.mm, s + 2 * HUGE, 5);
	assert_int_equal(unit_load(w->u.mm, p + 2 * HUGE), 5);
	expect_pool(&w->u, 8, 3, 3, 0);
	unit_store(w->u.mm, p + 2 * HUGE, 6);
	expect_pool(&w->u, 8, 2, 2, 0);
	assert_int_equal(unit_load(w->u.mm, s + 2 * HUGE), 5);
	/* A hole takes them along, and they are promised again. */
	assert_int_equal(quire_file_punch(w->file, 0, 3 * HUGE), 0);
	expect_pool(&w->u, 8, 8, 5, 0);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(unit_load(w->u.mm, p + i * HUGE), 0);
	expect_pool(&w->u, 8, 5, 2, 0);
	assert_int_equal(quire_file_punch(w->file, 4096, 4096), 0);
	assert_int_equal(quire_file_truncate(w->file, HUGE), 0);
	expect_pool(&w->u, 8, 7, 3, 0);
	expect_beyond(w, p + HUGE);
	assert_int_equal(quire_file_truncate(w->file, 4 * HUGE), 0);
	assert_int_equal(unit_load(w->u.mm, p + HUGE), 0);
	unit_store(w->u.mm, p + 2 * HUGE, 7);
	expect_pool(&w->u, 8, 5, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(reads),    test(allocates),     test(ends_within),    test(allocates_reserved),
	    test(reserves), test(limited),       test(punches),        test(removes),
	    test(grows),    test(takes_a_place), test(private_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
