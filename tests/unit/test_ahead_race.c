/* SPDX-License-Identifier: MIT */
/*
 * test_ahead_race.c: threads that write upwards through the tables, as an executor does, while
 * others take back what was mapped ahead of them.  Run it under ThreadSanitizer, too.
 *
 *   1  What a thread has stored is there, zeros and all else, whoever settles meanwhile.
 *   2  A page of zeros reads as zeros, whether it was taken back or not.
 *
 * QUIRE_RACE_MS sets the length (400).
 */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#define WRITERS 3u
#define OWN_PAGES 48u
#define AT 0x20000000ull

struct race {
	struct unit u; /* first: the port's ctx */
	char *ram;
	pthread_rwlock_t access;           /* read: one is going on; write: a flush waits for all */
	uint8_t used[WRITERS * OWN_PAGES]; /* A: since the last flush */
	uint64_t until;
	uint64_t wrong; /* A */
};

struct writer {
	struct race *r;
	uint64_t at, rnd;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t next_random(struct writer *w)
{
	w->rnd = w->rnd * 6364136223846793005ull + 1442695040888963407ull;
	return w->rnd >> 33;
}

/* port.h, 7: translations are used under the lock alone, so that waiting for it flushes. */
static void flush(void *ctx, struct quire_mm *mm, void *cookie,
		  const struct quire_tlb_range *ranges, unsigned n)
{
	struct race *r = ctx;

	(void)mm;
	(void)cookie;
	pthread_rwlock_wrlock(&r->access);
	for (unsigned i = 0; i < WRITERS * OWN_PAGES; i++)
		for (unsigned k = 0; k < n; k++)
			if (ranges[k].start <= AT + i * UPAGE && AT + i * UPAGE < ranges[k].end)
				__atomic_store_n(&r->used[i], 0, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&r->access);
}

static void tell_used(void *ctx, struct quire_mm *mm, void *cookie, uint64_t start, unsigned pages,
		      uint8_t *used)
{
	struct race *r = ctx;

	(void)mm;
	(void)cookie;
	for (unsigned i = 0; i < pages; i++)
		used[i] = __atomic_load_n(&r->used[(start - AT) / UPAGE + i], __ATOMIC_RELAXED);
}

/* One word, by a walk of the tables; false: it faults. */
static bool access_word(struct race *r, uint64_t addr, bool write, uint64_t *value)
{
	uint64_t need = QUIRE_PTE_PRESENT | QUIRE_PTE_USER, pte, *p;

	if (write)
		need |= QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY;
	pthread_rwlock_rdlock(&r->access);
	pte = quire_pte(r->u.mm, addr);
	if ((pte & need) == need) {
		p = (uint64_t *)(void *)(r->ram + (pte & QUIRE_PTE_FRAME_MASK) + addr % UPAGE);
		__atomic_store_n(&r->used[(addr - AT) / UPAGE], 1, __ATOMIC_RELAXED);
		if (write) /* the core looks into pages that executors write */
			__atomic_store_n(p, *value, __ATOMIC_RELAXED);
		else
			*value = __atomic_load_n(p, __ATOMIC_RELAXED);
	}
	pthread_rwlock_unlock(&r->access);
	return (pte & need) == need;
}

static void do_access(struct race *r, uint64_t addr, bool write, uint64_t *value)
{
	while (!access_word(r, addr, write, value))
		if (quire_fault(r->u.mm, addr, write ? QUIRE_WRITE : QUIRE_READ, NULL) !=
		    QUIRE_FAULT_OK)
			__atomic_add_fetch(&r->wrong, 1, __ATOMIC_RELAXED);
}

static void write_and_read_back(struct writer *w)
{
	unsigned pages = (unsigned)(next_random(w) % OWN_PAGES) + 1;
	uint64_t values[OWN_PAGES], value, word = next_random(w) % 512 * 8;

	for (unsigned i = 0; i < pages; i++) {
		values[i] = next_random(w) % 2 ? next_random(w) + 1 : 0;
		do_access(w->r, w->at + i * UPAGE + word, true, &values[i]);
	}
	for (unsigned i = 0; i < OWN_PAGES; i++) {
		do_access(w->r, w->at + i * UPAGE + word, false, &value);
		if (value != (i < pages ? values[i] : 0))
			__atomic_add_fetch(&w->r->wrong, 1, __ATOMIC_RELAXED);
	}
	if (quire_madvise(w->r->u.mm, w->at, OWN_PAGES * UPAGE, QMADV_DONTNEED))
		__atomic_add_fetch(&w->r->wrong, 1, __ATOMIC_RELAXED);
}

static void *write_all_the_time(void *arg)
{
	struct writer *w = arg;

	while (now_ms() < w->r->until)
		write_and_read_back(w);
	return NULL;
}

static void *settle_all_the_time(void *arg)
{
	struct race *r = arg;
	uint8_t vec[OWN_PAGES];

	while (now_ms() < r->until) {
		quire_settle(r->u.mm, 0, UINT64_MAX);
		quire_mincore(r->u.mm, AT, OWN_PAGES * UPAGE, vec);
		sched_yield();
	}
	return NULL;
}

static void up(struct race *r)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = UNIT_RAM, .fault_ahead_bytes = 16 * UPAGE};
	const char *ms = getenv("QUIRE_RACE_MS");

	memset(r, 0, sizeof(*r));
	unit_port(&r->u);
	r->u.port.tlb_flush = flush;
	r->u.port.tlb_used = tell_used;
	pthread_rwlock_init(&r->access, NULL);
	r->ram = aligned_alloc(UPAGE, UNIT_RAM);
	o.ram = r->ram;
	unit_machine_mm(&r->u, &o, NULL);
	unit_map(r->u.mm, AT, WRITERS * OWN_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	r->until = now_ms() + (ms ? strtoull(ms, NULL, 0) : 400);
}

static void test_stores_stay(void **state)
{
	struct writer w[WRITERS];
	pthread_t writers[WRITERS], settler;
	struct quire_mm_stats st;
	struct race r;

	(void)state;
	up(&r);
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){&r, AT + i * OWN_PAGES * UPAGE, i + 1};
		assert_int_equal(pthread_create(&writers[i], NULL, write_all_the_time, &w[i]), 0);
	}
	assert_int_equal(pthread_create(&settler, NULL, settle_all_the_time, &r), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	pthread_join(settler, NULL);
	assert_int_equal(r.wrong, 0);
	quire_mm_stats(r.u.mm, &st);
	assert_true(st.ahead_pages && st.ahead_unused);
	unit_down(&r.u);
	pthread_rwlock_destroy(&r.access);
	free(r.ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stores_stay)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
