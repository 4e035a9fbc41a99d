/* SPDX-License-Identifier: MIT */
/*
 * test_mmap.c: mmap(2) and munmap(2), against the host kernel where it is cheap.
 */
#include "both.h"

#define FIXED (UANON | QMAP_FIXED)

static void errors_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPX(0, 0, URW, UANON),
	    MAPX(0, 1, URW, QMAP_ANONYMOUS),
	    MAPX(0, 1, URW, QMAP_ANONYMOUS | QMAP_SHARED_VALIDATE),
	    {C_MMAP, 0, UPAGE, URW, UANON, F_ANON, 1, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_PRIVATE, F_NOTHING, 0, 0},
	    {C_MMAP, 0, 0, URW, QMAP_PRIVATE, F_NOTHING, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, 0, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_SYNC, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | 0x200, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_FIXED_NOREPLACE, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_FIXED, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_ABOVE4G, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_UNINITIALIZED, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | QMAP_HUGE_1GB, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED_VALIDATE | 1 << 31, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED | QMAP_FIXED, F_RW, 0x7ffffffffffff000, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED | QMAP_FIXED, F_RW, 0x7fffffffffffe000, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED, F_RW, 0xfffffffffffff000, 0},
	    {C_MMAP, 0, UPAGE, URW, FIXED, F_ANON, 0xfffffffffffff000, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_SHARED, F_RO, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED, F_RO, 0, 0},
	    {C_MMAP, 0, UPAGE, QPROT_READ, QMAP_SHARED | QMAP_FIXED, F_RO, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_PRIVATE | QMAP_GROWSDOWN, F_RW, 0, 0},
	    {C_MMAP, 0, UPAGE, URW, QMAP_DROPPABLE, F_RW, 0, 0},
	    MAPX(0, 1, URW, USHARED | QMAP_GROWSDOWN),
	    MAPX(BOTH_ABS(BOTH_BASE + 1), 1, URW, FIXED),
	    MAPX(BOTH_ABS(BOTH_BASE + 1), 1, URW, UANON | QMAP_FIXED_NOREPLACE),
	    MAPX(BOTH_ABS(0x7ffffffff000), 1, URW, FIXED),
	    MAPX(BOTH_ABS(0x7fffffffe000), 2, URW, FIXED),
	    MAPX(BOTH_ABS(0x7ffffffff001), 1, URW, FIXED),
	    {C_MMAP, 0, UINT64_MAX, URW, UANON, F_ANON, 0, 0},
	    {C_MMAP, 0, 1ull << 47, URW, UANON | QMAP_NORESERVE, F_ANON, 0, 0},
	    {C_MMAP, 0, 1ull << 44, URW, UANON, F_ANON, 0, 0},
	    {C_MMAP, 0, 1ull << 44, URW, USHARED, F_ANON, 0, 0},
	    /* More huge pages than any host has: a test beside this one may set their pool. */
	    {C_MMAP, 0, 1ull << 44, URW, UANON | QMAP_HUGETLB, F_ANON, 0, 0},
	    {C_MMAP, 0, 2ull << 20, URW, QMAP_PRIVATE | QMAP_HUGETLB, F_RW, 0, 0},
	    MAPX(0, 1, 0x1000, FIXED),
	    MAPX(0, 1, URW, FIXED | QMAP_SYNC),
	    MAPX(0, 1, URW, UANON | QMAP_FIXED_NOREPLACE),
	    MAPX(1, 1, URW, UANON | QMAP_FIXED_NOREPLACE),
	    MAPX(0, 1, URW, UANON),  /* a hint that is taken */
	    MAPX(40, 1, URW, UANON), /* a hint that is free */
	    MAPX(BOTH_ABS(BOTH_AT(50) + 77), 1, URW, UANON),
	};

	(void)state;
	both_run(calls);
}

