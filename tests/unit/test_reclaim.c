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
static void machine_below_target(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};
	struct quire_mm_options mo = {.size = sizeof(mo), .mmap_base = TARGET + UPAGE};

	asked = 0;
	mapped_meanwhile = 0;
	u->port.oom = free_and_map;
	unit_machine_mm(u, &o, &mo);
	/* A table of the middle level for TARGET and its neighbours. */
	unit_store(u->mm, unit_map(u->mm, TARGET + (64 << 20), UPAGE, URW, UANON | QMAP_FIXED), 1);
}

static void up_below_target(struct unit *u)
{
	unit_port(u);
	machine_below_target(u);
}

static void fill_but(struct unit *u, uint64_t frames)
{
	uint64_t a = unit_map(u->mm, FILLER, RAM_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	struct quire_machine_stats st;

	for (quire_machine_stats(u->m, &st); st.free_frames > frames;
	     quire_machine_stats(u->m, &st), a += UPAGE)
		unit_store(u->mm, a, 1);
}

static void move_to_target(struct unit *u, uint64_t pages, int flags, int want)
{
	uint64_t out;

	assert_int_equal(quire_mremap(u->mm, SOURCE, pages * UPAGE, pages * UPAGE,
				      flags | QMREMAP_MAYMOVE | QMREMAP_FIXED, TARGET, &out),
			 want);
}

/* Room is asked for before anything is unmapped: what is mapped meanwhile stays. */
static void move_over_what_is_mapped(void **state)
{
	struct unit u;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED);
	fill_but(&u, 0);
	move_to_target(&u, 1, 0, 0);
	assert_int_equal(asked, 1);
	assert_int_not_equal(mapped_meanwhile, TARGET);
	assert_int_equal(quire_munmap(u.mm, mapped_meanwhile, UPAGE), 0);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	unit_down(&u);
}

/* The table that the target has is as good as another. */
static void move_over_what_has_a_table(void **state)
{
	struct unit u;

	(void)state;
	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_store(u.mm, unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED), 22);
	fill_but(&u, 0);
	move_to_target(&u, 1, 0, 0);
	assert_int_equal(asked, 0);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	unit_down(&u);
}

/* Frames that only wait for readers are waited for, the target being mapped. */
static void moves_over_waiting(void **state)
{
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), i);
		a = unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED);
		if (i % 2)
			unit_store(u.mm, a, 1);
		move_to_target(&u, 1, 0, 0);
		assert_int_equal(unit_load(u.mm, TARGET), i);
		assert_int_equal(quire_munmap(u.mm, TARGET, UPAGE), 0);
	}
	unit_down(&u);
}

/* Two mappings, whose targets lie in two tables, of which there is a frame for one alone: nothing
 * has moved when room is asked for. */
static void move_half(int flags, uint64_t frames)
{
	struct unit u;

	up_below_target(&u);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 11);
	unit_store(u.mm,
		   unit_map(u.mm, SOURCE + UPAGE, UPAGE, URW | QPROT_EXEC, UANON | QMAP_FIXED), 22);
	fill_but(&u, frames);
	move_to_target(&u, 2, flags, 0);
	assert_int_equal(asked, 1);
	assert_int_equal(unit_load(u.mm, TARGET), 11);
	assert_int_equal(unit_load(u.mm, TARGET + UPAGE), 22);
	unit_down(&u);
}

static void move_of_two(void **state)
{
	(void)state;
	for (uint64_t frames = 0; frames < 2; frames++) {
		move_half(0, frames);
		move_half(QMREMAP_DONTUNMAP, frames);
	}
}

/* A thread touches the source, in another table, between munmap of the target and the move. */
#define MOVED 514ull
#define TOUCHED (SOURCE + (MOVED - 1) * UPAGE)
static struct unit *unit;

