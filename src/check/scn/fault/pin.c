/* SPDX-License-Identifier: MIT */
/*
 * pin.c: pins for reading against forks and stores.
 *
 * A pin shows what the mm's threads store after it was taken, for as long as the page is mapped.
 */
#include "check/world/scenario.h"

#define DATA (w->addr)
#define OTHER_WORD (w->addr + 8)
#define THREAD 1 /* the actor that is the mm's other thread */

static void fork_now(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

/* Pins for reading, and has the page as long as the scenario lasts. */
static const uint64_t *pin_data(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, DATA, QUIRE_READ, &pin), "pin");
	return pin.mem;
}

static void pin_and_store(struct world *w)
{
	const uint64_t *pinned = pin_data(w);

	store(w, w->mm, DATA, 1);
	expect(atomic_load(pinned) == 1, "the pin does not show the store that came after it");
}

static void check_data(struct world *w)
{
	expect(peek(w, w->mm, DATA) == 1, "a store is lost");
}

/* ---- a fork -------------------------------------------------------------------------- */

static void setup_own(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, DATA, 0);
}

static void fork_and_read_twice(struct world *w)
{
	uint64_t first;

	fork_now(w);
	first = load(w, w->child, DATA);
	expect(load(w, w->child, DATA) == first, "the child's memory has changed under it");
}

SCENARIO(pin_read_fork) = {
    .name = "pin-read-fork",
    .title = "a pin for reading, and a store after it, against fork",
    .source = "copy.c, 2; pin.c, 1",
    .pairs = "fault × fork",
    .setup = setup_own,
    .actors = {{"fork", fork_and_read_twice}, {"pin", pin_and_store}},
    .check = check_data,
    .nr_guards = 2,
    .guards = {RULE_fork_copies_pinned, RULE_pin_unshares},
};

/* ---- a fork that has not flushed yet, and a thread that stores meanwhile ------------- */

static void setup_cached(struct world *w)
{
	setup_own(w);
	cpu_cache(w, THREAD, w->mm, DATA);
}

static void store_one(struct world *w)
{
	store(w, w->mm, DATA, 1);
	expect(load(w, w->mm, DATA) == 1, "the thread's store is lost");
}

static void pin_only(struct world *w)
{
	pin_data(w);
}

SCENARIO(pin_unshare_fork) = {
    .name = "pin-unshare-fork",
    .title = "unsharing a page for a pin against the fork that shares it, and a store",
    .source = "install.c, 3",
    .pairs = "fault × fork",
    .setup = setup_cached,
    .actors = {{"fork", fork_and_read_twice}, {"thread", store_one}, {"pin", pin_only}},
    .check = check_data,
    .nr_guards = 1,
    .guards = {RULE_unshare_waits},
};

/* ---- a write fault of another thread ------------------------------------------------- */

static void setup_shared(struct world *w)
{
	setup_own(w);
	fork_now(w);
}

static void store_other_word(struct world *w)
{
	store(w, w->mm, OTHER_WORD, 2);
	note(w, 0, 1);
}

static void check_both_words(struct world *w)
{
	check_data(w);
	expect(peek(w, w->mm, OTHER_WORD) == 2, "the other thread's store is lost");
	expect(peek(w, w->child, DATA) == 0 && peek(w, w->child, OTHER_WORD) == 0,
	       "the child sees a store of its parent");
}

SCENARIO(pin_read_store) = {
    .name = "pin-read-store",
    .title = "a pin for reading of a shared page against another thread's store to it",
    .source = "cow.c, 8",
    .pairs = "fault × fault",
    .setup = setup_shared,
    .actors = {{"pin", pin_and_store}, {"thread", store_other_word}},
    .check = check_both_words,
    .nr_guards = 1,
    .guards = {RULE_pin_unshares},
};

/* ---- a thread that reads through the old translation --------------------------------- */

static void setup_reader(struct world *w)
{
	setup_shared(w);
	cpu_cache(w, 2, w->mm, DATA);
}

static void reader_follows(struct world *w)
{
	if (noted(w, 0))
		expect(load(w, w->mm, OTHER_WORD) == 2,
		       "an old value is read after a new one was stored");
}

SCENARIO(pin_unshare_reader) = {
    .name = "pin-unshare-reader",
    .title = "unsharing a page against a store to the copy, and a reader of the old page",
    .source = "cow.c, 2 and 8",
    .pairs = "fault × fault",
    .setup = setup_reader,
    .actors = {{"pin", pin_only}, {"thread", store_other_word}, {"reader", reader_follows}},
    .nr_guards = 2,
    .guards = {RULE_cow_flush, RULE_cow_waits_for_copy},
};

/* ---- the child, which gives the page up ---------------------------------------------- */

static void setup_child_reads(struct world *w)
{
	setup_shared(w);
	cpu_cache(w, 2, w->child, DATA);
}

static void child_unmaps(struct world *w)
{
	must(quire_munmap(w->child, DATA, PAGE), "munmap");
}

/* Through a translation that the child's munmap has not flushed yet. */
static void child_reads(struct world *w)
{
	uint64_t got;

	if (cpu_load(w, w->child, DATA, &got) == ACCESS_OK)
		expect(got == 0, "the child reads what the parent has stored");
}

SCENARIO(pin_unshare_child) = {
    .name = "pin-unshare-child",
    .title = "a pin for reading, and a store after it, against the child's munmap of the page",
    .source = "cow.c, 1 and 8",
    .pairs = "fault × map, unmap",
    .setup = setup_child_reads,
    .actors = {{"pin", pin_and_store}, {"munmap", child_unmaps}, {"child", child_reads}},
    .check = check_data,
    .nr_guards = 2,
    .guards = {RULE_pin_unshares, RULE_cow_counts_references},
};

/* ---- a thread that has decided to copy the page, when it is left alone on it --------- */

static void pin_and_tell(struct world *w)
{
	note(w, 1, (uint64_t)(uintptr_t)pin_data(w));
}

static void check_pin_shows_the_store(struct world *w)
{
	const uint64_t *pinned = (const uint64_t *)(uintptr_t)noted(w, 1);

	expect(peek(w, w->mm, OTHER_WORD) == 2, "the thread's store is lost");
	expect(atomic_load(pinned + 1) == 2, "the pinned page is no longer the mm's");
}

SCENARIO(pin_unshare_copy) = {
    .name = "pin-unshare-copy",
    .title = "a pin for reading against a thread that is copying the page, and munmap",
    .source = "cow.c, 8",
    .pairs = "fault × fault",
    .setup = setup_shared,
    .actors = {{"thread", store_other_word}, {"munmap", child_unmaps}, {"pin", pin_and_tell}},
    .check = check_pin_shows_the_store,
    .nr_guards = 2,
    .guards = {RULE_pin_unshares, RULE_cow_counts_references},
};
