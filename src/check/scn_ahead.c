/* SPDX-License-Identifier: MIT */
/*
 * scn_ahead.c: pages mapped ahead of a writer (ahead.c): their use against their being taken back.
 *
 * Two pages written one after the other have the third mapped.  The executor of CPU 0 has its
 * translation, as one that fills several at once has, and has not used it.
 */
#include "scenario.h"

#define SECOND (w->addr + PAGE)
#define THIRD (w->addr + 2 * PAGE)

enum { STORED = 1, GONE };

static void setup_first(struct world *w)
{
	map_anon(w, w->addr, 3, PROT_RW);
	fill(w, w->addr, 1);
}

static void setup_ahead(struct world *w)
{
	setup_first(w);
	fill(w, SECOND, 1);
	expect(quire_pte(w->mm, THIRD) & QUIRE_PTE_AHEAD, "nothing is mapped ahead");
	cpu_cache(w, 0, w->mm, THIRD);
}

static void store_third(struct world *w)
{
	store(w, w->mm, THIRD, 7);
	expect(load(w, w->mm, THIRD) == 7, "a store is lost at once");
}

static void settle(struct world *w)
{
	quire_settle(w->mm, w->addr, 3 * PAGE);
	STEP("has settled");
}

static void check_third(struct world *w)
{
	expect(peek(w, w->mm, THIRD) == 7, "a store is lost");
}

const struct scenario ahead_settle_store = {
    .name = "ahead-settle",
    .title = "a store to a page that was mapped ahead against its being taken back",
    .source = "ahead.c, 3",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"store", store_third}, {"settle", settle}},
    .check = check_third,
    .nr_guards = 3,
    .guards = {RULE_ahead_closed, RULE_ahead_flushed, RULE_ahead_content},
};

/* ---- the core's own uses -------------------------------------------------------- */

static void settle_and_tell(struct world *w)
{
	settle(w);
	note(w, GONE, 1);
}

static void pin_and_store(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, THIRD, QUIRE_WRITE, &pin), "pin");
	noted(w, GONE); /* what makes a decision of this moment */
	at_store((uint64_t *)pin.mem, 7);
	STEP("stores 7 through the pin");
	expect(load(w, w->mm, THIRD) == 7, "what was stored through a pin is not there");
	quire_unpin(w->m, &pin);
}

const struct scenario ahead_settle_pin = {
    .name = "ahead-settle-pin",
    .title = "a page that was mapped ahead is pinned while it may be taken back",
    .source = "ahead.c, 1",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"pin", pin_and_store}, {"settle", settle_and_tell}},
    .check = check_third,
    .nr_guards = 1,
    .guards = {RULE_use_takes_mark},
};

static void write_third(struct world *w)
{
	uint64_t value = 7;

	expect(quire_write(w->mm, THIRD, &value, sizeof(value)) == sizeof(value),
	       "%#llx is not writable", (unsigned long long)THIRD);
}

const struct scenario ahead_settle_write = {
    .name = "ahead-settle-write",
    .title = "the core writes to a page that was mapped ahead while it may be taken back",
    .source = "ahead.c, 1",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"write", write_third}, {"settle", settle}, {"settle'", settle}},
    .check = check_third,
};

/* ---- the fault that maps ahead -------------------------------------------------- */

static void store_second(struct world *w)
{
	store(w, w->mm, SECOND, 5);
}

static void check_both(struct world *w)
{
	expect(peek(w, w->mm, SECOND) == 5, "the first thread's store is lost");
	check_third(w);
}

const struct scenario ahead_faults = {
    .name = "ahead-faults",
    .title = "a page is mapped ahead while another thread faults on it",
    .source = "ahead.c, 1",
    .ahead = 4,
    .setup = setup_first,
    .actors = {{"store", store_second}, {"ahead", store_third}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_ahead_into_holes},
};

static void unmap_third(struct world *w)
{
	must(quire_munmap(w->mm, THIRD, PAGE), "munmap");
}

const struct scenario ahead_munmap = {
    .name = "ahead-munmap",
    .title = "a page is mapped ahead while it is unmapped",
    .source = "message 004",
    .ahead = 4,
    .setup = setup_first,
    .actors = {{"store", store_second}, {"munmap", unmap_third}},
    .nr_guards = 1,
    .guards = {RULE_vma_dead_check},
};

/* ---- what settles by itself ----------------------------------------------------- */

static void store_in_order(struct world *w)
{
	store(w, w->mm, SECOND, 5);
	store(w, w->mm, THIRD, 7);
}

static void fork_child(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static uint64_t child_word(struct world *w, uint64_t addr)
{
	return quire_pte(w->child, addr) & QUIRE_PTE_PRESENT ? peek(w, w->child, addr) : 0;
}

static void check_order(struct world *w)
{
	uint64_t third = child_word(w, THIRD), second = child_word(w, SECOND);

	expect(third == 0 || (third == 7 && second == 5),
	       "the child has the later store without the earlier");
	expect(!(quire_pte(w->child, THIRD) & QUIRE_PTE_AHEAD), "a child has a page ahead of use");
	check_both(w);
}

const struct scenario ahead_fork = {
    .name = "ahead-fork",
    .title = "a page is mapped ahead and written while the mm forks",
    .source = "commit fb49c455323f; ahead.c, 1",
    .ahead = 4,
    .setup = setup_first,
    .actors = {{"store", store_in_order}, {"fork", fork_child}},
    .check = check_order,
    .nr_guards = 1,
    .guards = {RULE_fork_flush},
};

static void protect_third(struct world *w)
{
	must(quire_mprotect(w->mm, THIRD, PAGE, PROT_R), "mprotect");
	note(w, GONE, 1);
}

static void try_third(struct world *w)
{
	bool gone = noted(w, GONE);
	enum access_result r = cpu_store(w, w->mm, THIRD, 7);

	expect(!gone || r == ACCESS_SEGV, "a store succeeds after mprotect has returned");
	note(w, STORED, r == ACCESS_OK);
}

static void check_protected(struct world *w)
{
	expect(!w->v[STORED] || peek(w, w->mm, THIRD) == 7, "a store is lost");
}

const struct scenario ahead_mprotect = {
    .name = "ahead-mprotect",
    .title = "a store to a page that was mapped ahead against mprotect of it",
    .source = "commit 20841405940e; ahead.c, 3",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"store", try_third}, {"mprotect", protect_third}},
    .check = check_protected,
    .nr_guards = 1,
    .guards = {RULE_ahead_content},
};
