/* SPDX-License-Identifier: MIT */
/*
 * test_race.c: threads on one address space: faults beside munmap, mprotect, fork, madvise, mremap
 * and truncation.  Run it under ThreadSanitizer, too.
 *
 * While it runs:
 *   1  A page that only one thread writes, in a mapping that stays, always reads as that thread
 *      wrote it, whatever forks and mprotects go on beside.
 *   2  A child's memory does not change while the parent's threads go on writing.
 *   3  No access is refused in a mapping that is being replaced by MAP_FIXED all the time.
 *   4  Once munmap has returned, nothing is mapped there, whatever faults were on their way.
 *   5  Nothing is readable beyond the end of a file once the truncation has returned.
 *   6  A child sees what its parent's thread wrote in the order in which it was written: what a
 *      word of a page points to is there, also if it was made while the fork went on.
 *
 * At the end quire_verify() is clean and everything can be given back.
 *
 * QUIRE_RACE_MS sets the length of each test (400); QUIRE_RACE_SEED the random numbers.
 */
#include "stress.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define THREADS 4
#define OWN_PAGES 16
#define CHAOS_PAGES 64

struct race {
	struct unit u;
	uint64_t own;   /* THREADS * OWN_PAGES: each thread's own, mapped throughout */
	uint64_t chaos; /* CHAOS_PAGES that anything may happen to */
	uint64_t fixed; /* OWN_PAGES that are replaced, never unmapped */
	struct quire_file *shm;
	uint64_t seed, until;
	uint32_t stop;
	uint64_t truncations;
};

struct thread {
	struct race *r;
	unsigned id;
	uint64_t rnd;
};

static bool going(struct race *r)
{
	return now_ms() < r->until && !__atomic_load_n(&r->stop, __ATOMIC_RELAXED);
}

static uint64_t rnd(struct thread *t, uint64_t below)
{
	return next_random(&t->rnd, below);
}

/* ---- what threads do --------------------------------------------------------- */

/* Rule 1. */
static void write_own(struct thread *t)
{
	struct quire_mm *mm = t->r->u.mm;
	uint64_t a = t->r->own + (t->id * OWN_PAGES + rnd(t, OWN_PAGES)) * UPAGE;
	uint64_t val = t->rnd, got;

	CHECK(unit_try_store(mm, a, val));
	for (int i = 0; i < 3; i++) {
		CHECK(unit_try_load(mm, a, &got));
		CHECK(got == val);
	}
}

/* Any result is right but a crash; what verify says at the end counts. */
static void touch_chaos(struct thread *t)
{
	struct quire_fault f;

	quire_fault(t->r->u.mm, t->r->chaos + rnd(t, CHAOS_PAGES) * UPAGE,
		    rnd(t, 2) ? QUIRE_WRITE : QUIRE_READ, &f);
}

static void change_chaos(struct thread *t)
{
	static const int advices[] = {QMADV_DONTNEED, QMADV_FREE, QMADV_REMOVE, QMADV_POPULATE_READ,
				      QMADV_POPULATE_WRITE};
	struct quire_mm *mm = t->r->u.mm;
	uint64_t page = rnd(t, CHAOS_PAGES), pages = 1 + rnd(t, CHAOS_PAGES - page);
	uint64_t a = t->r->chaos + page * UPAGE, len = pages * UPAGE, to, out;

	switch (rnd(t, 7)) {
	case 0:
		quire_mmap(mm, a, len, URW, UANON | QMAP_FIXED, NULL, 0, &out);
		break;
	case 1:
		quire_mmap(mm, a, len, URW, QMAP_SHARED | QMAP_FIXED, t->r->shm, page * UPAGE,
			   &out);
		break;
	case 2:
		quire_munmap(mm, a, len);
		break;
	case 3:
		quire_mprotect(mm, a, len, rnd(t, 2) ? URW : QPROT_READ);
		break;
	case 4:
		quire_madvise(mm, a, len, advices[rnd(t, 5)]);
		break;
	case 5:
		to = t->r->chaos + rnd(t, CHAOS_PAGES - pages + 1) * UPAGE;
		quire_mremap(mm, a, len, len, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out);
		break;
	default:
		quire_mmap(mm, a, len, URW, QMAP_PRIVATE | QMAP_FIXED, t->r->shm, page * UPAGE,
			   &out);
	}
}

