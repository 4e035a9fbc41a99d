/* SPDX-License-Identifier: MIT */
/*
 * test_recycle.c: what edits take out serves the next ones, goes back when memory is wanted, and is
 * not used while a reader may be in it.
 */
#include <pthread.h>

#include "core/base/mm_types.h"
#include "unit.h"

#define MOST_KEPT (512u << 10)
#define LOOPS 5000u

struct recycle_test {
	struct unit u; /* first: the port's ctx */
	uint64_t allocations;
	int64_t limit; /* of u.outstanding; 0: none */
};

static void *count_alloc(void *ctx, size_t bytes)
{
	struct recycle_test *t = ctx;

	if (t->limit && t->u.outstanding + (int64_t)bytes > t->limit)
		return NULL;
	__atomic_add_fetch(&t->allocations, 1, __ATOMIC_RELAXED);
	return unit_alloc(ctx, bytes);
}

static int up(void **state)
{
	struct recycle_test *t = calloc(1, sizeof(*t));

	unit_port(&t->u);
	t->u.port.alloc = count_alloc;
	unit_machine_mm(&t->u, NULL, NULL);
	*state = t;
	return 0;
}

static void map_unmap(struct quire_mm *mm, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(quire_munmap(mm, unit_map(mm, 0, UPAGE, URW, UANON), UPAGE), 0);
}

static uint64_t kept(struct unit *u)
{
	return unit_stats(u->m).kmem_bytes;
}

static void test_used_again(void **state)
{
	struct recycle_test *t = *state;
	uint64_t before;

	map_unmap(t->u.mm, 100);
	before = t->allocations;
	map_unmap(t->u.mm, LOOPS);
	assert_int_equal(t->allocations, before);
}

/* ---- a reader that stays */

struct reader {
	struct unit *u;
	pthread_barrier_t in, out;
};

static void *stay(void *arg)
{
	struct reader *r = arg;
	struct quire_port *port = &r->u->port;

	port->rcu_read_lock(port->ctx);
	pthread_barrier_wait(&r->in);
	pthread_barrier_wait(&r->out);
	port->rcu_read_unlock(port->ctx);
	return NULL;
}

static void test_reader_stays(void **state)
{
	struct recycle_test *t = *state;
	struct reader r = {.u = &t->u};
	uint64_t before = kept(&t->u);
	struct recycle *c = &t->u.mm->recycle, seen;
	pthread_t thread;

	pthread_barrier_init(&r.in, NULL, 2);
	pthread_barrier_init(&r.out, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, stay, &r), 0);
	pthread_barrier_wait(&r.in);
	map_unmap(t->u.mm, LOOPS);
	seen = *c;
	pthread_barrier_wait(&r.out);
	pthread_join(thread, NULL);
	/* What was taken out while the reader was there is not ready. */
	assert_in_range(seen.ready.nr_vmas + seen.ready.nr_nodes, 0, 2); /* never published */
	assert_in_range(seen.young.nr_vmas + seen.old.nr_vmas, 1, 500);
	assert_in_range(seen.young.nr_nodes + seen.old.nr_nodes, 1, 500);
	t->u.port.rcu_barrier(t->u.port.ctx);
	map_unmap(t->u.mm, 1000);
	assert_true(c->ready.nr_nodes > 0);
	assert_in_range(kept(&t->u) - before, 1, MOST_KEPT);
	pthread_barrier_destroy(&r.in);
	pthread_barrier_destroy(&r.out);
}

/* ---- memory is short */

static void test_given_back_to_others(void **state)
{
	struct recycle_test *t = *state;
	struct quire_mm *other;

	assert_int_equal(quire_mm_create(t->u.m, NULL, &other), 0);
	map_unmap(t->u.mm, 1000);
	t->limit = t->u.outstanding; /* the next byte must come from what the mm keeps */
	unit_map(other, 0, UPAGE, URW, UANON);
	t->limit = 0;
	assert_int_equal(t->u.mm->recycle.ready.nr_nodes, 0);
	quire_mm_put(other);
}

static void test_given_back_by_itself(void **state)
{
	struct recycle_test *t = *state;
	struct recycle *c = &t->u.mm->recycle;
	uint64_t addr = 0x10000000000ull, at;
	unsigned n = 0, vmas;

	map_unmap(t->u.mm, 1000);
	vmas = c->ready.nr_vmas;
	t->limit = t->u.outstanding;
	/* Neighbours that do not merge; more VMAs than are ready, made of what nodes were. */
	while (!quire_mmap(t->u.mm, addr + n * UPAGE, UPAGE, n % 2 ? URW : QPROT_READ,
			   UANON | QMAP_FIXED, NULL, 0, &at))
		n++;
	t->limit = 0;
	assert_true(n > vmas);
	assert_in_range(c->ready.nr_vmas + c->ready.nr_nodes, 0, 4); /* of the failed call */
}

static void test_given_back_at_the_end(void **state)
{
	struct recycle_test *t = *state;
	struct quire_mm *other;
	uint64_t before = kept(&t->u);

	assert_int_equal(quire_mm_create(t->u.m, NULL, &other), 0);
	map_unmap(other, 1000);
	quire_mm_put(other);
	t->u.port.rcu_barrier(t->u.port.ctx);
	assert_int_equal(kept(&t->u), before);
}

#define recycle_test(f) cmocka_unit_test_setup_teardown(f, up, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    recycle_test(test_used_again),
	    recycle_test(test_reader_stays),
	    recycle_test(test_given_back_to_others),
	    recycle_test(test_given_back_by_itself),
	    recycle_test(test_given_back_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
