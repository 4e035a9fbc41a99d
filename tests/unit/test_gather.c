/* SPDX-License-Identifier: MIT */
/*
 * test_gather.c: how often a large range that goes is flushed, and for which addresses.
 *
 * RAM is untouched memory of the host's that reads as zero, so that its pages cost nothing.
 */
#include <sys/mman.h>

#include "core/table/tlb.h"
#include "unit.h"

#define RAM_BYTES (448ull << 20)
#define BYTES (400ull << 20)
#define PLACE 0x10000000000ull
#define MOST_FLUSHES 32u

struct gather_test {
	struct unit u;    /* first: the port's ctx */
	uint64_t outside; /* flushes of something else than the range */
	bool no_pieces;
};

static void flush_seen(void *ctx, struct quire_mm *mm, void *cookie,
		       const struct quire_tlb_range *ranges, unsigned n)
{
	struct gather_test *t = ctx;

	unit_flush(ctx, mm, cookie, ranges, n);
	t->outside += n == 0;
	for (unsigned i = 0; i < n; i++)
		t->outside += ranges[i].start < PLACE || ranges[i].end > PLACE + BYTES;
}

static void *alloc_or_not(void *ctx, size_t bytes)
{
	struct gather_test *t = ctx;

	return t->no_pieces && bytes == sizeof(struct tlb_piece) ? NULL : unit_alloc(ctx, bytes);
}

static struct gather_test *up(void)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_BYTES};
	struct gather_test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	o.ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(o.ram != MAP_FAILED);
	o.ram_is_zero = true;
	unit_port(&t->u);
	t->u.port.tlb_flush = flush_seen;
	t->u.port.alloc = alloc_or_not;
	unit_machine_mm(&t->u, &o, NULL);
	unit_map(t->u.mm, PLACE - UPAGE, BYTES + 2 * UPAGE, URW, UANON | QMAP_FIXED);
	assert_int_equal(
	    quire_madvise(t->u.mm, PLACE - UPAGE, BYTES + 2 * UPAGE, QMADV_POPULATE_WRITE), 0);
	t->u.flushes = 0;
	return t;
}

static void down(struct gather_test *t)
{
	void *ram = t->u.m->ram;

	unit_down(&t->u);
	munmap(ram, RAM_BYTES);
	free(t);
}

static uint64_t resident(struct unit *u)
{
	struct quire_mm_stats st;

	quire_mm_stats(u->mm, &st);
	return st.rss_anon;
}

static void test_few_flushes(void **state)
{
	struct gather_test *t = up();

	(void)state;
	assert_int_equal(quire_munmap(t->u.mm, PLACE, BYTES), 0);
	assert_in_range(t->u.flushes, 1, MOST_FLUSHES);
	assert_int_equal(t->outside, 0);
	assert_int_equal(resident(&t->u), 2);
	down(t);
}

static void test_few_flushes_dontneed(void **state)
{
	struct gather_test *t = up();

	(void)state;
	assert_int_equal(quire_madvise(t->u.mm, PLACE, BYTES, QMADV_DONTNEED), 0);
	assert_in_range(t->u.flushes, 1, MOST_FLUSHES);
	assert_int_equal(t->outside, 0);
	assert_int_equal(resident(&t->u), 2);
	down(t);
}

static void test_no_memory_for_pieces(void **state)
{
	struct gather_test *t = up();

	(void)state;
	t->no_pieces = true;
	assert_int_equal(quire_munmap(t->u.mm, PLACE, BYTES), 0);
	assert_in_range(t->u.flushes, BYTES / UPAGE / TLB_GATHER_FOLIOS, BYTES / UPAGE);
	assert_int_equal(t->outside, 0);
	assert_int_equal(resident(&t->u), 2);
	t->no_pieces = false;
	down(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_few_flushes),
	    cmocka_unit_test(test_few_flushes_dontneed),
	    cmocka_unit_test(test_no_memory_for_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
