/* SPDX-License-Identifier: MIT */
/*
 * test_frames.c: machines, frames, folios and allocation points, from inside the core.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "core/base/kmem.h"
#include "core/frame/zone.h"
#include "core/verify/verify.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1 /* shadow memory makes everything resident */
#else
#define IS_SANITIZED 0
#endif

#define MIB (1ull << 20)

static void frames_clean(struct quire_machine *m)
{
	frames_drain(m);
	assert_int_equal(frames_verify(m, unit_report, NULL), 0);
	assert_int_equal(quire_verify(m, unit_report, NULL), 0);
}

static struct quire_machine_options options(uint64_t ram)
{
	return (struct quire_machine_options){.size = sizeof(struct quire_machine_options),
					      .ram_bytes = ram};
}

/* ------------------------------------------------------------------- create */

static int create(struct quire_machine_options o)
{
	struct quire_machine *m = NULL;
	struct quire_port port;
	int err;

	quire_port_host(&port);
	err = quire_machine_create(&port, &o, &m);
	if (!err)
		quire_machine_destroy(m);
	return err;
}

#define WITH(field, value)                                                                         \
	({                                                                                         \
		struct quire_machine_options o_ = options(16 * MIB);                               \
		o_.field = (value);                                                                \
		o_;                                                                                \
	})

static void test_create_validates(void **state)
{
	static const uint64_t unsorted[] = {5, 5};

	(void)state;
	assert_int_equal(create(options(16 * MIB)), 0);
	assert_int_equal(create(options(0)), -QEINVAL);
	assert_int_equal(create(options(UINT64_MAX)), -QEINVAL);
	assert_int_equal(create(WITH(size, 8)), -QEINVAL);
	assert_int_equal(create(WITH(nodes, 65)), -QEINVAL);
	assert_int_equal(create(WITH(nodes, 8)), -QEINVAL); /* less than a block each */
	assert_int_equal(create(WITH(nodes, 4)), 0);
	assert_int_equal(create(WITH(ram, (void *)4097)), -QEINVAL);
	assert_int_equal(create(WITH(table_bytes, 100)), -QEINVAL);
	assert_int_equal(create(WITH(table_ram, (void *)4096)), -QEINVAL);
	assert_int_equal(create(WITH(task_size, 1ull << 48)), -QEINVAL);
	assert_int_equal(create(WITH(task_size, 4097)), -QEINVAL);
	assert_int_equal(create(WITH(task_size, 32768)), -QEINVAL); /* below mmap_min_addr */
	assert_int_equal(create(WITH(fault_around_bytes, 12288)), -QEINVAL);
	assert_int_equal(create(WITH(fault_around_bytes, 4 * MIB)), -QEINVAL);
	assert_int_equal(create(WITH(fault_around_bytes, 4096)), 0);
	assert_int_equal(create(WITH(nr_fail_points, 1)), -QEINVAL);
	assert_int_equal(create(({
				 struct quire_machine_options o = options(16 * MIB);
				 o.fail_points = unsorted;
				 o.nr_fail_points = 2;
				 o;
			 })),
			 -QEINVAL);
}

static void test_create_port(void **state)
{
	struct quire_machine_options o = options(16 * MIB);
	struct {
		struct quire_port port;
		void *future;
	} grown = {.future = NULL};
	struct quire_machine *m;
	struct quire_port port;

	(void)state;
	quire_port_host(&port);
	assert_int_equal(quire_machine_create(NULL, &o, &m), -QEINVAL);
	assert_int_equal(quire_machine_create(&port, NULL, &m), -QEINVAL);
	assert_int_equal(quire_machine_create(&port, &o, NULL), -QEINVAL);
	port.ncpus = 65;
	assert_int_equal(quire_machine_create(&port, &o, &m), -QEINVAL);
	quire_port_host(&port);
	port.wait = NULL;
	assert_int_equal(quire_machine_create(&port, &o, &m), -QEINVAL);
	/* An embedder compiled against a longer struct: fine while it asks for nothing new. */
	quire_port_host(&grown.port);
	grown.port.size = sizeof(grown);
	assert_int_equal(quire_machine_create(&grown.port, &o, &m), 0);
	quire_machine_destroy(m);
	grown.future = &grown;
	assert_int_equal(quire_machine_create(&grown.port, &o, &m), -QEINVAL);
}

