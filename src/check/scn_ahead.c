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

/* ---- several pages ------------------------------------------------------------- */

#define PAGE_AT(i) (w->addr + (i)*PAGE)

/* Pages 4 to 6 are ahead, and cached. */
static void setup_three_ahead(struct world *w)
{
	map_anon(w, w->addr, 8, PROT_RW);
	for (unsigned i = 0; i < 4; i++)
		fill(w, PAGE_AT(i), 1);
	for (unsigned i = 4; i < 7; i++)
		cpu_cache(w, 0, w->mm, PAGE_AT(i));
}

static void store_sixth(struct world *w)
{
	expect(!load(w, w->mm, PAGE_AT(4)), "a new page is not of zeros");
	store(w, w->mm, PAGE_AT(5), 7);
}

static void settle_all(struct world *w)
{
	quire_settle(w->mm, 0, UINT64_MAX);
	STEP("has settled");
}

static void check_sixth(struct world *w)
{
	expect(peek(w, w->mm, PAGE_AT(5)) == 7, "a store is lost");
}

const struct scenario ahead_settle_many = {
    .name = "ahead-settle-many",
    .title = "a store to one of three pages mapped ahead against their being taken back",
    .source = "ahead.c, 3",
    .ahead = 4,
    .setup = setup_three_ahead,
    .actors = {{"store", store_sixth}, {"settle", settle_all}},
    .check = check_sixth,
    .nr_guards = 1,
    .guards = {RULE_ahead_flushed},
};

/* Pages 2 and 8 are ahead; 4, behind which another comes, lies between. */
static void setup_two_ahead(struct world *w)
{
	static const unsigned written[] = {0, 1, 4, 6, 7};

	map_anon(w, w->addr, 9, PROT_RW);
	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		fill(w, PAGE_AT(written[i]), 1);
}

static void unmap_seventh(struct world *w)
{
	must(quire_madvise(w->mm, PAGE_AT(6), PAGE, QMADV_DONTNEED), "MADV_DONTNEED");
}

static void setup_new_between(struct world *w)
{
	setup_two_ahead(w);
	unmap_seventh(w);
}

static void store_between(struct world *w)
{
	store(w, w->mm, PAGE_AT(5), 5);
	expect(!load(w, w->mm, PAGE_AT(6)), "a new page is not of zeros");
	store(w, w->mm, PAGE_AT(6), 7);
}

static void check_between(struct world *w)
{
	expect(peek(w, w->mm, PAGE_AT(5)) == 5 && peek(w, w->mm, PAGE_AT(6)) == 7,
	       "a store is lost");
}

const struct scenario ahead_settle_new = {
    .name = "ahead-settle-new",
    .title = "a page is mapped ahead among others that are being taken back",
    .source = "ahead.c, 3",
    .ahead = 4,
    .setup = setup_new_between,
    .actors = {{"store", store_between}, {"settle", settle_all}},
    .check = check_between,
    .nr_guards = 1,
    .guards = {RULE_ahead_only_closed},
};

static void unmap_all(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 3 * PAGE), "munmap");
}

static void check_no_table(struct world *w)
{
	expect_tables(w, 1);
}

const struct scenario ahead_settle_munmap = {
    .name = "ahead-settle-munmap",
    .title = "what was mapped ahead is taken back while all is unmapped",
    .source = "ahead.c",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"settle", settle}, {"munmap", unmap_all}},
    .check = check_no_table,
    .nr_guards = 1,
    .guards = {RULE_ahead_settles_locked},
};

/* ---- what is told ---------------------------------------------------------------- */

/* Zeros, so that the page tells nothing by itself. */
static void store_and_look(struct world *w)
{
	uint8_t there = 0;

	store(w, w->mm, THIRD, 0);
	quire_settle(w->mm, THIRD, PAGE);
	expect(quire_pte(w->mm, THIRD) & QUIRE_PTE_PRESENT, "a page that was used is taken back");
	must(quire_mincore(w->mm, THIRD, PAGE, &there), "mincore");
	expect(there, "a page that was stored to is told as absent");
}

static void tell(struct world *w)
{
	struct quire_mm_stats st;

	quire_mm_stats(w->mm, &st);
	expect(st.rss_anon == 2 || st.rss_anon == 3, "%llu pages are told of",
	       (unsigned long long)st.rss_anon);
}

const struct scenario ahead_told = {
    .name = "ahead-told",
    .title = "a page of zeros that was mapped ahead is used, and told of twice",
    .source = "ahead.c, 4",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"use", store_and_look}, {"stats", tell}},
    .nr_guards = 1,
    .guards = {RULE_ahead_asks_before_flush},
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
    .source = "commit 20841405940e",
    .ahead = 4,
    .setup = setup_ahead,
    .actors = {{"store", try_third}, {"mprotect", protect_third}},
    .check = check_protected,
    .nr_guards = 1,
    .guards = {RULE_flush_lost_rights},
};
