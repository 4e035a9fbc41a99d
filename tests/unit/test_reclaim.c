/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim.c: memory that only waits for readers is not out; what is said when it is, and on
 * whose behalf.
 */
#include "reclaim.h"

static unsigned asked;

static void faults(void **state)
{
	struct unit u;

	(void)state;
	up(&u);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t a = unit_map(u.mm, 0, UPAGE, URW, UANON);

		unit_store(u.mm, a, i);
		assert_int_equal(quire_munmap(u.mm, a, UPAGE), 0);
	}
	unit_down(&u);
}

static void forks(void **state)
{
	struct unit u;

	(void)state;
	up(&u);
	unit_store(u.mm, unit_map(u.mm, 0, UPAGE, URW, UANON), 1);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct quire_mm *child;

		assert_int_equal(quire_mm_fork(u.mm, NULL, &child), 0);
		quire_mm_put(child);
	}
	unit_down(&u);
}

static void moves(void **state)
{
	uint64_t a, b;
	struct unit u;

	(void)state;
	up(&u);
	a = unit_map(u.mm, 0x40000000, UPAGE, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, a, 7);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		b = 0x40000000 + (i % 2 ? 0 : 1ull << 30);
		assert_int_equal(
		    quire_mremap(u.mm, a, UPAGE, UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, b, &a), 0);
	}
	assert_int_equal(unit_load(u.mm, a), 7);
	unit_down(&u);
}

static void file_writes_and_reads(void **state)
{
	char buf[16 * UPAGE];
	struct quire_file *file;
	struct unit u;

	(void)state;
	up(&u);
	file = unit_shmem(&u, sizeof(buf), true);
	memset(buf, 5, sizeof(buf));
	fill_with_deferred_tables(&u, 4);
	for (uint64_t off = 0; off < sizeof(buf); off += UPAGE)
		assert_int_equal(quire_file_write(file, off, buf + off, UPAGE), UPAGE);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(quire_file_read(file, 0, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[sizeof(buf) - 1], 5);
	quire_file_put(file);
	unit_down(&u);
}

static int page_of_sevens(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	(void)pgoff;
	memset(mem, 7, UPAGE);
	return 0;
}

static int some_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = 0x5000 + pgoff;
	return 0;
}

/* Of pages that have to be read in, and of a page that is elsewhere. */
static void reads_that_need_a_page(void **state)
{
	static const struct quire_file_ops ops = {
	    .read_page = page_of_sevens, .frame = some_frame, .copy_page = page_of_sevens};
	struct quire_file_options fo = {.size = sizeof(fo), .ops = &ops, .bytes = 16 * UPAGE};
	struct quire_file *cached, *external;
	char buf[16 * UPAGE];
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	fo.kind = QUIRE_FILE_PAGECACHE;
	assert_int_equal(quire_file_create(u.m, &fo, &cached), 0);
	fo.kind = QUIRE_FILE_EXTERNAL;
	assert_int_equal(quire_file_create(u.m, &fo, &external), 0);
	a = unit_map_file(u.mm, 0, UPAGE, QPROT_READ, QMAP_PRIVATE, external, 0);
	fill_with_deferred_tables(&u, 4);
	assert_int_equal(quire_file_read(cached, 0, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[sizeof(buf) - 1], 7);
	assert_int_equal(unit_fault(u.mm, a, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	fill_with_deferred_tables(&u, 1);
	assert_int_equal(unit_load(u.mm, a) & 0xff, 7);
	quire_file_put(cached);
	quire_file_put(external);
	unit_down(&u);
}

/* Shared memory, each time most of RAM, whose last mapping goes. */
static void shared_memory(void **state)
{
	struct quire_machine_stats st;
	struct unit u;

	(void)state;
	up(&u);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t a = unit_map(u.mm, 0, 400 * UPAGE, URW, USHARED);

		for (uint64_t i = 0; i < 400; i++)
			unit_store(u.mm, a + i * UPAGE, i);
		assert_int_equal(quire_munmap(u.mm, a, 400 * UPAGE), 0);
		quire_machine_stats(u.m, &st);
		assert_true(st.waiting_frames >= 400);
		assert_int_equal(st.shmem_frames, 0);
		assert_int_equal(st.committed_pages, 0);
	}
	late_barrier(NULL);
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.waiting_frames, 0);
	unit_down(&u);
}

/* The same by truncation, and by exit of the last of two that have it. */
static void shared_files(void **state)
{
	struct quire_machine_stats st;
	struct quire_file *file;
	struct unit u;

	(void)state;
	up(&u);
	file = unit_shmem(&u, 400 * UPAGE, true);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t a = unit_map_file(u.mm, 0, 400 * UPAGE, URW, QMAP_SHARED, file, 0);

		for (uint64_t i = 0; i < 400; i++)
			unit_store(u.mm, a + i * UPAGE, i);
		assert_int_equal(quire_file_truncate(file, 0), 0);
		quire_machine_stats(u.m, &st);
		assert_true(st.waiting_frames >= 400);
		assert_int_equal(quire_file_truncate(file, 400 * UPAGE), 0);
		assert_int_equal(quire_munmap(u.mm, a, 400 * UPAGE), 0);
	}
	quire_file_put(file);
	unit_down(&u);
}

