/* SPDX-License-Identifier: MIT */
/*
 * rows.h: what is measured: one row for each operation.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/memory.h"

/*
 * The units of cost, ns, measured in the same run: memset of a cold page, memcpy of one, one
 * uncontended atomic add.
 */
struct units {
	double z, c, a;
};
struct units units_measure(void);

/* What an operation may cost in the library: so many of each unit. */
struct aim {
	double z, c, a;
};

enum row_kind {
	ROW_ONE,     /* of one thread */
	ROW_HUGE,    /* the same, on huge pages: where the host has too few, it has no figure */
	ROW_THREADS, /* several threads do it together */
};

struct row {
	const char *name;
	const char *unit; /* the cost is that of one: "page", "pair", "call" */
	struct aim aim;
	/* Does one repeat.  Returns its cost, ns a unit. */
	double (*measure)(struct memory *m);
	enum row_kind kind;
};
extern const struct row rows[];
extern const unsigned nr_rows;

/* Costs that rows and plot.c share (rows.c).  fork with so many bytes populated: ns a page. */
double bench_fork(struct memory *m, uint64_t bytes);
/* mmap and munmap of a page beside so many other mappings: ns a pair. */
double bench_map_among(struct memory *m, unsigned vmas);

/* Calls in a repeat, where the unit is not a page. */
#define BENCH_SMALL_REPEATS 2000u
/* Bytes that the rows of one thread work on: a multiple of 64 KiB. */
extern uint64_t bench_region;

/* Huge pages that rows_huge.c works with, and whether so many are free on the host. */
#define BENCH_HUGE_PAGES 128u
bool bench_host_has_huge(void);
double huge_fault(struct memory *m);
double huge_cow(struct memory *m);
double huge_fork(struct memory *m);
double huge_munmap(struct memory *m);
double huge_remap(struct memory *m);

/* Operations of several threads (rows_threads.c): wall time, ns a unit. */
extern unsigned bench_threads; /* how many fault_together starts */
double fault_together(struct memory *m);
double fault_beside_map(struct memory *m);
double map_beside_populate(struct memory *m);

/* CPU time of this thread, ns. */
double bench_now(void);

#endif
