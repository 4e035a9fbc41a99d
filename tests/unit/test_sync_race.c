/* SPDX-License-Identifier: MIT */
/*
 * test_sync_race.c: threads that store to a mapped file, sync it, make holes in it and cut its end.
 * Run it under ThreadSanitizer, too.
 *
 * While it runs:
 *   1  What a thread has stored to a page of its own is on the disk when its msync has returned,
 *      whoever else writes the page back.
 *   2  Nothing is written back beyond the end, or into a hole that is being made.
 *   3  A page that several threads add to, and others write back, loses nothing in the end.
 *
 * At the end quire_verify() is clean and everything can be given back.
 *
 * QUIRE_RACE_MS sets the length (400); QUIRE_RACE_SEED the random numbers.
 */
#include "stress.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>

/* More than are cleaned at once. */
#define PAGES 640ull
#define TAIL 64ull /* pages at the end, which come and go */
#define WRITERS 3
#define THREADS (WRITERS + 2)

struct shared {
	struct unit u;
	struct quire_file *file;
	uint64_t at, second;  /* two mappings of it */
	uint64_t disk[PAGES]; /* the first word of each page */
	uint64_t until, seed;
	uint64_t end;  /* pages that the file may have, for write_page */
	uint64_t hole; /* 1 + first page of the hole that is being made */
	uint64_t added[WRITERS];
	uint64_t synced;
};

struct thread {
	struct shared *s;
	unsigned id;
	uint64_t rnd;
};

#define HOLE_PAGES 8ull

static bool going(struct shared *s)
{
	return now_ms() < s->until;
}

static uint64_t rnd(struct thread *t, uint64_t below)
{
	return next_random(&t->rnd, below);
}

/* ---- the disk: a word a page -------------------------------------------------- */

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	struct shared *s = priv;
	uint64_t val = __atomic_load_n(&s->disk[pgoff], __ATOMIC_ACQUIRE);

	__atomic_store_n((uint64_t *)mem, val, __ATOMIC_RELEASE);
	return 0;
}

static int write_page(void *priv, uint64_t pgoff, const void *mem)
{
	struct shared *s = priv;
	uint64_t val = __atomic_load_n((const uint64_t *)mem, __ATOMIC_ACQUIRE);
	uint64_t hole = __atomic_load_n(&s->hole, __ATOMIC_ACQUIRE);

	CHECK(pgoff < __atomic_load_n(&s->end, __ATOMIC_ACQUIRE)); /* rule 2 */
	CHECK(!hole || pgoff + 1 < hole || pgoff + 1 >= hole + HOLE_PAGES);
	if (pgoff % 7 == 0)
		sched_yield();
	__atomic_store_n(&s->disk[pgoff], val, __ATOMIC_RELEASE);
	return 0;
}

static int punch_hole(void *priv, uint64_t off, uint64_t len)
{
	struct shared *s = priv;

	__atomic_store_n(&s->hole, off / UPAGE + 1, __ATOMIC_RELEASE);
	for (uint64_t i = off / UPAGE; i < (off + len) / UPAGE; i++)
		__atomic_store_n(&s->disk[i], 0, __ATOMIC_RELEASE);
	sched_yield();
	__atomic_store_n(&s->hole, 0, __ATOMIC_RELEASE);
	return 0;
}

/* ---- what threads do ---------------------------------------------------------- */

/* A store as an executor makes it: no flush is missed while the page is pinned. */
static bool store(struct shared *s, uint64_t addr, uint64_t val, bool add)
{
	struct quire_pin pin;

	if (quire_pin(s->u.mm, addr, QUIRE_WRITE, &pin))
		return false;
	if (add)
		__atomic_add_fetch((uint64_t *)pin.mem, val, __ATOMIC_ACQ_REL);
	else
		__atomic_store_n((uint64_t *)pin.mem, val, __ATOMIC_RELEASE);
	quire_unpin(s->u.m, &pin);
	return true;
}

/* Of each writer: every fourth page before the holes and the tail.  Page 3 is everybody's. */
static uint64_t own_page(struct thread *t)
{
	return 4 * rnd(t, (PAGES - 2 * TAIL) / 4) + t->id;
}

/* Rule 1. */
static void store_and_sync(struct thread *t)
{
	struct shared *s = t->s;
	uint64_t page = own_page(t), val = t->rnd | 1, n = rnd(t, 2) ? 1 : PAGES - page;
	uint64_t base = rnd(t, 2) ? s->at : s->second;

	CHECK(store(s, base + page * UPAGE, val, false));
	if (rnd(t, 2))
		CHECK(!quire_msync(s->u.mm, base + page * UPAGE, n * UPAGE, QMS_SYNC));
	else
		CHECK(!quire_file_sync(s->file));
	CHECK(__atomic_load_n(&s->disk[page], __ATOMIC_ACQUIRE) == val);
	__atomic_add_fetch(&s->synced, 1, __ATOMIC_RELAXED);
}