/* Page tables that have memory of their own are counted, and waited for, apart from RAM. */
static void tables_apart(void **state)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE, .table_bytes = 32 * UPAGE};
	struct quire_machine_stats st;
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.call_rcu = late_call_rcu;
	u.port.rcu_barrier = late_barrier;
	unit_machine_mm(&u, &o, NULL);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t a = unit_map(u.mm, 0, UPAGE, URW, UANON);

		unit_store(u.mm, a, i);
		assert_int_equal(quire_munmap(u.mm, a, UPAGE), 0);
		quire_machine_stats(u.m, &st);
		assert_int_equal(st.waiting_frames, 0);
		assert_in_range(st.waiting_table_frames, 1, 32);
		assert_in_range(st.waiting_table_frames + st.free_table_frames, 31, 31);
	}
	unit_down(&u);
}

/* All of it is really there: then memory is out, with an end to the trying. */
static void memory_that_is_out(void **state)
{
	struct quire_fault f;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = unit_map(u.mm, 0, RAM_PAGES * UPAGE, URW, UANON | QMAP_NORESERVE);
	for (uint64_t i = 0; i < RAM_PAGES; i++)
		if (quire_fault(u.mm, a + i * UPAGE, QUIRE_WRITE, &f) == QUIRE_FAULT_OOM)
			break;
	assert_int_equal(f.result, QUIRE_FAULT_OOM);
	unit_down(&u);
}

static bool ask_twice(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	assert_int_equal(what, QUIRE_MEMORY_TABLES);
	return ++asked < 3;
}

/* Tables have a zone of their own, which is full; RAM, which is free, is no reason to try on. */
static void tables_that_are_out(void **state)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE, .table_bytes = 16 * UPAGE};
	struct quire_fault f = {.result = QUIRE_FAULT_OK};
	struct unit u;
	uint64_t a;

	(void)state;
	asked = 0;
	unit_port(&u);
	u.port.oom = ask_twice;
	unit_machine_mm(&u, &o, NULL);
	a = unit_map(u.mm, 0, 64ull << 21, URW, UANON | QMAP_NORESERVE);
	for (uint64_t i = 0; i < 64 && f.result == QUIRE_FAULT_OK; i++)
		quire_fault(u.mm, a + (i << 21), QUIRE_WRITE, &f);
	assert_int_equal(f.result, QUIRE_FAULT_OOM);
	assert_int_equal(asked, 3);
	unit_down(&u);
}

/* ---- on whose behalf room is asked for, and when */

static struct unit *unit;
static struct quire_mm *other;
static uint64_t next_page; /* of other's, which nothing is in yet */
static unsigned rounds;

static bool ask_never(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	(void)what;
	asked += mm != other;
	return false;
}

static void take_all_frames(void)
{
	struct quire_machine_stats st;

	for (quire_machine_stats(unit->m, &st); st.free_frames; quire_machine_stats(unit->m, &st)) {
		unit_store(other, next_page, 1);
		next_page += UPAGE;
	}
}

