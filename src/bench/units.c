/* SPDX-License-Identifier: MIT */
/*
 * units.c: what clearing a page, copying a page and an atomic add cost here and now.
 */
#include "bench/rows.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* bench/instructions counts the instructions between two calls of bench_now(). */
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#endif

/* More than any cache holds. */
#define COLD_BYTES (256ull << 20)
#define ADDS 2000000

double bench_now(void)
{
	struct timespec t;

	CALLGRIND_TOGGLE_COLLECT;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure_a(void)
{
	static uint64_t word;
	double t = bench_now();

	for (unsigned i = 0; i < ADDS; i++)
		__atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
	return (bench_now() - t) / ADDS;
}

struct units units_measure(void)
{
	static char *cold;
	static int byte;
	uint64_t pages = COLD_BYTES / BENCH_PAGE, half = pages / 2;
	struct units u;
	double t;

	if (!cold) {
		cold = mmap(NULL, COLD_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		bench_must(cold != MAP_FAILED, "units", "memory");
		madvise(cold, COLD_BYTES, MADV_DONTFORK);
	}
	byte++;
	t = bench_now();
	for (uint64_t i = 0; i < pages; i++)
		memset(cold + i * BENCH_PAGE, byte, BENCH_PAGE);
	u.z = (bench_now() - t) / (double)pages;
	t = bench_now();
	for (uint64_t i = 0; i < half; i++)
		memcpy(cold + i * BENCH_PAGE, cold + (half + i) * BENCH_PAGE, BENCH_PAGE);
	u.c = (bench_now() - t) / (double)half;
	u.a = measure_a();
	return u;
}