/* Rule 3. */
static void add_to_common(struct thread *t)
{
	uint64_t at = rnd(t, 2) ? t->s->at : t->s->second;

	CHECK(store(t->s, at + 3 * UPAGE, 1, true));
	t->s->added[t->id]++;
}

/* Any result is right but a crash. */
static void touch_tail(struct thread *t)
{
	store(t->s, t->s->at + (PAGES - 2 * TAIL + rnd(t, 2 * TAIL)) * UPAGE, 5, false);
}

static void *write_and_sync(void *arg)
{
	struct thread *t = arg;

	while (going(t->s)) {
		store_and_sync(t);
		for (unsigned i = 0; i < 8; i++)
			add_to_common(t);
		for (unsigned i = 0; i < 8; i++)
			touch_tail(t);
	}
	return NULL;
}

/* The file's end moves to and fro over the tail. */
static void *truncate_tail(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->s;

	while (going(s)) {
		uint64_t pages = PAGES - TAIL + rnd(t, TAIL);

		CHECK(!quire_file_truncate(s->file, pages * UPAGE));
		__atomic_store_n(&s->end, pages, __ATOMIC_RELEASE); /* nothing beyond from now on */
		sched_yield();
		__atomic_store_n(&s->end, PAGES, __ATOMIC_RELEASE);
		CHECK(!quire_file_truncate(s->file, PAGES * UPAGE));
	}
	return NULL;
}

static void *make_holes(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->s;

	while (going(s)) {
		uint64_t first = PAGES - 2 * TAIL + rnd(t, TAIL - HOLE_PAGES);
		int err = quire_madvise(s->u.mm, s->second + first * UPAGE, HOLE_PAGES * UPAGE,
					QMADV_REMOVE);

		CHECK(!err);
		if (rnd(t, 4) == 0) /* entries that others still have cached */
			CHECK(!quire_madvise(s->u.mm, s->at, PAGES * UPAGE, QMADV_DONTNEED));
	}
	return NULL;
}

/* ---- the run ------------------------------------------------------------------ */

static void yielding_flush(void *ctx, struct quire_mm *mm, void *cookie,
			   const struct quire_tlb_range *ranges, unsigned nranges)
{
	sched_yield();
	unit_flush(ctx, mm, cookie, ranges, nranges);
}

static void shared_up(struct shared *s)
{
	static const struct quire_file_ops ops = {
	    .read_page = read_page, .write_page = write_page, .punch_hole = punch_hole};
	struct quire_file_options o = {
	    .size = sizeof(o), .kind = QUIRE_FILE_PAGECACHE, .ops = &ops, .priv = s};

	memset(s, 0, sizeof(*s));
	unit_port(&s->u);
	s->u.port.tlb_flush = yielding_flush;
	unit_machine_mm(&s->u, NULL, NULL);
	o.bytes = PAGES * UPAGE;
	o.writable = true;
	assert_int_equal(quire_file_create(s->u.m, &o, &s->file), 0);
	s->at = unit_map_file(s->u.mm, 0, PAGES * UPAGE, URW, QMAP_SHARED, s->file, 0);
	s->second = unit_map_file(s->u.mm, 0, PAGES * UPAGE, URW, QMAP_SHARED, s->file, 0);
	s->end = PAGES;
	s->seed = env_or("QUIRE_RACE_SEED", 1);
	s->until = now_ms() + env_or("QUIRE_RACE_MS", 400);
}

static void test_sync_beside_all(void **state)
{
	static void *(*const mains[THREADS])(void *) = {write_and_sync, write_and_sync,
							write_and_sync, truncate_tail, make_holes};
	static struct shared s;
	struct thread t[THREADS];
	pthread_t tid[THREADS];
	uint64_t added = 0;

	(void)state;
	shared_up(&s);
	for (unsigned i = 0; i < THREADS; i++) {
		t[i] = (struct thread){&s, i, (s.seed + i) * 0x9e3779b97f4a7c15ull | 1};
		assert_int_equal(pthread_create(&tid[i], NULL, mains[i], &t[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(tid[i], NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		added += s.added[i];
	assert_int_equal(quire_file_sync(s.file), 0);
	assert_int_equal(s.disk[3], added);
	print_message("%llu syncs, %llu added\n", (unsigned long long)s.synced,
		      (unsigned long long)added);
	unit_verify(&s.u);
	quire_mm_put(s.u.mm);
	s.u.mm = NULL;
	quire_file_put(s.file);
	unit_down(&s.u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sync_beside_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
