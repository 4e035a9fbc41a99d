/* SPDX-License-Identifier: MIT */
/*
 * memory.c: memory that is on its way back, and the end of a file, which gives it back.
 *
 * When the call has returned that gave memory up, a thread that knows of this finds the memory:
 * none is told that it is out.
 */
#include "check/world/scenario.h"

#define HOG (w->addr + 64 * PAGE) /* what fills the rest of RAM */
#define WANTED (w->addr + 32 * PAGE)

static void fill_up(struct world *w)
{
	map_anon(w, WANTED, 1, PROT_RW);
	fill_ram(w, HOG, 0);
}

static void map_shared_anon(struct world *w)
{
	must(quire_mmap(w->mm, w->addr, 2 * PAGE, PROT_RW,
			QMAP_SHARED | QMAP_ANONYMOUS | QMAP_FIXED, NULL, 0, &w->v[1]),
	     "mmap");
}

static void setup_shared_anon(struct world *w)
{
	map_shared_anon(w);
	fill(w, w->addr, 5);
	fill(w, w->addr + PAGE, 6);
	fill_up(w);
}

static void unmap_and_say(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
	note(w, 0, 1);
}

static void store_when_told(struct world *w)
{
	uint64_t given_up = noted(w, 0);
	enum access_result r = cpu_store(w, w->mm, WANTED, 7);

	expect(r == ACCESS_OK || (r == ACCESS_OOM && !given_up), "the store gives %d", r);
}

/* Holds up what waits for readers. */
static void read_something(struct world *w)
{
	struct quire_port port;

	sched_port(&port);
	port.rcu_read_lock(port.ctx);
	STEP(noted(w, 0) ? "reads, after memory was given up" : "reads");
	port.rcu_read_unlock(port.ctx);
}

SCENARIO(memory_munmap) = {
    .name = "memory-munmap",
    .title = "memory is out, against munmap of shared memory that nobody else has",
    .source = "reclaim.c, 1",
    .pairs = "fault × map, unmap",
    .setup = setup_shared_anon,
    .actors = {{"thread", store_when_told}, {"munmap", unmap_and_say}, {"reader", read_something}},
    .nr_guards = 1,
    .guards = {RULE_waiting_frames_awaited},
};

/* ---- counted, and not queued yet ---------------------------------------------------------- */

#define FAR (w->addr + 1024 * PAGE) /* under another table */

static void setup_empty_table(struct world *w)
{
	map_anon(w, FAR, 1, PROT_RW);
	expect(!quire_fault(w->mm, FAR, QUIRE_READ, NULL), "a read fault fails");
	fill_up(w);
}

static void unmap_far(struct world *w)
{
	must(quire_munmap(w->mm, FAR, PAGE), "munmap");
}

static void store_if_some_wait(struct world *w)
{
	struct quire_machine_stats st;
	enum access_result r;

	quire_machine_stats(w->m, &st);
	r = cpu_store(w, w->mm, WANTED, 7);
	expect(r == ACCESS_OK || !st.waiting_frames, "the store gives %d, and frames are waiting",
	       r);
}

SCENARIO(memory_table) = {
    .name = "memory-table",
    .title = "memory is out, against munmap that is about to leave a table to RCU",
    .source = "reclaim.c, 8",
    .pairs = "fault × map, unmap",
    .setup = setup_empty_table,
    .actors = {{"thread", store_if_some_wait}, {"munmap", unmap_far}},
    .nr_guards = 1,
    .guards = {RULE_counted_frames_awaited},
};

/* ---- exit, truncation --------------------------------------------------------------------- */

static void exit_and_say(struct world *w)
{
	quire_mm_exit(w->child);
	note(w, 0, 1);
}

/* The child alone has the shared memory. */
static void setup_child(struct world *w)
{
	map_shared_anon(w);
	fill(w, w->addr, 5);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
	fill_up(w);
}

SCENARIO(memory_exit) = {
    .name = "memory-exit",
    .title = "memory is out, against the exit of the address space that has it",
    .source = "reclaim.c, 1",
    .pairs = "fault × exit",
    .setup = setup_child,
    .actors = {{"thread", store_when_told}, {"exit", exit_and_say}, {"reader", read_something}},
    .nr_guards = 1,
    .guards = {RULE_waiting_frames_awaited},
};

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	fill_up(w);
}

static void truncate_and_say(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
	note(w, 0, 1);
}

SCENARIO(memory_truncate) = {
    .name = "memory-truncate",
    .title = "memory is out, against truncation of shared memory",
    .source = "reclaim.c, 1",
    .pairs = "fault × truncate",
    .setup = setup_file,
    .actors = {{"thread", store_when_told},
	       {"truncate", truncate_and_say},
	       {"reader", read_something}},
    .nr_guards = 1,
    .guards = {RULE_waiting_frames_awaited},
};

/* ---- the last reference on a file -------------------------------------------------------- */

static void setup_only_mapping(struct world *w)
{
	map_shared_anon(w);
	fill(w, w->addr + PAGE, 6);
}