/* Below mmap_min_addr: whoever has the privilege, at that moment. */
static void low_addresses_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPX(BOTH_ABS(0), 1, URW, FIXED),
	    STORE(BOTH_ABS(0), 3),
	    LOAD(BOTH_ABS(0)),
	    {C_MUNMAP, BOTH_ABS(0), UPAGE, 0, 0, F_ANON, 0, 0},
	    MAPX(BOTH_ABS(0xf000), 2, URW, UANON | QMAP_FIXED_NOREPLACE),
	    MAPA(0, 1, URW),
	    STORE(0, 9),
	    REMAP(0, 1, 1, QMREMAP_MAYMOVE | QMREMAP_FIXED, BOTH_ABS(0x2000)),
	    LOAD(BOTH_ABS(0x2000)),
	    MAPA(0, 1, URW),
	    {.kind = C_DROP},
	    LOAD(BOTH_ABS(0x2000)),
	    STORE(BOTH_ABS(0xf000), 3),
	    MAPX(BOTH_ABS(0), 1, URW, FIXED),
	    MAPX(BOTH_ABS(1), 1, URW, FIXED),
	    MAPX(BOTH_ABS(0), 2, URW, UANON | QMAP_FIXED_NOREPLACE),
	    MAPX(BOTH_ABS(0x3000), 1, URW, FIXED),
	    MAPX(BOTH_ABS(0xf000), 1, URW, UANON | QMAP_FIXED_NOREPLACE),
	    REMAP(0, 1, 1, QMREMAP_MAYMOVE | QMREMAP_FIXED, BOTH_ABS(0)),
	    LOAD(0),
	    REMAP(BOTH_ABS(0x2000), 1, 1, QMREMAP_MAYMOVE | QMREMAP_FIXED, 5),
	    LOAD(5),
	    MAPX(BOTH_ABS(0x1), 1, URW, UANON),
	    {C_MPROTECT, BOTH_ABS(0xf000), UPAGE, QPROT_READ, 0, F_ANON, 0, 0},
	    {C_MUNMAP, BOTH_ABS(0), 16 * UPAGE, 0, 0, F_ANON, 0, 0},
	};

	(void)state;
	both_run(calls);
}

static void flags_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPX(0, 1, URW, FIXED | QMAP_STACK),
	    MAPX(2, 1, URW, FIXED | QMAP_NORESERVE),
	    MAPX(4, 1, URW, FIXED | QMAP_LOCKED),
	    MAPX(6, 1, URW, FIXED | QMAP_GROWSDOWN),
	    MAPX(300, 1, URW, FIXED | QMAP_GROWSDOWN | QMAP_STACK),
	    MAPX(310, 1, QPROT_EXEC, FIXED),
	    MAPX(312, 1, URW, USHARED | QMAP_FIXED),
	    MAPX(313, 1, URW, USHARED | QMAP_FIXED),
	    MAPX(320, 1, URW, QMAP_DROPPABLE | QMAP_ANONYMOUS | QMAP_FIXED),
	    MAPX(322, 1, URW, QMAP_DROPPABLE | QMAP_ANONYMOUS | QMAP_FIXED | QMAP_LOCKED),
	    MAPX(324, 1, URW, USHARED | QMAP_FIXED | QMAP_NORESERVE),
	    MAPF(326, 1, QPROT_READ, QMAP_SHARED, F_RW, 0),
	    MAPF(328, 1, QPROT_READ, QMAP_SHARED, F_RO, 0),
	    MAPF(330, 1, QPROT_READ, QMAP_PRIVATE, F_RO, 0),
	    MAPF(332, 1, URW, QMAP_PRIVATE, F_RO, 0),
	    MAPF(334, 1, URW, QMAP_SHARED, F_RW, 3),
	    MAPX(336, 1, URW, FIXED | QMAP_POPULATE),
	};

	(void)state;
	both_run(calls);
}

static void merging_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPA(4, 4, URW),
	    MAPA(9, 1, URW),
	    MAPA(8, 1, URW),
	    MAPA(3, 2, URW),
	    MAPA(3, 2, QPROT_READ),
	    MAPA(3, 2, URW),
	    UNMAP(5, 1),
	    MAPA(5, 1, QPROT_NONE),
	    MAPF(20, 2, QPROT_READ, QMAP_PRIVATE, F_RW, 0),
	    MAPF(22, 2, QPROT_READ, QMAP_PRIVATE, F_RW, 2),
	    MAPF(24, 2, QPROT_READ, QMAP_PRIVATE, F_RO, 4),
	    MAPF(26, 2, QPROT_READ, QMAP_PRIVATE, F_RW, 6),
	    MAPF(24, 2, QPROT_READ, QMAP_PRIVATE, F_RW, 4),
	    MAPF(25, 1, QPROT_READ, QMAP_PRIVATE, F_RW, 4),
	    MAPF(40, 2, URW, QMAP_SHARED, F_RW, 0),
	    MAPF(42, 2, URW, QMAP_SHARED, F_RW, 2),
	    UNMAP(41, 2),
	    MAPF(41, 2, URW, QMAP_SHARED, F_RW, 1),
	    UNMAP(0, 1024),
	    UNMAP(0, 1024),
	};

	(void)state;
	both_run(calls);
}

