/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_race.c: threads take huge pages, give them back, promise them and break the promise,
 * while others change what the pool's size is to be and which surplus is allowed.  Run it under the
 * sanitizers, too.
 *
 * While it runs:
 *   1  A page that is taken is one thread's alone: what it stored there is there yet.
 *   2  Who has a promise gets a page.
 *   3  What is told of the pool fits together: R <= F <= T, S <= T.
 *
 * At the end quire_verify() is clean and the pool is as large as was said last.
 *
 * QUIRE_RACE_MS sets the length (400); QUIRE_RACE_SEED the random numbers.
 */
#include "hugetlb.h"
#include "stress.h"

#include <pthread.h>

#define USERS 3
#define SIZERS 2
#define THREADS (USERS + SIZERS)
#define HELD 6

struct shared {
	struct unit u;
	uint64_t until, seed;
	uint64_t taken, promised, refused; /* A: how often */
};

struct thread {
	struct shared *s;
	unsigned id;
	uint64_t rnd;
	struct folio *held[HELD];
	uint64_t n, promised;
};

static uint64_t rnd(struct thread *t, uint64_t below)
{
	return next_random(&t->rnd, below);
}

static bool going(const struct shared *s)
{
	return now_ms() < s->until || !__atomic_load_n(&s->taken, __ATOMIC_RELAXED) ||
	       !__atomic_load_n(&s->promised, __ATOMIC_RELAXED) ||
	       !__atomic_load_n(&s->refused, __ATOMIC_RELAXED);
}

static void count(uint64_t *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

/* Its first word and its last. */
static volatile uint64_t *word(struct thread *t, struct folio *f, bool last)
{
	uint64_t *words = folio_addr(t->s->u.m, f);

	return last ? words + 2 * MIB / 8 - 1 : words;
}

static void take_one(struct thread *t)
{
	bool promised = t->promised && rnd(t, 2);
	struct huge_want w = {.nodes = ~0ull,
			      .from = (unsigned)rnd(t, 2),
			      .how = promised    ? HUGE_RESERVED
				     : rnd(t, 4) ? 0
						 : HUGE_POOL_ONLY};
	struct folio *f;

	if (t->n == HELD)
		return;
	f = hugetlb_take(t->s->u.m, pool_2m(&t->s->u), &w);
	CHECK(f || !promised);
	count(f ? &t->s->taken : &t->s->refused);
	if (!f)
		return;
	CHECK(f->refs == 1 && f->mapcount == 0);
	*word(t, f, false) = *word(t, f, true) = t->id + 1;
	t->held[t->n++] = f;
	t->promised -= promised;
}

static void give_one(struct thread *t)
{
	uint64_t i;
	struct folio *f;

	if (!t->n)
		return;
	i = rnd(t, t->n);
	f = t->held[i];
	t->held[i] = t->held[--t->n];
	CHECK(*word(t, f, false) == t->id + 1 && *word(t, f, true) == t->id + 1);
	if (rnd(t, 4) == 0) {
		promise_again(f);
		t->promised++;
	}
	folio_put(t->s->u.m, f);
}

static void promise(struct thread *t)
{
	uint64_t n = rnd(t, 4);

	if (t->promised > 4)
		return;
	if (hugetlb_reserve(t->s->u.m, pool_2m(&t->s->u), n, ~0ull, NULL)) {
		count(&t->s->refused);
		return;
	}
	t->promised += n;
	count(&t->s->promised);
}

static void break_promise(struct thread *t)
{
	uint64_t n = rnd(t, t->promised + 1);

	hugetlb_unreserve(t->s->u.m, pool_2m(&t->s->u), n);
	t->promised -= n;
}

static void *use(void *arg)
{
	struct thread *t = arg;

	while (going(t->s)) {
		switch (rnd(t, 6)) {
		case 0:
			promise(t);
			break;
		case 1:
			break_promise(t);
			break;
		case 2:
		case 3:
			take_one(t);
			break;
		default:
			give_one(t);
		}
	}
	while (t->n)
		give_one(t);
	hugetlb_unreserve(t->s->u.m, pool_2m(&t->s->u), t->promised);
	return NULL;
}

static void expect_sane(struct unit *u)
{
	struct quire_hugetlb_info i;

	CHECK(!quire_hugetlb_info(u->m, QUIRE_HUGE_2M, QUIRE_ALL_NODES, &i));
	CHECK(i.reserved <= i.free && i.free <= i.total && i.surplus <= i.total);
}

static void *size(void *arg)
{
	struct thread *t = arg;
	struct unit *u = &t->s->u;

	while (going(t->s)) {
		uint64_t n = rnd(t, 12);

		switch (rnd(t, 3)) {
		case 0:
			CHECK(!quire_hugetlb_resize(u->m, QUIRE_HUGE_2M, 3, n));
			break;
		case 1:
			CHECK(!quire_hugetlb_resize_node(u->m, QUIRE_HUGE_2M, (unsigned)rnd(t, 2),
							 n));
			break;
		default:
			CHECK(!quire_hugetlb_set_overcommit(u->m, QUIRE_HUGE_2M, n));
		}
		expect_sane(u);
	}
	return NULL;
}

static void test_race(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 48 * MIB, .nodes = 2};
	struct thread threads[THREADS];
	pthread_t tids[THREADS];
	struct shared s = {.seed = env_or("QUIRE_RACE_SEED", 1)};

	(void)state;
	unit_up_machine(&s.u, &opts);
	own_promises(&s.u);
	s.until = now_ms() + env_or("QUIRE_RACE_MS", 400);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){.s = &s, .id = i, .rnd = s.seed * 1000003 + i + 1};
		assert_int_equal(
		    pthread_create(&tids[i], NULL, i < USERS ? use : size, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(tids[i], NULL);
	unit_verify(&s.u);
	resize(&s.u, QUIRE_HUGE_2M, 5);
	expect_pool(&s.u, 5, 5, 0, 0);
	pools_down(&s.u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_race)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
