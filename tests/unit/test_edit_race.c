/* SPDX-License-Identifier: MIT */
/*
 * test_edit_race.c: changes of the VMAs against faults that take no lock.
 *
 * What must hold whatever the timing: a range that is replaced by MAP_FIXED, or
 * whose rights only grow back and forth between readable and writable, is never
 * seen as a hole; what a thread wrote after its own mmap returned is still there;
 * the books balance in the end.  Meant for TSan as well.
 */
#include <pthread.h>

#include "unit.h"

#define BASE 0x10000000ull
#define AT(n) (BASE + (n)*UPAGE)
#define SPAN 1024ull /* pages; two tables and their border */

static struct unit *unit;
static uint32_t stop;
static uint64_t faults;
static unsigned rounds = 300;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED) != 0;
}

/* Loads all over the span; none may be refused. */
static void *reader(void *arg)
{
	uint64_t x = (uintptr_t)arg, val;

	while (!stopped()) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		assert_true(unit_try_load(unit->mm, AT((x >> 33) % SPAN), &val));
		__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Stores where they may be refused for a moment. */
static void *writer(void *arg)
{
	uint64_t x = (uintptr_t)arg;

	while (!stopped()) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		(void)unit_try_store(unit->mm, AT((x >> 33) % SPAN) + 8, x);
		__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void with_threads(void *(*body)(void *), unsigned n, void (*work)(unsigned))
{
	pthread_t t[4];

	stop = 0;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_create(&t[i], NULL, body, (void *)(uintptr_t)(i + 1)), 0);
	for (unsigned i = 0; i < rounds; i++)
		work(i);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	unit_verify(unit);
}

static void map_fixed(uint64_t page, uint64_t pages)
{
	unit_map(unit->mm, AT(page), pages * UPAGE, URW, UANON | QMAP_FIXED);
}

static void replace(unsigned i)
{
	uint64_t page = i * 37 % 900, pages = 1 + i % 120;

	map_fixed(page, pages);
	for (uint64_t p = page; p < page + pages; p++)
		unit_store(unit->mm, AT(p), i * SPAN + p);
	for (uint64_t p = page; p < page + pages; p++)
		assert_int_equal(unit_load(unit->mm, AT(p)), i * SPAN + p);
}

static void protect(unsigned i)
{
	uint64_t page = i * 37 % 900, pages = 1 + i % 120;

	assert_int_equal(quire_mprotect(unit->mm, AT(page), pages * UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(unit->mm, AT(page), pages * UPAGE, URW), 0);
	assert_int_equal(quire_madvise(unit->mm, AT(page), UPAGE, QMADV_DONTNEED), 0);
}

static void move(unsigned i)
{
	uint64_t page = i * 37 % 900, pages = 1 + i % 120, out;

	for (uint64_t p = page; p < page + pages; p++)
		unit_store(unit->mm, AT(p), i * SPAN + p);
	assert_int_equal(quire_mremap(unit->mm, AT(page), pages * UPAGE, pages * UPAGE,
				      QMREMAP_MAYMOVE, 0, &out),
			 0);
	assert_int_equal(quire_mremap(unit->mm, AT(page), pages * UPAGE, pages * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, AT(2000), &out),
			 0);
	for (uint64_t p = 0; p < pages; p++)
		assert_int_equal(unit_load(unit->mm, AT(2000 + p)), i * SPAN + page + p);
	assert_int_equal(quire_mremap(unit->mm, AT(2000), pages * UPAGE, pages * UPAGE,
				      QMREMAP_MAYMOVE | QMREMAP_FIXED, AT(page), &out),
			 0);
	for (uint64_t p = page; p < page + pages; p++)
		assert_int_equal(unit_load(unit->mm, AT(p)), i * SPAN + p);
}

static void unmap_and_fork(unsigned i)
{
	struct quire_mm *child;
	uint64_t page = i * 37 % 900;

	assert_int_equal(quire_munmap(unit->mm, AT(page), 64 * UPAGE), 0);
	assert_int_equal(quire_mm_fork(unit->mm, NULL, &child), 0);
	map_fixed(page, 64);
	(void)unit_try_store(child, AT(page + 64), i);
	quire_mm_put(child);
}

static void replaced_is_no_hole(void **state)
{
	unit = *state;
	map_fixed(0, SPAN);
	with_threads(reader, 2, replace);
}

static void reprotected_is_no_hole(void **state)
{
	unit = *state;
	map_fixed(0, SPAN);
	with_threads(reader, 2, protect);
}

static void moved_pages_keep_content(void **state)
{
	unit = *state;
	map_fixed(0, SPAN);
	with_threads(writer, 2, move);
}

static void fork_under_fire(void **state)
{
	unit = *state;
	map_fixed(0, SPAN);
	rounds = 100;
	with_threads(writer, 2, unmap_and_fork);
	print_message("%llu racing accesses\n", (unsigned long long)faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(replaced_is_no_hole),
	    unit_test(reprotected_is_no_hole),
	    unit_test(moved_pages_keep_content),
	    unit_test(fork_under_fire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