/* Rights of the threads' own pages change, but never so that an access is refused for good. */
static void protect_own(struct thread *t)
{
	uint64_t a = t->r->own + t->id * OWN_PAGES * UPAGE;

	CHECK(!quire_mprotect(t->r->u.mm, a, OWN_PAGES * UPAGE, QPROT_READ));
	CHECK(!quire_mprotect(t->r->u.mm, a, OWN_PAGES * UPAGE, URW));
}

/* Rule 2. */
static void fork_and_look(struct thread *t)
{
	uint64_t first[THREADS * OWN_PAGES], again, a = t->r->own;
	struct quire_mm *child;

	CHECK(!quire_mm_fork(t->r->u.mm, NULL, &child));
	/* A thread may have been about to take the right to write back. */
	CHECK(!quire_mprotect(child, a, THREADS * OWN_PAGES * UPAGE, URW));
	for (unsigned i = 0; i < THREADS * OWN_PAGES; i++)
		CHECK(unit_try_load(child, a + i * UPAGE, &first[i]));
	for (unsigned i = 0; i < THREADS * OWN_PAGES; i += 5)
		CHECK(unit_try_store(child, a + i * UPAGE, first[i] += 3));
	for (unsigned i = 0; i < THREADS * OWN_PAGES; i++) {
		CHECK(unit_try_load(child, a + i * UPAGE, &again));
		CHECK(again == first[i]);
	}
	quire_mm_put(child);
}

/* Rule 3. */
static void replace_fixed(struct thread *t)
{
	struct race *r = t->r;
	uint64_t out;

	CHECK(!quire_mmap(r->u.mm, r->fixed, OWN_PAGES * UPAGE, URW,
			  (rnd(t, 2) ? UANON : USHARED) | QMAP_FIXED, NULL, 0, &out));
}

static void touch_fixed(struct thread *t)
{
	uint64_t a = t->r->fixed + rnd(t, OWN_PAGES) * UPAGE;
	uint64_t val;

	CHECK(unit_try_store(t->r->u.mm, a, 1));
	CHECK(unit_try_load(t->r->u.mm, a, &val) && val <= 1);
}

/* ---- runs -------------------------------------------------------------------- */

/*
 * The port lets other threads run where the windows are: at allocations, between what a fault
 * looked up and the lock under which it proves it, and at flushes, between the steps of a copy.
 */
static void sometimes_yield(unsigned every)
{
	static __thread unsigned calls;

	if (++calls % every == 0)
		sched_yield();
}

static unsigned yielding_cpu(void *ctx)
{
	struct unit *u = ctx;

	sometimes_yield(61);
	return u->host.cpu(u->host.ctx);
}

static void yielding_flush(void *ctx, struct quire_mm *mm, void *cookie,
			   const struct quire_tlb_range *ranges, unsigned nranges)
{
	sometimes_yield(3);
	unit_flush(ctx, mm, cookie, ranges, nranges);
}

static void machine_up(struct unit *u)
{
	unit_port(u);
	u->port.cpu = yielding_cpu;
	u->port.tlb_flush = yielding_flush;
	unit_machine_mm(u, NULL, NULL);
}