static void munmap_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 10, URW),
	    {.kind = C_MUNMAP, .addr = 0, .len = 0},
	    {.kind = C_MUNMAP, .addr = BOTH_ABS(BOTH_BASE + 1), .len = UPAGE},
	    {.kind = C_MUNMAP, .addr = 0, .len = UINT64_MAX},
	    {.kind = C_MUNMAP, .addr = BOTH_ABS(0x7ffffffff000), .len = UPAGE},
	    {.kind = C_MUNMAP, .addr = 2, .len = 1},
	    {.kind = C_MUNMAP, .addr = 4, .len = UPAGE + 1},
	    UNMAP(100, 4),
	    UNMAP(8, 4),
	    UNMAP(0, 9),
	};

	(void)state;
	both_run(calls);
}

static void locked_memory_as_host(void **state)
{
	static const struct call calls[] = {
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 2 * UPAGE},
	    MAPX(0, 3, URW, FIXED | QMAP_LOCKED),
	    MAPX(0, 2, URW, FIXED | QMAP_LOCKED),
	    MAPX(4, 1, URW, FIXED | QMAP_LOCKED),
	    UNMAP(1, 1),
	    MAPX(4, 1, URW, FIXED | QMAP_LOCKED),
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 0},
	    MAPX(6, 1, URW, FIXED | QMAP_LOCKED),
	};

	(void)state;
	both_run_unprivileged(calls);
}

static void data_limit(void **state)
{
	struct unit *u = *state;
	uint64_t a;

	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_AS, 8 * UPAGE);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 4 * UPAGE);
	assert_int_equal(quire_mmap(u->mm, 0, 5 * UPAGE, URW, UANON, NULL, 0, &a), -QENOMEM);
	a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	assert_int_equal(quire_mmap(u->mm, 0, UPAGE, URW, UANON, NULL, 0, &a), -QENOMEM);
	unit_map(u->mm, 0, 4 * UPAGE, QPROT_READ, UANON);
	assert_int_equal(quire_mmap(u->mm, 0, UPAGE, QPROT_READ, UANON, NULL, 0, &a), -QENOMEM);
	unit_verify(u);
}

static void fixed_replaces_under_limit(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);

	unit_fill(u->mm, a, 8 * UPAGE, 1);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_AS, 8 * UPAGE);
	unit_map(u->mm, a + 2 * UPAGE, 2 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_verify(u);
	assert_int_equal(unit_vma_count(u->mm), 1);
	unit_expect_fill(u->mm, a, 2 * UPAGE, 1);
	unit_expect_zero(u->mm, a + 2 * UPAGE, 2 * UPAGE);
	assert_int_equal(unit_load(u->mm, a + 4 * UPAGE), unit_word(4, 1));
	unit_verify(u);
}

/* Each page replaced is one mapped; but the whole is too much already. */
static void fixed_over_a_lowered_limit(void **state)
{
	static const enum quire_rlimit which[] = {QUIRE_RLIMIT_AS, QUIRE_RLIMIT_DATA};
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON), b = a;
	int fixed = UANON | QMAP_FIXED;

	for (int i = 0; i < 2; i++) {
		quire_mm_set_rlimit(u->mm, which[i], 8 * UPAGE);
		unit_map(u->mm, a, 8 * UPAGE, URW, fixed);
		quire_mm_set_rlimit(u->mm, which[i], 7 * UPAGE);
		assert_int_equal(quire_mmap(u->mm, a, UPAGE, URW, fixed, NULL, 0, &b), -QENOMEM);
		assert_int_equal(quire_mmap(u->mm, a, 8 * UPAGE, URW, fixed, NULL, 0, &b),
				 -QENOMEM);
		quire_mm_set_rlimit(u->mm, which[i], QUIRE_RLIM_INFINITY);
	}
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 7 * UPAGE);
	unit_map(u->mm, a, UPAGE, QPROT_READ, fixed);
	unit_verify(u);
}

