/* SPDX-License-Identifier: MIT */
/*
 * test_migrate_race.c: pages move to and fro between two nodes while threads store to them, fork,
 * write them back and drop them.  Run it under the sanitizers, too.
 *
 * While it runs:
 *   1  A thread reads what it has stored last, by whichever mapping; so does a child of the time of
 *      its fork, whatever its parent stores later.
 *   2  What was stored before a sync is on the disk when that has returned.
 *   3  What was dropped reads as zero, and as what is stored there afterwards.
 *
 * At the end quire_verify() is clean, and pages have been moved of each kind.
 *
 * QUIRE_RACE_MS sets the length (400); QUIRE_RACE_SEED the random numbers.
 */
#include "stress.h"
#include "unit.h"

#include <pthread.h>

#define PAGES 48ull
#define WRITERS 3
#define MOVERS 2
#define THREADS (WRITERS + MOVERS + 1)
#define WORDS_AT 64 /* bytes from a thread's word to the next one's */

/* Where each thing is mapped; the file twice. */
#define ANON (1ull << 38)
#define FILE_AT (2ull << 38)
#define AGAIN (3ull << 38)
#define SCRATCH (4ull << 38) /* PAGES of each writer's */

struct shared {
	struct unit u;
	struct quire_file *file;
	unsigned char disk[PAGES * UPAGE];
	uint64_t until, seed;
	uint64_t moved_anon, moved_file, forks;
};

struct thread {
	struct shared *s;
	unsigned id;
	uint64_t rnd;
	uint64_t anon[PAGES], file[PAGES]; /* what the writer has stored */
};

/* Everybody has come to do something, however slow the machine is. */
static bool is_enough(const struct shared *s)
{
	return __atomic_load_n(&s->moved_anon, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&s->moved_file, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&s->forks, __ATOMIC_RELAXED);
}

static bool going(const struct shared *s)
{
	return now_ms() < s->until || !is_enough(s);
}

static uint64_t rnd(struct thread *t, uint64_t below)
{
	return next_random(&t->rnd, below);
}

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	struct shared *s = priv;

	memcpy(mem, s->disk + pgoff * UPAGE, UPAGE);
	return 0;
}