static void race_up(struct race *r)
{
	memset(r, 0, sizeof(*r));
	machine_up(&r->u);
	r->shm = unit_shmem(&r->u, CHAOS_PAGES * UPAGE, true);
	r->own =
	    unit_map(r->u.mm, 0x10000000, THREADS * OWN_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	r->fixed = unit_map(r->u.mm, 0x20000000, OWN_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	/* Across two tables. */
	r->chaos = unit_map(r->u.mm, 0x30200000 - CHAOS_PAGES / 2 * UPAGE, CHAOS_PAGES * UPAGE, URW,
			    UANON | QMAP_FIXED);
	r->seed = env_or("QUIRE_RACE_SEED", 1);
	r->until = now_ms() + env_or("QUIRE_RACE_MS", 400);
}

static void race_down(struct race *r)
{
	struct quire_mm_stats st;

	r->u.port.rcu_barrier(r->u.port.ctx);
	unit_verify(&r->u);
	quire_mm_stats(r->u.mm, &st);
	print_message("retries %llu, under the lock %llu, copied %llu, reused %llu\n",
		      (unsigned long long)st.retries, (unsigned long long)st.fallbacks,
		      (unsigned long long)st.faults[QUIRE_KIND_COW_COPY],
		      (unsigned long long)st.faults[QUIRE_KIND_COW_REUSE]);
	quire_file_put(r->shm);
	unit_down(&r->u);
}

static void run_threads(struct race *r, void *(*mains[THREADS])(void *))
{
	struct thread t[THREADS];
	pthread_t tid[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		t[i] = (struct thread){r, i, (r->seed + i) * 0x9e3779b97f4a7c15ull | 1};
		assert_int_equal(pthread_create(&tid[i], NULL, mains[i], &t[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(tid[i], NULL);
}

static void *do_everything(void *arg)
{
	struct thread *t = arg;

	while (going(t->r)) {
		switch (rnd(t, 8)) {
		case 0:
			change_chaos(t);
			break;
		case 1:
			protect_own(t);
			break;
		case 2:
			fork_and_look(t);
			break;
		case 3:
			replace_fixed(t);
			break;
		case 4:
			touch_fixed(t);
			break;
		case 5:
			touch_chaos(t);
			break;
		default:
			write_own(t);
		}
	}
	return NULL;
}

static void test_everything(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	run_threads(
	    &r, (void *(*[])(void *)){do_everything, do_everything, do_everything, do_everything});
	race_down(&r);
}

/* ---- the same page ----------------------------------------------------------- */

/* All threads write words of their own into pages that a fork has just shared. */
static void *write_shared_words(void *arg)
{
	struct thread *t = arg;
	uint64_t n = 0, got;

	while (going(t->r)) {
		uint64_t a = t->r->own + rnd(t, 2) * UPAGE + t->id * 8;

		CHECK(unit_try_store(t->r->u.mm, a, ++n));
		CHECK(unit_try_load(t->r->u.mm, a, &got));
		CHECK(got == n);
	}
	return NULL;
}

static void *fork_all_the_time(void *arg)
{
	struct thread *t = arg;

	while (going(t->r)) {
		struct quire_mm *child;

		CHECK(!quire_mm_fork(t->r->u.mm, NULL, &child));
		if (rnd(t, 2))
			sched_yield();
		quire_mm_put(child);
	}
	return NULL;
}

static void test_same_page_after_fork(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	run_threads(&r, (void *(*[])(void *)){write_shared_words, write_shared_words,
					      write_shared_words, fork_all_the_time});
	race_down(&r);
}

/* ---- order ------------------------------------------------------------------- */

#define LOG_PAGES 2048ull /* four tables, so that a fork takes its time over them */
#define LOG_BASE 0x50000000ull
#define LOG_INDEX (LOG_BASE + LOG_PAGES * UPAGE) /* the last one that fork comes to */

/* Page n is new when it is written, and the index says so afterwards. */
static void *write_log(void *arg)
{
	struct thread *t = arg;
	struct quire_mm *mm = t->r->u.mm;

	for (uint64_t n = 1; going(t->r); n++) {
		if (n % LOG_PAGES == 0) {
			CHECK(unit_try_store(mm, LOG_INDEX, 0));
			CHECK(!quire_madvise(mm, LOG_BASE, LOG_PAGES * UPAGE, QMADV_DONTNEED));
		}
		CHECK(unit_try_store(mm, LOG_BASE + n % LOG_PAGES * UPAGE, n));
		CHECK(unit_try_store(mm, LOG_INDEX, n));
	}
	return NULL;
}

static void *read_log_in_children(void *arg)
{
	struct thread *t = arg;
	uint64_t n, val;

	while (going(t->r)) {
		struct quire_mm *child;

		CHECK(!quire_mm_fork(t->r->u.mm, NULL, &child));
		CHECK(unit_try_load(child, LOG_INDEX, &n));
		if (n) {
			CHECK(unit_try_load(child, LOG_BASE + n % LOG_PAGES * UPAGE, &val));
			CHECK(val == n);
		}
		quire_mm_put(child);
	}
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void test_order_across_fork(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	unit_map(r.u.mm, LOG_BASE, (LOG_PAGES + 1) * UPAGE, URW, UANON | QMAP_FIXED);
	unit_store(r.u.mm, LOG_INDEX, 0);
	run_threads(&r, (void *(*[])(void *)){write_log, read_log_in_children, nothing, nothing});
	race_down(&r);
}

/* ---- replacement ------------------------------------------------------------- */

static void *replace_all_the_time(void *arg)
{
	struct thread *t = arg;

	while (going(t->r))
		replace_fixed(t);
	return NULL;
}

static void *touch_all_the_time(void *arg)
{
	struct thread *t = arg;

	while (going(t->r))
		touch_fixed(t);
	return NULL;
}

static void test_map_fixed_is_never_a_hole(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	run_threads(&r, (void *(*[])(void *)){replace_all_the_time, touch_all_the_time,
					      touch_all_the_time, touch_all_the_time});
	race_down(&r);
}

/* ---- unmapping --------------------------------------------------------------- */

/* Rule 4. */
static void *unmap_all_the_time(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;
	uint64_t len = OWN_PAGES * UPAGE, out;

	while (going(r)) {
		CHECK(!quire_mmap(r->u.mm, r->fixed, len, URW, UANON | QMAP_FIXED, NULL, 0, &out));
		if (rnd(t, 2))
			sched_yield();
		CHECK(!quire_munmap(r->u.mm, r->fixed, len));
		sched_yield();
		for (unsigned i = 0; i < OWN_PAGES; i++)
			CHECK(quire_pte(r->u.mm, r->fixed + i * UPAGE) == 0);
	}
	return NULL;
}

static void *fault_all_the_time(void *arg)
{
	struct thread *t = arg;
	struct quire_fault f;

	while (going(t->r))
		quire_fault(t->r->u.mm, t->r->fixed + rnd(t, OWN_PAGES) * UPAGE, QUIRE_WRITE, &f);
	return NULL;
}

static void test_nothing_stays_after_munmap(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	run_threads(&r, (void *(*[])(void *)){unmap_all_the_time, fault_all_the_time,
					      fault_all_the_time, fault_all_the_time});
	race_down(&r);
}

/* ---- truncation -------------------------------------------------------------- */

/* Rule 5: the pages are gone, and stay gone until the file grows. */
static void *truncate_all_the_time(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;
	uint64_t val;

	while (going(r)) {
		uint64_t pages = rnd(t, 2 * OWN_PAGES);

		CHECK(!quire_file_truncate(r->shm, pages * UPAGE));
		for (uint64_t i = pages; i < 2 * OWN_PAGES; i++)
			CHECK(!unit_try_load(r->u.mm, r->chaos + i * UPAGE, &val));
		if (rnd(t, 4) == 0)
			quire_madvise(r->u.mm, r->chaos, OWN_PAGES * UPAGE, QMADV_REMOVE);
		CHECK(!quire_file_truncate(r->shm, 2 * OWN_PAGES * UPAGE));
		r->truncations++;
	}
	return NULL;
}

/* Refused accesses are as good as others. */
static void *touch_file(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->r;

	while (going(r)) {
		uint64_t off = rnd(t, OWN_PAGES) * UPAGE, val;

		unit_try_load(r->u.mm, r->chaos + rnd(t, 2 * OWN_PAGES) * UPAGE, &val);
		if (t->id == 1)
			unit_try_store(r->u.mm, r->chaos + off + 8, 1);
		else
			unit_try_store(r->u.mm, r->chaos + OWN_PAGES * UPAGE + off, 2);
	}
	return NULL;
}

static void test_truncate(void **state)
{
	struct race r;

	(void)state;
	race_up(&r);
	unit_map_file(r.u.mm, r.chaos, OWN_PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, r.shm, 0);
	/* Other pages of it: copying them would race with shared writes, as it does on Linux. */
	unit_map_file(r.u.mm, r.chaos + OWN_PAGES * UPAGE, OWN_PAGES * UPAGE, URW,
		      QMAP_PRIVATE | QMAP_FIXED, r.shm, OWN_PAGES * UPAGE);
	run_threads(
	    &r, (void *(*[])(void *)){truncate_all_the_time, touch_file, touch_file, touch_file});
	print_message("%llu truncations\n", (unsigned long long)r.truncations);
	race_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_same_page_after_fork),
	    cmocka_unit_test(test_order_across_fork),
	    cmocka_unit_test(test_map_fixed_is_never_a_hole),
	    cmocka_unit_test(test_nothing_stays_after_munmap),
	    cmocka_unit_test(test_truncate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
