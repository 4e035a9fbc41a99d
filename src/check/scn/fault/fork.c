/* SPDX-License-Identifier: MIT */
/*
 * fork.c: fork against the parent's other threads.
 *
 * What the child finds is memory as it was at one moment of the call, and nothing changes in it
 * afterwards but by its own stores.
 */
#include "check/world/scenario.h"

#define DATA (w->addr)
#define INDEX (w->addr + PAGE)
#define THREAD 1 /* the actor that is the parent's other thread */

static void fork_now(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void store_one(struct world *w)
{
	store(w, w->mm, DATA, 1);
}

/* A page with 0 in it that the thread has just written. */
static void setup_written(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, DATA, 0);
	cpu_cache(w, THREAD, w->mm, DATA);
}

/* ---- a store in the order of fork ------------------------------------------------ */

static void fork_and_read_twice(struct world *w)
{
	uint64_t first;

	fork_now(w);
	first = load(w, w->child, DATA);
	expect(load(w, w->child, DATA) == first, "the child's memory has changed under it");
}

static void check_parent_has_one(struct world *w)
{
	expect(peek(w, w->mm, DATA) == 1, "the parent's store is lost");
}

SCENARIO(fork_store) = {
    .name = "fork-store",
    .title = "fork against a store through a cached translation",
    .source = "locking.md 9",
    .pairs = "fault × fork",
    .setup = setup_written,
    .actors = {{"fork", fork_and_read_twice}, {"thread", store_one}},
    .check = check_parent_has_one,
    .nr_guards = 2,
    .guards = {RULE_fork_flush, RULE_fork_clears_exclusive},
};

/* ---- page first, then what points to it -------------------------------------------- */

static void setup_index(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, INDEX, 0);
	cpu_cache(w, THREAD, w->mm, INDEX);
}

static void publish(struct world *w)
{
	store(w, w->mm, DATA, 1);
	store(w, w->mm, INDEX, 1);
}

static void fork_and_follow(struct world *w)
{
	fork_now(w);
	if (load(w, w->child, INDEX) == 1)
		expect(load(w, w->child, DATA) == 1,
		       "the child sees the index, not the page stored before it");
}

SCENARIO(fork_order) = {
    .name = "fork-order",
    .title = "fork against a new page and the store that publishes it",
    .source = "commit fb49c455323f",
    .pairs = "fault × fork",
    .setup = setup_index,
    .actors = {{"fork", fork_and_follow}, {"thread", publish}},
    .nr_guards = 1,
    .guards = {RULE_fork_waits},
};

/* The page is the first of its mapping: if fork finds nothing there the store waits. */
static void setup_untouched(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	must(quire_mprotect(w->mm, INDEX, PAGE, PROT_RW | QPROT_EXEC), "mprotect");
	fill(w, INDEX, 0);
	cpu_cache(w, THREAD, w->mm, INDEX);
}

SCENARIO(fork_order_first) = {
    .name = "fork-order-first",
    .title = "fork against a mapping's first page and the store that publishes it",
    .source = "identity.c, 3",
    .pairs = "fault × fork",
    .setup = setup_untouched,
    .actors = {{"fork", fork_and_follow}, {"thread", publish}},
    .nr_guards = 2,
    .guards = {RULE_fork_waits, RULE_touched_before_asked},
};

/* Both pages were there: fork flushes both. */
static void setup_both(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, DATA, 0);
	fill(w, INDEX, 0);
	cpu_cache(w, THREAD, w->mm, DATA);
	cpu_cache(w, THREAD, w->mm, INDEX);
}

SCENARIO(fork_two) = {
    .name = "fork-two",
    .title = "fork against stores to two pages through cached translations",
    .source = "locking.md 9",
    .pairs = "fault × fork",
    .setup = setup_both,
    .actors = {{"fork", fork_and_follow}, {"thread", publish}},
    .nr_guards = 2,
    .guards = {RULE_fork_flush, RULE_fork_clears_exclusive},
};

/* The page was there, shared with an earlier child: the thread copies it. */
static void setup_forked_data(struct world *w)
{
	struct quire_mm *other;

	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, DATA, 0);
	must(quire_mm_fork(w->mm, NULL, &other), "fork");
	fill(w, INDEX, 0);
	cpu_cache(w, THREAD, w->mm, INDEX);
}