/* The hard one stands in for a limit of 0: not for brk, and not for RLIMIT_AS. */
static void data_limit_of_zero(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, QPROT_READ, UANON), b, brk;
	struct quire_mm *child;

	quire_mm_set_brk(u->mm, 64 * UPAGE);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 0);
	b = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);
	quire_munmap(u->mm, b, 8 * UPAGE);
	brk = quire_brk(u->mm, 0);
	assert_int_equal(quire_brk(u->mm, brk + UPAGE), brk);
	quire_mm_set_rlimit_max(u->mm, QUIRE_RLIMIT_DATA, 4 * UPAGE);
	assert_int_equal(quire_mmap(u->mm, 0, 5 * UPAGE, URW, UANON, NULL, 0, &b), -QENOMEM);
	b = unit_map(u->mm, 0, 3 * UPAGE, URW, UANON);
	assert_int_equal(quire_mprotect(u->mm, a, 2 * UPAGE, URW), -QENOMEM);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, URW), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_mmap(child, 0, UPAGE, URW, UANON, NULL, 0, &b), -QENOMEM);
	quire_mm_put(child);
	quire_mm_set_rlimit_max(u->mm, QUIRE_RLIMIT_AS, QUIRE_RLIM_INFINITY);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_AS, 0);
	assert_int_equal(quire_mmap(u->mm, 0, UPAGE, QPROT_READ, UANON, NULL, 0, &b), -QENOMEM);
	unit_verify(u);
}

static void below_min_addr(void **state)
{
	struct unit *u = *state;
	uint64_t a;

	assert_int_equal(quire_mmap(u->mm, UPAGE, UPAGE, URW, UANON | QMAP_FIXED, NULL, 0, &a),
			 -QEPERM);
	assert_int_equal(unit_map(u->mm, UPAGE, UPAGE, URW, UANON), 65536);
}

static void low_2_gib(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON | QMAP_32BIT), b;

	assert_true(a >= 0x40000000 && a < 0x80000000);
	assert_int_equal(unit_map(u->mm, 0x50000000, UPAGE, URW, UANON | QMAP_32BIT), 0x50000000);
	b = unit_map(u->mm, 0x100000000, UPAGE, URW, UANON | QMAP_32BIT);
	assert_true(b >= 0x40000000 && b < 0x80000000);
}

static void top_down_then_bottom_up(void **state)
{
	struct unit *u = *state;
	struct quire_mm_stats st;
	uint64_t a, b;

	quire_mm_stats(u->mm, &st);
	a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	b = unit_map(u->mm, 0, UPAGE, QPROT_READ, UANON);
	assert_int_equal(a, st.mmap_base - UPAGE);
	assert_int_equal(b, a - UPAGE);
	quire_mm_set_mmap_base(u->mm, 0x20000);
	assert_true(unit_map(u->mm, 0, 1 << 20, URW, UANON) > 0x20000);
	a = unit_map(u->mm, 0, 4 << 20, URW, UANON);
	assert_int_equal(a & ((2 << 20) - 1), 0);
}

static void guard_gap_is_kept(void **state)
{
	struct unit *u = *state;
	struct quire_mm_stats st;
	uint64_t stack, a;

	quire_mm_stats(u->mm, &st);
	stack = unit_map(u->mm, st.mmap_base - 4 * UPAGE, 4 * UPAGE, URW,
			 UANON | QMAP_GROWSDOWN | QMAP_FIXED);
	a = unit_map(u->mm, 0, UPAGE, QPROT_READ, UANON);
	assert_true(a + UPAGE + 256 * UPAGE <= stack);
	assert_int_equal(
	    unit_map(u->mm, stack - 8 * UPAGE, UPAGE, QPROT_READ, UANON | QMAP_FIXED_NOREPLACE),
	    stack - 8 * UPAGE);
	unit_verify(u);
}

static void map_count_is_limited(void **state)
{
	struct quire_machine_options mo = {
	    .size = sizeof(mo), .ram_bytes = UNIT_RAM, .max_map_count = 10};
	struct unit u;
	uint64_t a, out;

	(void)state;
	unit_up(&u, &mo, NULL);
	a = unit_map(u.mm, 0, 64 * UPAGE, URW, UANON);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(quire_munmap(u.mm, a + (2 * i + 1) * UPAGE, UPAGE), 0);
	assert_int_equal(unit_vma_count(u.mm), 10);
	assert_int_equal(quire_munmap(u.mm, a + 40 * UPAGE, UPAGE), -QENOMEM);
	assert_int_equal(quire_mprotect(u.mm, a + 40 * UPAGE, UPAGE, QPROT_READ), -QENOMEM);
	unit_verify(&u);
	assert_int_equal(quire_mmap(u.mm, 0, UPAGE, QPROT_READ, UANON, NULL, 0, &out), 0);
	assert_int_equal(quire_mmap(u.mm, 0, UPAGE, QPROT_NONE, UANON, NULL, 0, &out), -QENOMEM);
	unit_down(&u);
}