/* Every allocation of creation fails once; nothing is left behind. */
static void test_create_fails_clean(void **state)
{
	struct quire_machine_options o = options(16 * MIB);
	struct quire_machine *m;
	struct unit u;
	uint64_t point;
	int err;

	(void)state;
	o.table_bytes = 1 * MIB;
	unit_port(&u);
	o.fail_points = &point;
	o.nr_fail_points = 1;
	for (point = 1;; point++) {
		err = quire_machine_create(&u.port, &o, &m);
		if (!err)
			break;
		assert_int_equal(err, -QENOMEM);
		assert_int_equal(u.outstanding, 0);
	}
	assert_true(point >= 5);
	quire_machine_destroy(m);
	assert_int_equal(u.outstanding, 0);
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
	fclose(f);
	return resident;
}

/* 32 GiB cost nothing until they are used. */
static void test_create_is_lazy(void **state)
{
	struct quire_machine_options o = options(32ull << 30);
	struct quire_machine *m;
	struct quire_port port;
	long before;

	(void)state;
	quire_port_host(&port);
	o.ram = mmap(NULL, o.ram_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (o.ram == MAP_FAILED)
		unit_skip("no 32 GiB of addresses");
	o.ram_is_zero = true;
	before = resident_pages();
	assert_int_equal(quire_machine_create(&port, &o, &m), 0);
	assert_true(unit_free_frames(m) == (o.ram_bytes >> 12) - 1); /* the zero page */
	assert_int_equal(quire_verify(m, unit_report, NULL), 0);
	assert_true(IS_SANITIZED || resident_pages() - before < 1024);
	quire_machine_destroy(m);
	munmap(o.ram, o.ram_bytes);
}

/* ------------------------------------------------------------------- frames */

static void test_ascending(void **state)
{
	enum { N = 3000 };
	struct unit *u = *state;
	struct folio *v[N];

	for (unsigned i = 0; i < N; i++) {
		v[i] = folio_alloc(u->m, 0, 0);
		assert_non_null(v[i]);
		assert_int_equal(v[i]->refs, 1);
		if (i)
			assert_ptr_equal(v[i], v[i - 1] + 1);
	}
	folio_put_many(u->m, v, N);
	/* Freed in a row: whole blocks again, and reused in a row. */
	frames_clean(u->m);
	for (unsigned i = 0; i < N; i++) {
		v[i] = folio_alloc(u->m, 0, 0);
		if (i)
			assert_true(v[i] == v[i - 1] + 1 || i % 32 == 0);
	}
	for (unsigned i = 0; i < N; i++)
		folio_put(u->m, v[i]);
	frames_clean(u->m);
}

static bool all_zero(struct quire_machine *m, struct folio *f)
{
	const uint64_t *p = folio_addr(m, f);

	for (unsigned i = 0; i < (512u << folio_order(f)); i++)
		if (p[i])
			return false;
	return true;
}

static void dirty(struct quire_machine *m, struct folio *f)
{
	memset(folio_addr(m, f), 0x5a, PAGE_SIZE << folio_order(f));
}

/* Takes every frame, zeroed, twice; dirty in between. */
static void check_zeroing(struct quire_machine *m)
{
	uint64_t n = unit_free_frames(m);
	struct folio **v = malloc(n * sizeof(*v));

	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < n; i++) {
			v[i] = folio_alloc(m, 0, ALLOC_ZERO);
			assert_non_null(v[i]);
			assert_true(all_zero(m, v[i]));
			dirty(m, v[i]);
		}
		assert_null(folio_alloc(m, 0, 0));
		assert_int_equal(unit_free_frames(m), 0);
		for (uint64_t i = 0; i < n; i++)
			folio_put(m, v[i]);
		frames_clean(m);
	}
	free(v);
}