SCENARIO(fork_order_copy) = {
    .name = "fork-order-copy",
    .title = "fork against the copy of a shared page and the store that publishes it",
    .source = "commit fb49c455323f",
    .pairs = "fault × fork",
    .setup = setup_forked_data,
    .actors = {{"fork", fork_and_follow}, {"thread", publish}},
    .nr_guards = 1,
    .guards = {RULE_fork_waits},
};

static void setup_shared_before(struct world *w)
{
	struct quire_mm *other;

	setup_written(w);
	must(quire_mm_fork(w->mm, NULL, &other), "fork");
}

SCENARIO(fork_copy) = {
    .name = "fork-copy",
    .title = "fork against the copy of a page shared with an earlier child",
    .source = "cow.c, 4",
    .pairs = "fault × fork",
    .setup = setup_shared_before,
    .actors = {{"fork", fork_and_read_twice}, {"thread", store_one}},
    .check = check_parent_has_one,
    .nr_guards = 1,
    .guards = {RULE_copy_asks_again},
};

/* The page is pinned: fork copies it. */
static void setup_pinned_data(struct world *w)
{
	struct quire_pin pin;

	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, DATA, 0);
	fill(w, INDEX, 0);
	must(quire_pin(w->mm, DATA, QUIRE_WRITE, &pin), "pin");
	cpu_cache(w, THREAD, w->mm, DATA);
	cpu_cache(w, THREAD, w->mm, INDEX);
}

SCENARIO(fork_order_pin) = {
    .name = "fork-order-pin",
    .title = "fork against a store to a pinned page and the one that publishes it",
    .source = "commit fb49c455323f",
    .pairs = "fault × fork",
    .setup = setup_pinned_data,
    .actors = {{"fork", fork_and_follow}, {"thread", publish}},
    .nr_guards = 1,
    .guards = {RULE_fork_flushes_pinned},
};

/* Two threads: one makes the page, the other publishes it when it is told. */
static void store_and_tell(struct world *w)
{
	store(w, w->mm, DATA, 1);
	note(w, 0, 1);
}

static void publish_if_told(struct world *w)
{
	if (noted(w, 0))
		store(w, w->mm, INDEX, 1);
}

static void setup_two_threads(struct world *w)
{
	setup_forked_data(w);
	cpu_cache(w, 2, w->mm, INDEX);
}

SCENARIO(fork_order_threads) = {
    .name = "fork-order-threads",
    .title = "fork against a thread's copy of a page that another thread publishes",
    .source = "commit fb49c455323f",
    .pairs = "fault × fork",
    .setup = setup_two_threads,
    .actors = {{"fork", fork_and_follow},
	       {"thread", store_and_tell},
	       {"publisher", publish_if_told}},
    .nr_guards = 1,
    .guards = {RULE_fork_waits},
};

/* ---- a system call's store ------------------------------------------------------------- */

static void write_one(struct world *w)
{
	const uint64_t one = 1;

	expect(quire_write(w->mm, DATA, &one, sizeof(one)) == sizeof(one), "a write fails");
}

SCENARIO(fork_write) = {
    .name = "fork-write",
    .title = "fork against a store by the embedder for the parent",
    .source = "access.c",
    .pairs = "fault × fork",
    .setup = setup_written,
    .actors = {{"fork", fork_and_read_twice}, {"write", write_one}},
    .check = check_parent_has_one,
    .nr_guards = 1,
    .guards = {RULE_fork_clears_exclusive},
};

/* ---- pins ------------------------------------------------------------------------------ */

static void write_through_pin(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, DATA, QUIRE_WRITE, &pin), "pin");
	atomic_store((uint64_t *)pin.mem, 1);
	STEP("stores 1 through the pin");
	store(w, w->mm, DATA + 8, 2);
	expect(atomic_load((uint64_t *)pin.mem + 1) == 2,
	       "the pinned page is no longer the parent's");
	quire_unpin(w->m, &pin);
}

