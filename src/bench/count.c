/* SPDX-License-Identifier: MIT */
/*
 * count.c: a row of the library, without any measurement.
 */
#include "bench/count.h"
#include "bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BYTES (320ull << 20)
#define REGION_BYTES (2ull << 20)
#define STATUS_NO_ROW 3

static unsigned long long units_of(const struct row *row)
{
	if (row->kind == ROW_HUGE)
		return BENCH_HUGE_PAGES / 2;
	return strcmp(row->unit, "page") ? BENCH_SMALL_REPEATS : REGION_BYTES / BENCH_PAGE;
}

int count_main(int argc, char **argv)
{
	unsigned long row = argc == 1 ? strtoul(argv[0], NULL, 10) : nr_rows;
	struct memory *m;

	if (row >= nr_rows || rows[row].kind == ROW_THREADS)
		return STATUS_NO_ROW;
	bench_region = REGION_BYTES;
	m = memory_quire(RAM_BYTES);
	rows[row].measure(m);
	printf("%s\t%llu\n", rows[row].name, units_of(&rows[row]));
	return 0;
}