static void touch_source(void *ctx, struct quire_mm *mm, void *cookie,
			 const struct quire_tlb_range *ranges, unsigned n)
{
	(void)ctx;
	(void)cookie;
	(void)ranges;
	(void)n;
	if (unit && !quire_pte(mm, TOUCHED))
		unit_store(mm, TOUCHED, 33);
}

/* Then what is unmapped is another's by the time there is memory. */
static void move_that_has_unmapped(void **state)
{
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.tlb_flush = touch_source;
	machine_below_target(&u);
	unit_store(u.mm,
		   unit_map(u.mm, SOURCE, MOVED * UPAGE, URW, UANON | QMAP_NORESERVE | QMAP_FIXED),
		   11);
	unit_load(u.mm, unit_map(u.mm, TARGET, UPAGE, URW, UANON | QMAP_FIXED));
	fill_but(&u, 3); /* a table at the target, and what the thread takes */
	unit = &u;
	move_to_target(&u, MOVED, 0, -QENOMEM);
	unit = NULL;
	assert_int_equal(asked, 0);
	assert_int_equal(quire_pte(u.mm, TARGET), 0);
	assert_int_equal(unit_load(u.mm, SOURCE), 11);
	assert_int_equal(unit_load(u.mm, TOUCHED), 33);
	unit_down(&u);
}

/* ---- on whose behalf room is asked for, and when */

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

/* ---- in the midst of another file's read_page and write_page */

static uint64_t scratch, scratch_end; /* of an embedder that needs memory to read or write */
static uint64_t victim;

static int touch_scratch(void)
{
	if (scratch == scratch_end)
		return 0;
	unit_store(unit->mm, scratch, 1);
	scratch += UPAGE;
	return 0;
}

static int read_with_scratch(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	memset(mem, (int)pgoff + 1, UPAGE);
	return touch_scratch();
}

static int write_with_scratch(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return touch_scratch();
}

static bool unmap_victim(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	(void)what;
	asked++;
	return victim && !quire_munmap(mm, victim, 64 * UPAGE) && !(victim = 0);
}

/* The page is held, by a write the file, too: frames are waited for, and room is asked for. */
static void in_callbacks(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_with_scratch,
						  .write_page = write_with_scratch};
	struct quire_file_options fo = {.size = sizeof(fo),
					.kind = QUIRE_FILE_PAGECACHE,
					.ops = &ops,
					.writable = true,
					.bytes = 32 * UPAGE};
	struct quire_file *file;
	char c = 1;
	struct unit u;

	(void)state;
	unit = &u;
	asked = 0;
	up(&u);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	scratch = unit_map(u.mm, SOURCE, 64 * UPAGE, URW, UANON | QMAP_FIXED);
	scratch_end = scratch + 64 * UPAGE;
	unit_load(u.mm, scratch);
	fill_with_deferred_tables(&u, 1);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(quire_file_read(file, 2 * i * UPAGE, &c, 1), 1);
		assert_int_equal(quire_file_write(file, (2 * i + 1) * UPAGE, &c, 1), 1);
	}
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(asked, 0);
	assert_int_equal(scratch_end - scratch, (64 - 24) * UPAGE);
	scratch = scratch_end;
	quire_file_put(file);
	unit_down(&u);
}

static void room_asked_for_in_callbacks(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_with_scratch};
	struct quire_file_options fo = {.size = sizeof(fo),
					.kind = QUIRE_FILE_PAGECACHE,
					.ops = &ops,
					.writable = true,
					.bytes = 32 * UPAGE};
	struct quire_file *file;
	char c = 1;
	struct unit u;

	(void)state;
	unit = &u;
	asked = 0;
	unit_port(&u);
	u.port.oom = unmap_victim;
	unit_machine_mm(
	    &u,
	    &(struct quire_machine_options){.size = sizeof(struct quire_machine_options),
					    .ram_bytes = RAM_PAGES * UPAGE},
	    NULL);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	victim = unit_map(u.mm, TARGET, 64 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_fill(u.mm, victim, 64 * UPAGE, 1);
	scratch = unit_map(u.mm, SOURCE, 64 * UPAGE, URW, UANON | QMAP_FIXED);
	scratch_end = scratch + 64 * UPAGE;
	unit_load(u.mm, scratch);
	fill_but(&u, 1);
	assert_int_equal(quire_file_write(file, 0, &c, 1), 1); /* its page is the last */
	assert_int_equal(asked, 1);
	scratch = scratch_end;
	quire_file_put(file);
	unit_down(&u);
}

