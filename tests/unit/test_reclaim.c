/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim.c: memory that only waits for readers is not out.
 *
 * The port's grace periods end when somebody asks for it (rcu_barrier) and not before.
 */
#include "unit.h"

#define RAM_PAGES 512ull
#define ROUNDS (4 * RAM_PAGES) /* each takes a table out: more than all of RAM */

static struct quire_rcu_head *late;

static void late_call_rcu(void *ctx, struct quire_rcu_head *head,
			  void (*func)(struct quire_rcu_head *head))
{
	(void)ctx;
	head->func = func;
	head->next = late;
	late = head;
}

static void late_barrier(void *ctx)
{
	struct quire_rcu_head *head = late;

	(void)ctx;
	late = NULL;
	while (head) {
		struct quire_rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static void up(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};

	unit_port(u);
	u->port.call_rcu = late_call_rcu;
	u->port.rcu_barrier = late_barrier;
	unit_machine_mm(u, &o, NULL);
}

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

/* Leaves less than `frames` free; the rest of RAM is tables that wait for readers. */
static void fill_with_deferred_tables(struct unit *u, uint64_t frames)
{
	struct quire_machine_stats st;
	struct quire_mm *child;
	uint64_t a = unit_map(u->mm, 0, 16 * UPAGE, URW, UANON);

	unit_store(u->mm, a, 1);
	for (quire_machine_stats(u->m, &st); st.free_frames > 8; quire_machine_stats(u->m, &st)) {
		assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
		quire_mm_put(child);
	}
	while (st.free_frames >= frames) {
		unit_store(u->mm, a += UPAGE, 1);
		quire_machine_stats(u->m, &st);
	}
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

static unsigned asked;

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

#define SOURCE 0x40000000ull
#define TARGET (0x80000000ull + (2ull << 20) - UPAGE) /* the last page that its table maps */
#define FILLER 0xc0000000ull

static uint64_t mapped_meanwhile;

/* Frees what fills memory, and maps a page as another thread may: wherever there is room. */
static bool free_and_map(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	(void)what;
	if (asked++)
		return false;
	assert_int_equal(quire_munmap(mm, FILLER, RAM_PAGES * UPAGE), 0);
	mapped_meanwhile = unit_map(mm, 0, UPAGE, URW, UANON);
	return true;
}

/* TARGET is the highest place for a mapping of one page. */
static void up_below_target(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};
	struct quire_mm_options mo = {.size = sizeof(mo), .mmap_base = TARGET + UPAGE};

	asked = 0;
	mapped_meanwhile = 0;
	unit_port(u);
	u->port.oom = free_and_map;
	unit_machine_mm(u, &o, &mo);
	/* A table of the middle level for TARGET and its neighbours. */
	unit_store(u->mm, unit_map(u->mm, TARGET + (64 << 20), UPAGE, URW, UANON | QMAP_FIXED), 1);
}

static void fill_but(struct unit *u, uint64_t frames)
{
	uint64_t a = unit_map(u->mm, FILLER, RAM_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	struct quire_machine_stats st;

	for (quire_machine_stats(u->m, &st); st.free_frames > frames;
	     quire_machine_stats(u->m, &st), a += UPAGE)
		unit_store(u->mm, a, 1);
}

/* What mremap has unmapped may be another's by the time there is memory. */
static void move_that_has_unmapped(void **state)
{
	uint64_t out;
	struct unit u;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED);
	fill_but(&u, 0);
	assert_int_equal(
	    quire_mremap(u.mm, SOURCE, UPAGE, UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, TARGET, &out),
	    -QENOMEM);
	assert_int_equal(asked, 0);
	assert_int_equal(quire_munmap(u.mm, FILLER, RAM_PAGES * UPAGE), 0);
	assert_int_equal(unit_load(u.mm, SOURCE), 11);
	unit_down(&u);
}

/* Two mappings, whose targets lie in two tables; there is a frame for the first alone. */
static void move_half(int flags, uint64_t frames, bool moves_first)
{
	uint64_t out;
	struct unit u;

	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_store(u.mm,
		   unit_map(u.mm, SOURCE + UPAGE, UPAGE, URW | QPROT_EXEC, UANON | QMAP_FIXED), 22);
	fill_but(&u, frames);
	assert_int_equal(quire_mremap(u.mm, SOURCE, 2 * UPAGE, 2 * UPAGE,
				      flags | QMREMAP_MAYMOVE | QMREMAP_FIXED, TARGET, &out),
			 moves_first ? -QENOMEM : 0);
	assert_int_equal(asked, moves_first ? 0 : 1);
	if (moves_first)
		assert_int_equal(quire_munmap(u.mm, FILLER, RAM_PAGES * UPAGE), 0);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	assert_int_equal(unit_load(u.mm, moves_first ? SOURCE + UPAGE : TARGET + UPAGE), 22);
	unit_down(&u);
}

static void move_that_has_moved(void **state)
{
	(void)state;
	move_half(0, 1, true);
	move_half(QMREMAP_DONTUNMAP, 1, true);
}

/* Nothing has changed yet: another attempt. */
static void move_that_has_not(void **state)
{
	(void)state;
	move_half(0, 0, false);
	move_half(QMREMAP_DONTUNMAP, 0, false);
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
	    cmocka_unit_test(move_that_has_unmapped),
	    cmocka_unit_test(move_that_has_moved),
	    cmocka_unit_test(move_that_has_not),
	    cmocka_unit_test(limit_beside_a_miss),
	    cmocka_unit_test(one_frame_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