static void test_zeroed(void **state)
{
	for (unsigned is_zero = 0; is_zero < 2; is_zero++) {
		struct quire_machine_options o = options(9 * MIB + 3 * PAGE_SIZE);
		struct unit u;

		(void)state;
		o.ram = mmap(NULL, o.ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		assert_ptr_not_equal(o.ram, MAP_FAILED);
		o.ram_is_zero = is_zero;
		if (!is_zero)
			memset(o.ram, 0xa5, o.ram_bytes);
		unit_up_machine(&u, &o);
		check_zeroing(u.m);
		unit_down(&u);
		munmap(o.ram, o.ram_bytes);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* All orders at random against a map of owners. */
static void test_random_orders(void **state)
{
	enum { N = 400 };
	struct unit *u = *state;
	struct folio *held[N] = {0};
	uint8_t *owned = calloc(u->m->nr_ram, 1);
	uint32_t seed = 7;

	for (unsigned step = 0; step < 40000; step++) {
		unsigned i = next_random(&seed) % N;
		struct folio *f = held[i];
		unsigned order;

		if (f) {
			memset(owned + folio_pfn(u->m, f), 0, 1u << folio_order(f));
			folio_put(u->m, f);
			held[i] = NULL;
			continue;
		}
		order = next_random(&seed) % 4 ? 0 : next_random(&seed) % (MAX_ORDER + 1);
		f = held[i] = folio_alloc(u->m, order, 0);
		if (!f)
			continue;
		assert_int_equal(folio_pfn(u->m, f) % (1u << order), 0);
		for (unsigned k = 0; k < 1u << order; k++)
			assert_int_equal(owned[folio_pfn(u->m, f) + k]++, 0);
		if (step % 4000 == 0) {
			frames_drain(u->m);
			assert_int_equal(frames_verify(u->m, unit_report, NULL), 0);
		}
	}
	for (unsigned i = 0; i < N; i++)
		if (held[i])
			folio_put(u->m, held[i]);
	free(owned);
	frames_clean(u->m);
}

/* Everything freed merges to the largest blocks that fit. */
static void test_merges(void **state)
{
	struct unit *u = *state;
	struct quire_machine_stats before, after;
	uint64_t n = unit_free_frames(u->m);
	struct folio **v = malloc(n * sizeof(*v));
	uint32_t seed = 3;

	frames_drain(u->m);
	quire_machine_stats(u->m, &before);
	for (uint64_t i = 0; i < n; i++)
		v[i] = folio_alloc(u->m, 0, 0);
	for (uint64_t i = n - 1; i; i--) {
		uint64_t k = next_random(&seed) % (i + 1);
		struct folio *t = v[i];

		v[i] = v[k];
		v[k] = t;
	}
	folio_put_many(u->m, v, (unsigned)n);
	frames_drain(u->m);
	quire_machine_stats(u->m, &after);
	assert_memory_equal(before.free_per_order, after.free_per_order,
			    sizeof(before.free_per_order));
	free(v);
	frames_clean(u->m);
}

static void test_nodes(void **state)
{
	struct quire_machine_options o = options(33 * MIB);
	struct unit u;
	struct folio **v;
	uint64_t n, per_node[2] = {0};

	(void)state;
	o.nodes = 2;
	unit_up_machine(&u, &o);
	n = unit_free_frames(u.m);
	v = malloc(n * sizeof(*v));
	for (uint64_t i = 0; i < n; i++) {
		v[i] = folio_alloc(u.m, 0, 0);
		assert_non_null(v[i]);
		per_node[folio_zone(v[i])]++;
		assert_int_equal(folio_zone(v[i]), folio_pfn(u.m, v[i]) >= 4096);
	}
	assert_int_equal(per_node[0] + per_node[1], 33 * 256 - 1);
	assert_null(folio_alloc(u.m, 0, 0));
	for (uint64_t i = 0; i < n; i++)
		folio_put(u.m, v[i]);
	free(v);
	frames_clean(u.m);
	unit_down(&u);
}

static void test_table_zone(void **state)
{
	enum { N = 256 };
	struct quire_machine_options o = options(16 * MIB);
	struct folio *v[N + 1];
	struct quire_machine_stats st;
	struct unit u;
	uint64_t ram;

	(void)state;
	o.table_bytes = N * PAGE_SIZE;
	unit_up_machine(&u, &o);
	ram = unit_free_frames(u.m);
	for (unsigned i = 0; i < N; i++) {
		v[i] = folio_alloc(u.m, 0, ALLOC_TABLE | ALLOC_ZERO);
		assert_non_null(v[i]);
		assert_true(folio_pfn(u.m, v[i]) >= u.m->nr_ram);
		assert_true(all_zero(u.m, v[i]));
		folio_set(v[i], FOLIO_TABLE);
	}
	assert_null(folio_alloc(u.m, 0, ALLOC_TABLE));
	assert_int_equal(unit_free_frames(u.m), ram); /* RAM does not stand in for tables */
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.table_frames, N);
	for (unsigned i = 0; i < N; i++)
		folio_put(u.m, v[i]);
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.table_frames, 0);
	frames_clean(u.m);
	unit_down(&u);
}

/* Several references in one batch, and orders mixed. */
static void test_put_many_is_put(void **state)
{
	enum { N = 100 };
	struct unit *u = *state;
	struct folio *v[2 * N];
	uint64_t before = unit_free_frames(u->m);

	for (unsigned i = 0; i < N; i++) {
		v[2 * i] = v[2 * i + 1] = folio_alloc(u->m, i % 10 == 3 ? 2 : 0, 0);
		folio_get(v[2 * i]);
	}
	folio_put_many(u->m, v, 2 * N);
	frames_clean(u->m);
	assert_int_equal(unit_free_frames(u->m), before);
}

/* ------------------------------------------------------------------ discard */

static struct {
	uint8_t *ram;
	uint64_t calls, frames;
	bool refuse;
} disc;

static bool discard(void *ctx, uint64_t first, uint64_t count)
{
	(void)ctx;
	disc.calls++;
	if (disc.refuse)
		return false;
	disc.frames += count;
	memset(disc.ram + (first << PAGE_SHIFT), 0, count << PAGE_SHIFT);
	return true;
}

static void use_and_free_all(struct quire_machine *m)
{
	uint64_t n = unit_free_frames(m);
	struct folio **v = malloc(n * sizeof(*v));

	for (uint64_t i = 0; i < n; i++) {
		v[i] = folio_alloc(m, 0, ALLOC_ZERO);
		assert_non_null(v[i]);
		assert_true(all_zero(m, v[i]));
		dirty(m, v[i]);
	}
	folio_put_many(m, v, (unsigned)n);
	free(v);
	frames_clean(m);
}

static void test_discard(void **state)
{
	struct quire_machine_options o = options(128 * MIB);
	struct quire_machine *m;
	struct quire_port port;

	(void)state;
	quire_port_host(&port);
	port.ram_discard = discard;
	disc.ram = o.ram =
	    mmap(NULL, o.ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(quire_machine_create(&port, &o, &m), 0);
	disc.refuse = true;
	use_and_free_all(m);
	assert_int_equal(disc.calls, 1); /* refused: not asked again for each block */
	disc.refuse = false;
	disc.calls = 0;
	use_and_free_all(m);
	assert_true(disc.calls > 20);
	assert_int_equal(disc.frames, disc.calls << MAX_ORDER);
	use_and_free_all(m); /* known zero or cleared: zero it is */
	quire_machine_destroy(m);
	munmap(o.ram, o.ram_bytes);
}

/* --------------------------------------------------------- memory that is lent */

static uint64_t replaced;

static bool replace(void *ctx, uint64_t first, uint64_t count)
{
	(void)ctx;
	(void)first;
	replaced += count;
	return false;
}

/* The flush for good comes before the first page is gathered. */
static void lent_to_the_last(bool exit_first)
{
	struct unit u;

	unit_port(&u);
	u.port.tlb_lent = unit_lent;
	u.port.ram_discard = replace;
	unit_machine_mm(&u, NULL, NULL);
	unit_fill(u.mm, unit_map(u.mm, 0, 4 * UPAGE, URW, UANON), 4 * UPAGE, 1);
	replaced = 0;
	u.lent = true;
	if (exit_first)
		quire_mm_exit(u.mm);
	quire_mm_put(u.mm);
	u.mm = NULL;
	u.lent = false;
	assert_int_equal(replaced, 4);
	unit_down(&u);
}

static void test_lent_to_the_last(void **state)
{
	(void)state;
	lent_to_the_last(false);
	lent_to_the_last(true);
}

/* Who says what is lent is asked after a flush, and has other memory to give. */
static void test_lent_needs(void **state)
{
	struct quire_machine_options o = options(16 * MIB);
	struct quire_machine *m;
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.tlb_lent = unit_lent;
	assert_int_equal(quire_machine_create(&u.port, &o, &m), -QEINVAL);
	u.port.ram_discard = replace;
	u.port.tlb_flush = NULL;
	assert_int_equal(quire_machine_create(&u.port, &o, &m), -QEINVAL);
}

/* --------------------------------------------------------- allocation points */

static uint64_t points(struct quire_machine *m)
{
	return unit_stats(m).alloc_points;
}

static void test_points(void **state)
{
	struct unit *u = *state;
	uint64_t base = points(u->m);
	uint64_t fail[2];
	struct folio *f;
	void *p;

	f = folio_alloc(u->m, 0, 0);
	p = kmem_alloc(u->m, 100);
	assert_int_equal(points(u->m), base + 2);
	fail[0] = base + 4;
	fail[1] = base + 5;
	assert_int_equal(quire_machine_fail(u->m, fail, 2), 0);
	assert_int_equal(points(u->m), base + 2);
	folio_put(u->m, f);
	f = folio_alloc(u->m, 0, 0);
	assert_non_null(f);
	assert_null(kmem_zalloc(u->m, 8));
	assert_null(folio_alloc(u->m, 3, 0));
	assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
	folio_put(u->m, f);
	f = folio_alloc(u->m, 1, 0);
	assert_non_null(f);
	folio_put(u->m, f);
	kmem_free(u->m, p, 100);
	assert_int_equal(points(u->m), base + 6);
	assert_int_equal(u->m->failed_points, 2);
}

static void test_kmem_accounting(void **state)
{
	struct unit *u = *state;
	struct quire_machine_stats a, b;
	void *p, *q;

	quire_machine_stats(u->m, &a);
	p = kmem_alloc(u->m, 1000);
	q = kmem_zalloc_line(u->m, 200);
	assert_int_equal((uintptr_t)q % 64, 0);
	quire_machine_stats(u->m, &b);
	assert_int_equal(b.kmem_bytes - a.kmem_bytes, 1200);
	kmem_free(u->m, p, 1000);
	kmem_free_line(u->m, q, 200);
	quire_machine_stats(u->m, &b);
	assert_int_equal(b.kmem_bytes, a.kmem_bytes);
}

/* ------------------------------------------------------------------ threads */

struct worker {
	pthread_t thread;
	struct quire_machine *m;
	struct folio *locked;
	uint64_t *counter;
	uint32_t seed;
};

static void *churn(void *arg)
{
	enum { N = 600 };
	struct worker *w = arg;
	struct folio *v[N];

	for (unsigned round = 0; round < 60; round++) {
		unsigned n = 0;

		while (n < N) {
			unsigned order = next_random(&w->seed) % 50 ? 0 : 3;
			struct folio *f = folio_alloc(w->m, order, 0);

			if (!f)
				break;
			*(uint64_t *)folio_addr(w->m, f) = (uint64_t)(uintptr_t)w;
			v[n++] = f;
		}
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(*(uint64_t *)folio_addr(w->m, v[i]), (uintptr_t)w);
		if (round & 1) {
			folio_put_many(w->m, v, n);
			continue;
		}
		while (n)
			folio_put(w->m, v[--n]);
	}
	return NULL;
}

static void run_workers(struct unit *u, void *(*func)(void *), struct folio *locked,
			uint64_t *counter)
{
	struct worker w[4];

	for (unsigned i = 0; i < 4; i++) {
		w[i] =
		    (struct worker){.m = u->m, .locked = locked, .counter = counter, .seed = i + 1};
		assert_int_equal(pthread_create(&w[i].thread, NULL, func, &w[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
}

/* Less RAM than all of them want: they also meet exhaustion and draining. */
static void test_threads(void **state)
{
	struct quire_machine_options o = options(8 * MIB);
	struct unit u;

	(void)state;
	unit_up_machine(&u, &o);
	run_workers(&u, churn, NULL, NULL);
	frames_clean(u.m);
	assert_int_equal(unit_free_frames(u.m), u.m->nr_ram - 1);
	unit_down(&u);
}

static __thread unsigned fixed_cpu;

static unsigned cpu_of_worker(void *ctx)
{
	(void)ctx;
	return fixed_cpu;
}

static void *take_one(void *arg)
{
	struct worker *w = arg;
	struct folio *f;

	for (unsigned round = 0; round < 50000; round++) {
		fixed_cpu = next_random(&w->seed) % 4;
		f = folio_alloc(w->m, 0, 0);
		if (!f) {
			atomic_add(w->counter, 1);
			break;
		}
		folio_put(w->m, f);
	}
	return NULL;
}

/*
 * Four at most are in use of the eight: none may fail, whichever lists the others are in.  Of many
 * CPUs the first few are used: whoever empties all lists takes his time after theirs.
 */
static void test_the_last_frames(void **state)
{
	struct quire_machine_options o = options(8 * MIB);
	uint64_t n, failures = 0;
	struct quire_machine *m;
	struct unit u = {0};
	struct quire_port port;
	struct folio **v;

	(void)state;
	quire_port_host(&port);
	port.cpu = cpu_of_worker;
	port.ncpus = 64;
	assert_int_equal(quire_machine_create(&port, &o, &m), 0);
	n = unit_free_frames(m) - 8;
	v = malloc(n * sizeof(*v));
	for (uint64_t i = 0; i < n; i++)
		v[i] = folio_alloc(m, 0, 0);
	u.m = m;
	run_workers(&u, take_one, NULL, &failures);
	assert_int_equal(failures, 0);
	assert_int_equal(unit_free_frames(m), 8);
	folio_put_many(m, v, (unsigned)n);
	free(v);
	frames_clean(m);
	quire_machine_destroy(m);
}

static void *lock_and_add(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < 20000; i++) {
		folio_lock(w->m, w->locked);
		(*w->counter)++;
		folio_unlock(w->m, w->locked);
	}
	return NULL;
}

static void test_folio_lock(void **state)
{
	struct unit *u = *state;
	struct folio *f = folio_alloc(u->m, 0, 0);
	uint64_t counter = 0;

	assert_true(folio_trylock(f));
	assert_false(folio_trylock(f));
	folio_unlock(u->m, f);
	run_workers(u, lock_and_add, f, &counter);
	assert_int_equal(counter, 80000);
	assert_false(folio_test(f, FOLIO_LOCKED | FOLIO_WAITERS));
	folio_put(u->m, f);
}

/* Who only found a folio gets no reference on one that has none, or whose are frozen. */
static void test_folio_try_and_freeze(void **state)
{
	struct unit *u = *state;
	struct folio *f = folio_alloc(u->m, 0, 0);

	assert_false(folio_freeze(f, 2));
	assert_true(folio_try_get(f));
	assert_false(folio_freeze(f, 1));
	assert_true(folio_freeze(f, 2));
	assert_false(folio_try_get(f));
	folio_unfreeze(f, 2);
	assert_true(folio_try_get(f));
	folio_put_refs(u->m, f, 2);
	assert_true(folio_try_get(f));
	folio_put_refs(u->m, f, 2);
	assert_false(folio_try_get(f)); /* it is free */
}

/* --------------------------------------------------------------------- text */

static void test_format(void **state)
{
	char buf[64], tiny[4];

	(void)state;
	q_format(buf, sizeof(buf), "%s|%5s|%d|%u|%c", "ab", "cd", -42, 7u, 'x');
	assert_string_equal(buf, "ab|   cd|-42|7|x");
	q_format(buf, sizeof(buf), "%08lx|%lx|%lu|%4d|%04d|%zu|%%", 0xbeefUL, 0UL, UINT64_MAX, -3,
		 -3, (size_t)9);
	assert_string_equal(buf, "0000beef|0|18446744073709551615|  -3|-003|9|%");
	assert_int_equal(q_format(tiny, sizeof(tiny), "%s", "abcdef"), 3);
	assert_string_equal(tiny, "abc");
}

/* Verify sees what is wrong with free frames. */
static void test_verify_sees(void **state)
{
	struct unit *u = *state;
	struct zone *z = &u->m->frames->zones[0];
	struct folio *f;

	f = folio_alloc(u->m, MAX_ORDER, 0);
	folio_put(u->m, f);
	frames_drain(u->m);
	assert_true(folio_test(f, FOLIO_BUDDY));
	f->shape--;
	assert_int_not_equal(frames_verify(u->m, NULL, NULL), 0);
	f->shape++;
	folio_clear(f, FOLIO_BUDDY);
	assert_int_not_equal(frames_verify(u->m, NULL, NULL), 0);
	folio_set(f, FOLIO_BUDDY);
	f->refs = 1;
	assert_int_not_equal(frames_verify(u->m, NULL, NULL), 0);
	f->refs = 0;
	z->nr_free--;
	assert_int_not_equal(frames_verify(u->m, NULL, NULL), 0);
	z->nr_free++;
	f = folio_alloc(u->m, 0, 0); /* a leak: nothing refers to it */
	assert_int_not_equal(quire_verify(u->m, NULL, NULL), 0);
	folio_put(u->m, f);
	u->m->cpus[0].mapped_file--; /* below 0, which statistics do not show */
	assert_int_not_equal(quire_verify(u->m, NULL, NULL), 0);
	u->m->cpus[0].mapped_file++;
	frames_clean(u->m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_create_validates),
	    cmocka_unit_test(test_create_port),
	    cmocka_unit_test(test_create_fails_clean),
	    cmocka_unit_test(test_create_is_lazy),
	    unit_test(test_ascending),
	    cmocka_unit_test(test_zeroed),
	    unit_test(test_random_orders),
	    unit_test(test_merges),
	    cmocka_unit_test(test_nodes),
	    cmocka_unit_test(test_table_zone),
	    unit_test(test_put_many_is_put),
	    cmocka_unit_test(test_discard),
	    cmocka_unit_test(test_lent_to_the_last),
	    cmocka_unit_test(test_lent_needs),
	    unit_test(test_points),
	    unit_test(test_kmem_accounting),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_the_last_frames),
	    unit_test(test_folio_lock),
	    unit_test(test_folio_try_and_freeze),
	    cmocka_unit_test(test_format),
	    unit_test(test_verify_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