static void populate_maps_everything(void **state)
{
	struct unit *u = *state;

	unit_map(u->mm, 0, 16 * UPAGE, URW, UANON | QMAP_POPULATE);
	assert_int_equal(unit_rss(u->mm), 16);
	unit_map(u->mm, 0, 16 * UPAGE, URW, USHARED | QMAP_POPULATE);
	assert_int_equal(unit_rss(u->mm), 32);
	unit_verify(u);
}

static void stack_grows(void **state)
{
	static const struct call calls[] = {
	    MAPX(700, 1, URW, FIXED | QMAP_GROWSDOWN),
	    STORE(699, 1),
	    STORE(690, 2),
	    LOAD(680),
	    MAPA(300, 1, URW),
	    STORE(600, 3),
	    STORE(556, 3),
	    STORE(555, 3),
	    PROTECT(300, 1, QPROT_NONE),
	    STORE(555, 3),
	    STORE(301, 3),
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_STACK, .c = 420 * UPAGE},
	    UNMAP(300, 1),
	    STORE(300, 1),
	    STORE(281, 1),
	    STORE(280, 1),
	    STORE(279, 1),
	};

	(void)state;
	both_run(calls);
}

static void heap_and_stack_have_names(void **state)
{
	struct unit *u = *state;
	struct quire_vma_info vi;

	unit_map(u->mm, 0x7ffff0000000, 4 * UPAGE, URW, UANON | QMAP_GROWSDOWN | QMAP_FIXED);
	quire_mm_set_brk(u->mm, 0x600000);
	assert_int_equal(quire_brk(u->mm, 0x603000), 0x603000);
	assert_int_equal(quire_vma_next(u->mm, 0, &vi), 0);
	assert_string_equal(vi.name, "[heap]");
	assert_int_equal(quire_vma_next(u->mm, vi.end, &vi), 0);
	assert_string_equal(vi.name, "[stack]");
	assert_int_equal(quire_vma_next(u->mm, vi.end, &vi), -QENOENT);
}

static uint64_t largest_request(struct quire_mm *mm)
{
	struct quire_mm_stats s;

	quire_mm_stats(mm, &s);
	return s.largest_request;
}

/* Private writable memory alone is granted; what an edit gives up counts against
 * what it asks for. */
static void largest_request_is_told(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;

	unit_map(u->mm, 0x100000, 8 * UPAGE, QPROT_NONE, UANON | QMAP_FIXED);
	unit_map(u->mm, 0x200000, 9 * UPAGE, QPROT_READ, UANON | QMAP_FIXED);
	assert_int_equal(largest_request(u->mm), 0);
	unit_map(u->mm, 0x300000, 4 * UPAGE, URW, UANON | QMAP_FIXED);
	assert_int_equal(largest_request(u->mm), 4);
	unit_map(u->mm, 0x300000, 6 * UPAGE, URW, UANON | QMAP_FIXED);
	assert_int_equal(largest_request(u->mm), 4);
	assert_int_equal(quire_munmap(u->mm, 0x300000, 6 * UPAGE), 0);
	assert_int_equal(largest_request(u->mm), 4);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(largest_request(child), 0);
	quire_mm_put(child);
	assert_int_equal(quire_mprotect(u->mm, 0x100000, 8 * UPAGE, URW), 0);
	assert_int_equal(largest_request(u->mm), 8);
	unit_map(u->mm, 0x400000, 3 * UPAGE, URW, UANON | QMAP_FIXED);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(largest_request(child), 8);
	quire_mm_put(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(low_addresses_as_host),
	    cmocka_unit_test(errors_as_host),
	    cmocka_unit_test(flags_as_host),
	    cmocka_unit_test(merging_as_host),
	    cmocka_unit_test(munmap_as_host),
	    cmocka_unit_test(locked_memory_as_host),
	    unit_test(data_limit),
	    unit_test(fixed_replaces_under_limit),
	    unit_test(fixed_over_a_lowered_limit),
	    unit_test(data_limit_of_zero),
	    unit_test(below_min_addr),
	    unit_test(low_2_gib),
	    unit_test(top_down_then_bottom_up),
	    unit_test(guard_gap_is_kept),
	    cmocka_unit_test(map_count_is_limited),
	    unit_test(populate_maps_everything),
	    cmocka_unit_test(stack_grows),
	    unit_test(heap_and_stack_have_names),
	    unit_test(largest_request_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