/* ---- of what: what the fault missed, whatever others miss beside it */

#define LAST_PAGE (100000 * UPAGE) /* of a file: nothing is cached before it */
static uint64_t far_page;          /* of other's, whose table there is no frame for */
static bool fail_alloc;            /* of metadata */
static bool missed_beside;
static enum quire_memory told;

static void *alloc_or_fail(void *ctx, size_t bytes)
{
	return fail_alloc ? NULL : unit_alloc(ctx, bytes);
}

static bool note_what(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	if (mm != other) {
		asked++;
		told = what;
	}
	return false;
}

/* Others miss a table while the fault asks how long its file is. */
static uint64_t size_beside_a_miss(void *priv)
{
	if (!far_page)
		return UPAGE; /* grows before the fault, which therefore asks */
	assert_int_equal(unit_fault(other, far_page, QUIRE_READ, NULL), QUIRE_FAULT_OOM);
	missed_beside = true;
	fail_alloc = *(bool *)priv;
	return LAST_PAGE + UPAGE;
}

static int no_content(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return 0;
}

static enum quire_memory told_of(bool metadata)
{
	static const struct quire_file_ops ops = {.read_page = no_content,
						  .file_size = size_beside_a_miss};
	struct quire_file_options fo = {
	    .size = sizeof(fo), .kind = QUIRE_FILE_PAGECACHE, .ops = &ops, .priv = &metadata};
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE, .table_bytes = 16 * UPAGE};
	struct quire_file *file;
	struct quire_fault f;
	struct unit u;
	uint64_t a;

	asked = 0;
	far_page = 0;
	missed_beside = false;
	unit_port(&u);
	u.port.alloc = alloc_or_fail;
	u.port.oom = note_what;
	unit_machine_mm(&u, &o, NULL);
	assert_int_equal(quire_mm_create(u.m, NULL, &other), 0);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	a = unit_map_file(u.mm, SOURCE + 8 * UPAGE, UPAGE, QPROT_READ, QMAP_SHARED | QMAP_FIXED,
			  file, LAST_PAGE);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 1);
	far_page = unit_map(other, FILLER, 64ull << 21, URW, UANON | QMAP_NORESERVE | QMAP_FIXED);
	if (!metadata)
		fill_but(&u, 0);
	while (unit_fault(other, far_page, QUIRE_READ, NULL) == QUIRE_FAULT_OK)
		far_page += 2ull << 20;
	assert_int_equal(unit_fault(u.mm, a, QUIRE_READ, &f), QUIRE_FAULT_OOM);
	fail_alloc = false;
	far_page = 0;
	assert_int_equal(asked, 1);
	assert_true(missed_beside);
	quire_file_put(file);
	quire_mm_put(other);
	unit_down(&u);
	return told;
}

static void what_the_fault_missed(void **state)
{
	(void)state;
	assert_int_equal(told_of(false), QUIRE_MEMORY_RAM);
	assert_int_equal(told_of(true), QUIRE_MEMORY_OTHER);
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
	    cmocka_unit_test(move_over_what_is_mapped),
	    cmocka_unit_test(move_over_what_has_a_table),
	    cmocka_unit_test(moves_over_waiting),
	    cmocka_unit_test(move_of_two),
	    cmocka_unit_test(move_that_has_unmapped),
	    cmocka_unit_test(limit_beside_a_miss),
	    cmocka_unit_test(one_frame_too_few),
	    cmocka_unit_test(in_callbacks),
	    cmocka_unit_test(room_asked_for_in_callbacks),
	    cmocka_unit_test(what_the_fault_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