/* Word by word: a store may come at any time. */
static int write_page(void *priv, uint64_t pgoff, const void *mem)
{
	struct shared *s = priv;
	const uint64_t *from = mem;
	uint64_t *to = (uint64_t *)(void *)(s->disk + pgoff * UPAGE);

	for (unsigned i = 0; i < WRITERS * WORDS_AT / 8; i++)
		__atomic_store_n(&to[i], __atomic_load_n(&from[i], __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	return 0;
}

static uint64_t word(const struct thread *t, uint64_t base, uint64_t page)
{
	return base + page * UPAGE + t->id * WORDS_AT;
}

static uint64_t load(struct quire_mm *mm, uint64_t addr)
{
	uint64_t val = 0;

	CHECK(quire_read(mm, addr, &val, sizeof(val)) == sizeof(val));
	return val;
}

static void store(struct quire_mm *mm, uint64_t addr, uint64_t val)
{
	CHECK(quire_write(mm, addr, &val, sizeof(val)) == sizeof(val));
}

/* As an executor stores: whoever writes the page back reads it at the same time. */
static void store_by_pin(struct quire_mm *mm, uint64_t addr, uint64_t val)
{
	struct quire_pin pin;

	CHECK(!quire_pin(mm, addr, QUIRE_WRITE, &pin));
	__atomic_store_n((uint64_t *)(void *)((char *)pin.mem + addr % UPAGE), val,
			 __ATOMIC_RELEASE);
	quire_unpin(quire_mm_machine(mm), &pin);
}

/* ---- writers ------------------------------------------------------------------ */

static void use_anon(struct thread *t)
{
	uint64_t page = rnd(t, PAGES);

	CHECK(load(t->s->u.mm, word(t, ANON, page)) == t->anon[page]);
	store(t->s->u.mm, word(t, ANON, page), ++t->anon[page]);
	CHECK(load(t->s->u.mm, word(t, ANON, page)) == t->anon[page]);
}

static void use_file(struct thread *t)
{
	uint64_t page = rnd(t, PAGES), base = rnd(t, 2) ? FILE_AT : AGAIN;

	store_by_pin(t->s->u.mm, word(t, base, page), ++t->file[page]);
	CHECK(load(t->s->u.mm, word(t, FILE_AT, page)) == t->file[page]);
	CHECK(load(t->s->u.mm, word(t, AGAIN, page)) == t->file[page]);
}

/* Rule 2. */
static void sync_page(struct thread *t)
{
	uint64_t page = rnd(t, PAGES);
	const uint64_t *disk = (const uint64_t *)(void *)(t->s->disk + word(t, 0, page));

	CHECK(!quire_msync(t->s->u.mm, FILE_AT + page * UPAGE, UPAGE, QMS_SYNC));
	CHECK(__atomic_load_n(disk, __ATOMIC_ACQUIRE) == t->file[page]);
}

/* Rule 3. */
static void drop_scratch(struct thread *t)
{
	uint64_t at = SCRATCH + (t->id * PAGES + rnd(t, PAGES)) * UPAGE;

	store(t->s->u.mm, at, 7);
	CHECK(!quire_madvise(t->s->u.mm, at, UPAGE, rnd(t, 2) ? QMADV_DONTNEED : QMADV_FREE));
	store(t->s->u.mm, at, 8);
	CHECK(load(t->s->u.mm, at) == 8);
	CHECK(!quire_madvise(t->s->u.mm, at, UPAGE, QMADV_DONTNEED));
	CHECK(load(t->s->u.mm, at) == 0);
}

static void protect_scratch(struct thread *t)
{
	uint64_t at = SCRATCH + (t->id * PAGES + rnd(t, PAGES)) * UPAGE, val = 9;

	store(t->s->u.mm, at, 7);
	CHECK(!quire_mprotect(t->s->u.mm, at, UPAGE, QPROT_READ));
	CHECK(load(t->s->u.mm, at) == 7);
	CHECK(quire_write(t->s->u.mm, at, &val, sizeof(val)) == -QEFAULT);
	CHECK(!quire_mprotect(t->s->u.mm, at, UPAGE, URW));
	CHECK(load(t->s->u.mm, at) == 7);
}

static void *write_on(void *arg)
{
	struct thread *t = arg;
	static void (*const what[])(struct thread *) = {use_anon, use_anon,     use_file,
							use_file, drop_scratch, protect_scratch};

	while (going(t->s)) {
		what[rnd(t, sizeof(what) / sizeof(what[0]))](t);
		if (!rnd(t, 16))
			sync_page(t);
	}
	return NULL;
}

/* ---- forks -------------------------------------------------------------------- */

/* A page of its own of the anonymous memory: words behind those of the writers. */
static void *fork_on(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->s;
	uint64_t round = 0;

	while (going(s)) {
		uint64_t at = word(t, ANON, rnd(t, PAGES));
		struct quire_mm *child;

		store(s->u.mm, at, ++round);
		CHECK(!quire_mm_fork(s->u.mm, NULL, &child));
		store(s->u.mm, at, ++round);
		CHECK(load(child, at) == round - 1);
		store(child, at, 0);
		CHECK(load(child, at) == 0);
		CHECK(load(s->u.mm, at) == round);
		quire_mm_put(child);
		__atomic_add_fetch(&s->forks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* ---- movers ------------------------------------------------------------------- */

static void move_some(struct thread *t)
{
	static const uint64_t bases[] = {ANON, FILE_AT, AGAIN, SCRATCH};
	uint64_t base = bases[rnd(t, 4)], addrs[8], moved = 0;
	int nodes[8], status[8];

	for (unsigned i = 0; i < 8; i++) {
		addrs[i] = base + rnd(t, PAGES) * UPAGE;
		nodes[i] = (int)rnd(t, 2);
	}
	CHECK(quire_move_pages(t->s->u.mm, 8, addrs, nodes, status, QMPOL_MF_MOVE_ALL) >= 0);
	for (unsigned i = 0; i < 8; i++) {
		moved += status[i] == nodes[i];
		CHECK(status[i] >= 0 || status[i] == -QEBUSY || status[i] == -QENOENT ||
		      status[i] == -QEFAULT);
	}
	__atomic_add_fetch(base == ANON ? &t->s->moved_anon : &t->s->moved_file, moved,
			   __ATOMIC_RELAXED);
}

static void *move_on(void *arg)
{
	struct thread *t = arg;
	uint64_t from = 1 + t->id % 2;

	while (going(t->s)) {
		move_some(t);
		if (rnd(t, 8))
			continue;
		CHECK(quire_migrate_pages(t->s->u.mm, from, 3 - from, QMPOL_MF_MOVE_ALL) >= 0);
		from = 3 - from;
	}
	return NULL;
}

/* ---- the test ------------------------------------------------------------------- */

static void set_up(struct shared *s)
{
	static const struct quire_file_ops ops = {.read_page = read_page, .write_page = write_page};
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = UNIT_RAM, .nodes = 2};
	const struct quire_file_options fo = {.size = sizeof(fo),
					      .kind = QUIRE_FILE_PAGECACHE,
					      .ops = &ops,
					      .priv = s,
					      .bytes = PAGES * UPAGE,
					      .writable = true};

	unit_up(&s->u, &opts, NULL);
	assert_int_equal(quire_file_create(s->u.m, &fo, &s->file), 0);
	unit_map(s->u.mm, ANON, PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	unit_map(s->u.mm, SCRATCH, WRITERS * PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	unit_map_file(s->u.mm, FILE_AT, PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, s->file, 0);
	unit_map_file(s->u.mm, AGAIN, PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, s->file, 0);
	s->seed = env_or("QUIRE_RACE_SEED", 1);
	s->until = now_ms() + env_or("QUIRE_RACE_MS", 400);
}

static void expect_words(struct thread *t)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		assert_int_equal(load(t->s->u.mm, word(t, ANON, page)), t->anon[page]);
		assert_int_equal(load(t->s->u.mm, word(t, FILE_AT, page)), t->file[page]);
		sync_page(t);
	}
}

static void to_and_fro(void **state)
{
	static struct shared s;
	static struct thread threads[THREADS];
	pthread_t ids[THREADS];

	(void)state;
	set_up(&s);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].s = &s;
		threads[i].id = i;
		threads[i].rnd = s.seed * 0x9e3779b97f4a7c15ull + i + 1;
		assert_int_equal(pthread_create(&ids[i], NULL,
						i < WRITERS            ? write_on
						: i < WRITERS + MOVERS ? move_on
								       : fork_on,
						&threads[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	s.u.port.rcu_barrier(s.u.port.ctx);
	unit_verify(&s.u);
	for (unsigned i = 0; i < WRITERS; i++)
		expect_words(&threads[i]);
	print_message("moved %llu private pages, %llu others; %llu forks\n",
		      (unsigned long long)s.moved_anon, (unsigned long long)s.moved_file,
		      (unsigned long long)s.forks);
	assert_true(s.moved_anon && s.moved_file && s.forks);
	quire_file_put(s.file);
	unit_down(&s.u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(to_and_fro)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
