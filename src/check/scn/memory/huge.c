/* SPDX-License-Identifier: MIT */
/*
 * huge.c: pools of huge pages: those who take a page, who are promised some, and who change the
 * pool's size.
 *
 * What an actor has at the end is in its notes: check() gives it back.
 */
#include "check/scn/memory/huge_world.h"

#define FRAMES 1600u /* two huge pages, and room for the world */

#define HAS 0      /* + the actor: the frame number of its page; 0: none */
#define PROMISED 4 /* + the actor: what it is promised yet */

/* True: the actor has a page. */
static bool take(struct world *w, unsigned how)
{
	struct huge_want want = {.nodes = 1, .how = how};
	struct folio *f = hugetlb_take(w->m, pool(w), &want);

	if (!f)
		return false;
	STEP("has huge page %u", folio_pfn(w->m, f));
	note(w, HAS + sched_self(), folio_pfn(w->m, f));
	return true;
}

static bool reserve(struct world *w, uint64_t n)
{
	if (hugetlb_reserve(w->m, pool(w), n, 1, NULL))
		return false;
	note(w, PROMISED + sched_self(), n);
	return true;
}

static void take_any(struct world *w)
{
	take(w, 0);
}

/* Who has a promise gets a page. */
static void reserve_and_take(struct world *w)
{
	if (!reserve(w, 1))
		return;
	expect(take(w, HUGE_RESERVED), "a page that was promised is not to be had");
	note(w, PROMISED + sched_self(), 0);
}

static void reserve_two(struct world *w)
{
	reserve(w, 2);
}

static unsigned owners(struct world *w)
{
	return (noted(w, HAS) ? 1u : 0) + (noted(w, HAS + 1) ? 1u : 0);
}

/* All comes back; what is wrong then, verify says. */
static void end(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		if (noted(w, HAS + i))
			folio_put(w->m, pfn_folio(w->m, noted(w, HAS + i)));
		hugetlb_unreserve(w->m, pool(w), noted(w, PROMISED + i));
	}
	expect(pool_info(w).reserved == 0, "%llu pages are promised to nobody",
	       (unsigned long long)pool_info(w).reserved);
}

/* ---- the last page ------------------------------------------------------------------ */

static void setup_one(struct world *w)
{
	w->m->huge.accounts = NULL; /* the actors' promises are their own */
	pool_resize(w, 1);
}

static void check_one_owner(struct world *w)
{
	expect(pool_info(w).reserved <= pool_info(w).free, "more is promised than is free");
	expect(owners(w) == 1, "%u have the one page", owners(w));
	end(w);
	expect(pool_info(w).total == 1 && pool_info(w).free == 1, "a page is lost");
}

SCENARIO(huge_last) = {
    .name = "huge-last",
    .title = "a fault without a reservation against one that has it, for the last huge page",
    .source = "pool.c, 1",
    .pairs = "fault × map, unmap",
    .frames = FRAMES,
    .setup = setup_one,
    .actors = {{"fault", take_any}, {"map", reserve_and_take}},
    .check = check_one_owner,
    .nr_guards = 1,
    .guards = {RULE_huge_page_asked_again},
};

SCENARIO(huge_last_two) = {
    .name = "huge-last-two",
    .title = "two faults without a reservation, for the last huge page",
    .source = "pool.c, 1",
    .pairs = "fault × fault",
    .frames = FRAMES,
    .setup = setup_one,
    .actors = {{"fault", take_any}, {"fault", take_any}},
    .check = check_one_owner,
};

/* ---- surplus ------------------------------------------------------------------------ */

static void setup_surplus(struct world *w)
{
	w->m->huge.accounts = NULL; /* the actors' promises are their own */
	must(quire_hugetlb_set_overcommit(w->m, QUIRE_HUGE_2M, 1), "overcommit");
}

static void check_surplus(struct world *w)
{
	expect(pool_info(w).surplus <= 1, "more surplus pages than are allowed");
	expect(owners(w) == 1, "%u have the one page that is allowed", owners(w));
	end(w);
	expect(pool_info(w).total == 0, "a surplus page stays that nobody has");
}