SCENARIO(fork_pin) = {
    .name = "fork-pin",
    .title = "fork against a pin that is written through",
    .source = "commit 70e806e4e645",
    .pairs = "fault × fork",
    .setup = setup_written,
    .actors = {{"fork", fork_and_read_twice}, {"pin", write_through_pin}},
    .check = check_parent_has_one,
    .nr_guards = 1,
    .guards = {RULE_fork_copies_pinned},
};

/* ---- the other writers ------------------------------------------------------------------ */

static void unmap_data(struct world *w)
{
	must(quire_munmap(w->mm, DATA, PAGE), "munmap");
}

static void fork_only(struct world *w)
{
	fork_now(w);
}

static void fork_and_look_twice(struct world *w)
{
	uint64_t first, second;

	fork_now(w);
	if (cpu_load(w, w->child, DATA, &first) != ACCESS_OK)
		return;
	expect(cpu_load(w, w->child, DATA, &second) == ACCESS_OK && second == first,
	       "the child's memory has changed under it");
}

static void store_if_mapped(struct world *w)
{
	cpu_store(w, w->mm, DATA, 1);
}

/* All or nothing: the child has the VMA with its page, or neither. */
static void check_child_whole(struct world *w)
{
	struct quire_vma_info info;

	if (quire_vma_next(w->child, DATA, &info) || info.start != DATA)
		expect(!quire_pte(w->child, DATA), "the child has a page without a VMA");
	else
		expect(peek(w, w->child, DATA) <= 1, "the child's page is another");
}

SCENARIO(fork_munmap) = {
    .name = "fork-munmap",
    .title = "fork against munmap of what it copies, and a store there",
    .source = "locking.md, who excludes whom",
    .pairs = "map, unmap × fork",
    .setup = setup_written,
    .actors = {{"fork", fork_and_look_twice}, {"thread", store_if_mapped}, {"munmap", unmap_data}},
    .check = check_child_whole,
    .nr_guards = 2,
    .guards = {RULE_fork_flush, RULE_fork_clears_exclusive},
};

static void exit_parent(struct world *w)
{
	quire_mm_exit(w->mm);
}

static void try_fork(struct world *w)
{
	int err = quire_mm_fork(w->mm, NULL, &w->child);

	expect(!err || err == -QENOMEM, "fork failed with %d", err);
	if (!err)
		quire_mm_put(w->child);
}

SCENARIO(fork_exit) = {
    .name = "fork-exit",
    .title = "fork and the child's exit against the parent's exit",
    .source = "locking.md, who excludes whom",
    .pairs = "fork × exit",
    .setup = setup_written,
    .actors = {{"fork", try_fork}, {"exit", exit_parent}},
};

/* ---- want of memory ---------------------------------------------------------------------- */

static void try_fork_and_store(struct world *w)
{
	int err = quire_mm_fork(w->mm, NULL, &w->child);

	expect(!err || err == -QENOMEM, "fork failed with %d", err);
	if (!err)
		cpu_store(w, w->child, DATA, 2);
}

static void try_store(struct world *w)
{
	if (cpu_store(w, w->mm, DATA, 1) == ACCESS_OK)
		expect(load(w, w->mm, DATA) == 1, "the parent's store is lost");
}

SCENARIO(fork_nomem) = {
    .name = "fork-nomem",
    .title = "fork and copies on both sides, one allocation failing",
    .source = "fork.c: a failure is an exit of the child",
    .pairs = "fault × fork",
    .alloc_failures = 1,
    .setup = setup_written,
    .actors = {{"fork", try_fork_and_store}, {"thread", try_store}},
};

/* ---- truncation --------------------------------------------------------------------------- */

/* A private copy of page 0 of a file: truncation takes such copies, too. */
static void setup_private_copy(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
	fill(w, DATA, 5);
}

static void truncate_all(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
}

static void check_nothing_mapped(struct world *w)
{
	expect(!quire_pte(w->mm, DATA), "the parent maps a page beyond the end");
	expect(!quire_pte(w->child, DATA), "the child maps a page beyond the end");
}

SCENARIO(fork_truncate) = {
    .name = "fork-truncate",
    .title = "fork against truncation of a file whose private copy it copies",
    .source = "locking.md, who excludes whom (3)",
    .pairs = "fork × truncate",
    .setup = setup_private_copy,
    .actors = {{"fork", fork_only}, {"truncate", truncate_all}},
    .check = check_nothing_mapped,
};
