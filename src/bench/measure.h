/* SPDX-License-Identifier: MIT */
/*
 * measure.h: a row on both sides, in pairs.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/rows.h"

/* The middle of several figures, and where the middle half of them lies. */
struct spread {
	double median, low, high;
};

struct figure {
	const struct row *row;
	struct spread host, quire; /* ns a unit */
	struct spread ratio;       /* quire / host, of pairs */
	double aim;                /* ns */
};

/* The figures are sorted. */
struct spread spread_of(double *figures, unsigned n);
/* Host, quire, quire, host, .. so many pairs after one that does not count.  host may be NULL: then
 * its figures and the ratio are 0. */
void measure_row(const struct row *row, struct memory *host, struct memory *quire, unsigned pairs,
		 const struct units *units, struct figure *out);

#endif
