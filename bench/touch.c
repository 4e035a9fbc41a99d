/* SPDX-License-Identifier: MIT */
/* Prints the microseconds that the first write to an anonymous page takes, median of batches. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define BATCHES 33
#define PAGES 256

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

int main(void)
{
	double cost[BATCHES];

	for (int b = 0; b < BATCHES; b++) {
		char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		double begin = now_us();

		if (p == MAP_FAILED)
			return 1;
		for (int i = 0; i < PAGES; i++)
			*(volatile char *)(p + 4096L * i) = 1;
		cost[b] = (now_us() - begin) / PAGES;
		munmap(p, PAGES * 4096);
	}
	qsort(cost, BATCHES, sizeof(cost[0]), compare);
	printf("%.3f\n", cost[BATCHES / 2]);
	return 0;
}
