/* SPDX-License-Identifier: MIT */
/*
 * measure.c: pairs of measurements, medians and spreads.
 */
#include "bench/measure.h"

#include <stdlib.h>

#define MAX_PAIRS 101

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double *figures, unsigned n)
{
	qsort(figures, n, sizeof(*figures), by_value);
	return (struct spread){figures[n / 2], figures[n / 4], figures[n - 1 - n / 4]};
}

void measure_row(const struct row *row, struct memory *host, struct memory *quire, unsigned pairs,
		 const struct units *units, struct figure *out)
{
	double h[MAX_PAIRS], q[MAX_PAIRS], r[MAX_PAIRS];

	pairs = pairs < MAX_PAIRS ? pairs : MAX_PAIRS;
	if (host)
		row->measure(host);
	row->measure(quire);
	for (unsigned i = 0; i < pairs; i++) {
		if (i % 2)
			q[i] = row->measure(quire);
		h[i] = host ? row->measure(host) : 0;
		if (i % 2 == 0)
			q[i] = row->measure(quire);
		r[i] = host ? q[i] / h[i] : 0;
	}
	out->row = row;
	out->host = spread_of(h, pairs);
	out->quire = spread_of(q, pairs);
	out->ratio = spread_of(r, pairs);
	out->aim = row->aim.z * units->z + row->aim.c * units->c + row->aim.a * units->a;
}