static void store_first(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

static void unmap_first_two(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
}

SCENARIO(memory_last) = {
    .name = "memory-last",
    .title = "a fault that adds a page to shared memory against the last munmap of it",
    .source = "file.c, 3",
    .pairs = "fault × map, unmap",
    .setup = setup_only_mapping,
    .actors = {{"fault", store_first}, {"munmap", unmap_first_two}},
    .nr_guards = 1,
    .guards = {RULE_dead_file_takes_no_page},
};

/* ---- a size that is the embedder's ------------------------------------------------------- */

#define SIZE 3 /* note: its size, in pages; FILE_SIZE: when its truncation has returned */

static uint64_t size_of(void *priv)
{
	struct world *w = priv;

	if (w->io_gated)
		io_wait(w);
	return noted(w, SIZE) * PAGE;
}

static int read_sized(void *priv, uint64_t pgoff, void *mem)
{
	struct world *w = priv;

	expect(pgoff < noted(w, FILE_SIZE), "page %llu is read beyond the end",
	       (unsigned long long)pgoff);
	atomic_store((uint64_t *)mem, pgoff + 1);
	return 0;
}

/* The core knows of one page; there are two. */
static void setup_grown(struct world *w)
{
	static const struct quire_file_ops ops = {.read_page = read_sized, .file_size = size_of};
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = w};

	o.kind = QUIRE_FILE_PAGECACHE;
	o.writable = true;
	note(w, SIZE, 1);
	must(quire_file_create(w->m, &o, &w->file), "file");
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	note(w, SIZE, 2);
	note(w, FILE_SIZE, 2);
}

static void load_second(struct world *w)
{
	uint64_t value = 0;
	enum access_result r = cpu_load(w, w->mm, w->addr + PAGE, &value);

	expect(r == ACCESS_BUS || (r == ACCESS_OK && value == 2), "the load gives %d, %llu", r,
	       (unsigned long long)value);
}

static void cut(struct world *w)
{
	note(w, SIZE, 1);
	must(quire_file_truncate(w->file, PAGE), "truncate");
	note(w, FILE_SIZE, 1);
}

static void check_cut(struct world *w)
{
	expect(quire_fault(w->mm, w->addr + PAGE, QUIRE_READ, NULL) == QUIRE_FAULT_BUS,
	       "there is a page beyond the end");
}

SCENARIO(size_truncate) = {
    .name = "size-truncate",
    .title = "a fault that asks how long the file is against truncation of it",
    .source = "file.c, 4",
    .pairs = "fault × truncate",
    .setup = setup_grown,
    .actors = {{"fault", load_second}, {"truncate", cut}},
    .check = check_cut,
};

/* The callback waits for a lock that its embedder holds over a truncation. */
static void setup_grown_gated(struct world *w)
{
	setup_grown(w);
	io_gate(w);
}

static void cut_then_allow(struct world *w)
{
	cut(w);
	io_allow(w);
}

SCENARIO(size_lock) = {
    .name = "size-lock",
    .title = "a fault that asks how long the file is, the answer waiting for a truncation",
    .source = "file.c, 4",
    .pairs = "fault × truncate",
    .setup = setup_grown_gated,
    .actors = {{"fault", load_second}, {"truncate", cut_then_allow}},
    .check = check_cut,
};

static void write_second(struct world *w)
{
	uint64_t value = 8;
	int64_t n = quire_file_write(w->file, PAGE, &value, sizeof(value));

	expect(n == sizeof(value) || n == -QEFBIG, "the write gives %lld", (long long)n);
}

SCENARIO(size_lock_write) = {
    .name = "size-lock-write",
    .title = "a write that asks how long the file is, the answer waiting for a truncation",
    .source = "file.c, 4",
    .pairs = "truncate × read, write",
    .setup = setup_grown_gated,
    .actors = {{"write", write_second}, {"truncate", cut_then_allow}},
    .check = check_cut,
};

/* And nobody has asked yet. */
static void setup_short(struct world *w)
{
	setup_grown(w);
	note(w, SIZE, 1);
}

static void ask_size(struct world *w)
{
	quire_file_size(w->file);
}

static void grow_and_load(struct world *w)
{
	uint64_t value = 0;
	enum access_result r;

	note(w, SIZE, 2);
	r = cpu_load(w, w->mm, w->addr + PAGE, &value);
	expect(r == ACCESS_OK && value == 2,
	       "the file was made longer, and the load gives %d, %llu", r,
	       (unsigned long long)value);
}

static void grow_and_write(struct world *w)
{
	uint64_t value = 8;
	int64_t n;

	note(w, SIZE, 2);
	n = quire_file_write(w->file, PAGE, &value, sizeof(value));
	expect(n == sizeof(value), "the file was made longer, and the write gives %lld",
	       (long long)n);
}

SCENARIO(size_grow_write) = {
    .name = "size-grow-write",
    .title = "and a write against that",
    .source = "file.c, 4",
    .pairs = "truncate × read, write",
    .setup = setup_short,
    .actors = {{"ask", ask_size}, {"grow", grow_and_write}},
    .nr_guards = 1,
    .guards = {RULE_size_of_no_other_time},
};

SCENARIO(size_grow) = {
    .name = "size-grow",
    .title = "a thread that asked for the size before the file grew notes it late",
    .source = "file.c, 4",
    .pairs = "fault × truncate",
    .setup = setup_short,
    .actors = {{"ask", ask_size}, {"grow", grow_and_load}},
};
