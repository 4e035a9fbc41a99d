/* SPDX-License-Identifier: MIT */
/*
 * rows_huge.c: operations on huge pages of 2 MiB, out of a pool.
 *
 * The library's machine has such a pool.  The host's is as it is: where it has not enough of them
 * free, these rows have no figure of the host.
 */
#include "bench/rows.h"

#include <quire/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RW (QPROT_READ | QPROT_WRITE)
#define FLAGS (QMAP_PRIVATE | QMAP_FIXED | QMAP_HUGETLB | QMAP_HUGE_2MB)
#define PLACE 0x150000000000ull
#define OTHER_PLACE 0x160000000000ull
#define PAGES (BENCH_HUGE_PAGES / 2) /* a copy takes as many once more */
#define BYTES (PAGES << 21)

static long of_meminfo(const char *name)
{
	char line[128];
	long n = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			n = strtol(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

bool bench_host_has_huge(void)
{
	return of_meminfo("Hugepagesize:") == 2048 &&
	       of_meminfo("HugePages_Free:") - of_meminfo("HugePages_Rsvd:") >=
		   (long)BENCH_HUGE_PAGES;
}

static void map(struct memory *m)
{
	m->ops->map(m, PLACE, BYTES, RW, FLAGS, NULL);
}

static void populate(struct memory *m)
{
	m->ops->advise(m, PLACE, BYTES, QMADV_POPULATE_WRITE);
}

static void map_populated(struct memory *m)
{
	map(m);
	populate(m);
}

static void unmap(struct memory *m)
{
	m->ops->unmap(m, PLACE, BYTES);
}

double huge_fault(struct memory *m)
{
	double t;

	map(m);
	t = bench_now();
	populate(m);
	t = bench_now() - t;
	unmap(m);
	return t / (double)PAGES;
}

double huge_cow(struct memory *m)
{
	void *child;
	double t;

	map_populated(m);
	child = m->ops->fork(m);
	t = bench_now();
	populate(m);
	t = bench_now() - t;
	m->ops->end_child(m, child);
	unmap(m);
	return t / (double)PAGES;
}

double huge_fork(struct memory *m)
{
	void *child;
	double t;

	map_populated(m);
	t = bench_now();
	child = m->ops->fork(m);
	t = bench_now() - t;
	m->ops->end_child(m, child);
	unmap(m);
	return t / (double)PAGES;
}

double huge_munmap(struct memory *m)
{
	double t;

	map_populated(m);
	t = bench_now();
	unmap(m);
	return (bench_now() - t) / (double)PAGES;
}

/* As a whole, and nobody else has the pages: all else the host does not bear. */
double huge_remap(struct memory *m)
{
	double t;

	map_populated(m);
	t = bench_now();
	m->ops->remap(m, PLACE, BYTES, OTHER_PLACE);
	t = bench_now() - t;
	m->ops->unmap(m, OTHER_PLACE, BYTES);
	return t / (double)PAGES;
}
