/* SPDX-License-Identifier: MIT */
/*
 * bench.h: what the programs of `make bench` share.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Ends the program, which is called `program`, unless ok. */
static inline void need_in(const char *program, bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s failed\n", program, what);
	exit(2);
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static inline double median_of(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

#endif