static void up_with_other(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};

	unit = u;
	asked = 0;
	u->port.oom = ask_never;
	unit_machine_mm(u, &o, NULL);
	assert_int_equal(quire_mm_create(u->m, NULL, &other), 0);
	next_page = unit_map(other, SOURCE, 2 * RAM_PAGES * UPAGE, URW, UANON | QMAP_NORESERVE);
}

static bool miss_of_others(void *ctx, struct quire_mm *mm, void *cookie, enum quire_privilege which)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	(void)which;
	rounds++;
	assert_int_equal(unit_fault(other, next_page, QUIRE_WRITE, NULL), QUIRE_FAULT_OOM);
	return true;
}

/* Nobody is to die for a limit that refuses while others find no frame. */
static void limit_beside_a_miss(void **state)
{
	uint64_t a, out;
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.privileged = miss_of_others;
	up_with_other(&u);
	a = unit_map(u.mm, 0, UPAGE, URW, UANON);
	quire_mm_set_rlimit(u.mm, QUIRE_RLIMIT_MEMLOCK, UPAGE);
	quire_mm_set_rlimit(u.mm, QUIRE_RLIMIT_AS, 2 * UPAGE);
	assert_int_equal(quire_mlock(u.mm, a, UPAGE, 0), 0);
	take_all_frames();
	rounds = 0;
	assert_int_equal(quire_mremap(u.mm, a, UPAGE, 16 * UPAGE, QMREMAP_MAYMOVE, 0, &out),
			 -QENOMEM);
	assert_true(rounds > 0);
	assert_int_equal(asked, 0);
	quire_mm_put(other);
	unit_down(&u);
}

/* Nor for a call that is invalid. */
static void invalid_without_memory(void **state)
{
	uint64_t a, target, out;
	struct unit u;

	(void)state;
	unit_port(&u);
	up_with_other(&u);
	a = unit_map(u.mm, 0, UPAGE, URW, UANON);
	unit_store(u.mm, a, 1);
	target = unit_map(u.mm, TARGET, 3 * UPAGE, URW, UANON | QMAP_FIXED);
	take_all_frames();
	assert_int_equal(quire_mremap(u.mm, a, 2 * UPAGE, 3 * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, target, &out),
			 -QEFAULT);
	quire_mm_set_rlimit(u.mm, QUIRE_RLIMIT_AS, 4 * UPAGE);
	assert_int_equal(
	    quire_mremap(u.mm, a, UPAGE, 3 * UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, target, &out),
	    -QENOMEM);
	assert_int_equal(asked, 0);
	quire_mm_put(other);
	unit_down(&u);
}

/* A fault that needs two frames, and gives the one there is back each time, ends. */
static void one_frame_too_few(void **state)
{
	struct quire_machine_stats st;
	struct unit u;

	(void)state;
	unit_port(&u);
	up_with_other(&u);
	unit_store(u.mm, unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED), 1);
	unit_map(u.mm, TARGET + UPAGE, UPAGE, URW, UANON | QMAP_FIXED); /* needs a table, too */
	take_all_frames();
	assert_int_equal(quire_madvise(other, next_page - UPAGE, UPAGE, QMADV_DONTNEED), 0);
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.free_frames, 1);
	assert_int_equal(unit_fault(u.mm, TARGET + UPAGE, QUIRE_WRITE, NULL), QUIRE_FAULT_OOM);
	assert_int_equal(asked, 1);
	quire_mm_put(other);
	unit_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults),
	    cmocka_unit_test(forks),
	    cmocka_unit_test(moves),
	    cmocka_unit_test(file_writes_and_reads),
	    cmocka_unit_test(reads_that_need_a_page),
	    cmocka_unit_test(shared_memory),
	    cmocka_unit_test(shared_files),
	    cmocka_unit_test(tables_apart),
	    cmocka_unit_test(memory_that_is_out),
	    cmocka_unit_test(tables_that_are_out),
	    cmocka_unit_test(limit_beside_a_miss),
	    cmocka_unit_test(invalid_without_memory),
	    cmocka_unit_test(one_frame_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