SCENARIO(huge_surplus) = {
    .name = "huge-surplus",
    .title = "two faults that each make a surplus page, of which one is allowed",
    .source = "pool.c, 2",
    .pairs = "fault × fault",
    .bound = 1, /* the frames of a page that both have are all shared words */
    .frames = FRAMES,
    .setup = setup_surplus,
    .actors = {{"fault", take_any}, {"fault", take_any}},
    .check = check_surplus,
    .nr_guards = 1,
    .guards = {RULE_surplus_asked_again},
};

/* One is free, and one may be made. */
static void setup_promise(struct world *w)
{
	w->m->huge.accounts = NULL; /* the actors' promises are their own */
	pool_resize(w, 1);
	must(quire_hugetlb_set_overcommit(w->m, QUIRE_HUGE_2M, 1), "overcommit");
}

static void check_promise(struct world *w)
{
	expect(pool_info(w).reserved <= pool_info(w).free, "more is promised than is free");
	end(w);
	expect(pool_info(w).total == 1 && pool_info(w).free == 1,
	       "a page is lost, or a surplus one stays");
}

SCENARIO(huge_promise) = {
    .name = "huge-promise",
    .title = "a mapping is promised two pages, of which one must be made; a fault takes one",
    .source = "pool.c, 3",
    .pairs = "fault × map, unmap",
    .alloc_failures = 1,
    .frames = FRAMES,
    .setup = setup_promise,
    .actors = {{"map", reserve_two}, {"fault", take_any}},
    .check = check_promise,
    .nr_guards = 1,
    .guards = {RULE_promise_asked_again},
};

/* ---- resize ------------------------------------------------------------------------- */

static void setup_two(struct world *w)
{
	w->m->huge.accounts = NULL; /* the actors' promises are their own */
	pool_resize(w, 2);
}

static void resize_to_none(struct world *w)
{
	pool_resize(w, 0);
}

static void check_none(struct world *w)
{
	expect(pool_info(w).reserved <= pool_info(w).free, "more is promised than is free");
	expect(pool_info(w).surplus == pool_info(w).total, "the pool is larger than was asked for");
	end(w);
	expect(pool_info(w).total == 0, "a surplus page stays that nobody has");
}

SCENARIO(huge_resize_map) = {
    .name = "huge-resize-map",
    .title = "a pool gets smaller while a mapping is promised its pages",
    .source = "resize.c, 1",
    .pairs = "a resize of huge pages × map, unmap",
    .frames = FRAMES,
    .setup = setup_two,
    .actors = {{"resize", resize_to_none}, {"map", reserve_two}},
    .check = check_none,
    .nr_guards = 1,
    .guards = {RULE_shrink_asks_each},
};

SCENARIO(huge_resize_fault) = {
    .name = "huge-resize-fault",
    .title = "a pool gets smaller while a page is taken from it",
    .source = "resize.c, 1",
    .pairs = "a resize of huge pages × fault",
    .frames = FRAMES,
    .setup = setup_two,
    .actors = {{"resize", resize_to_none}, {"fault", reserve_and_take}},
    .check = check_none,
};

static bool is_promised_again(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	(void)m;
	(void)h;
	(void)f;
	return true;
}

/* Of the second actor's, with a promise that it is to come back with. */
static void setup_taken(struct world *w)
{
	static const struct huge_accounts restored = {.freed = is_promised_again};
	struct huge_want want = {.nodes = 1};
	struct folio *f;

	w->m->huge.accounts = &restored; /* the actors' promises are their own */
	pool_resize(w, 1);
	f = hugetlb_take(w->m, pool(w), &want);
	expect(f, "no page");
	note(w, HAS, folio_pfn(w->m, f));
}

static void give_back(struct world *w)
{
	struct folio *f = pfn_folio(w->m, noted(w, HAS));

	note(w, HAS, 0);
	note(w, PROMISED, 1);
	folio_put(w->m, f);
}

SCENARIO(huge_resize_give) = {
    .name = "huge-resize-give",
    .title = "a pool gets smaller while a page comes back that is promised again",
    .source = "resize.c, 1; pool.c, 4",
    .pairs = "a resize of huge pages × exit",
    .frames = FRAMES,
    .setup = setup_taken,
    .actors = {{"resize", resize_to_none}, {"exit", give_back}},
    .check = check_none,
};
