/* SPDX-License-Identifier: MIT */
/*
 * mremap_matrix.c: mremap of every kind of range with every combination of flags, sizes and
 * targets, so that each two things that may be wrong with a call are wrong at once somewhere: which
 * of them is told, and what is mapped afterwards.  Natively and under quire run the output is the
 * same; addresses are not printed.
 *
 * Not here: locked memory that MREMAP_DONTUNMAP leaves, and sizes that the host cannot commit where
 * it cuts off: there its own counts go wrong (docs/compat.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PG 4096ul
#define ARENA 0x100000000000ul
#define PAGES 64ul
#define FROM (ARENA + 8 * PG)
#define TO (ARENA + 32 * PG)
#define RW (PROT_READ | PROT_WRITE)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static int file;

static void map(unsigned long at, unsigned long pages, int prot, int flags)
{
	int fd = flags & MAP_ANONYMOUS ? -1 : file;

	if (mmap((void *)at, pages * PG, prot, flags | MAP_FIXED, fd, 0) != MAP_FAILED)
		return;
	perror("mmap");
	exit(1);
}

static void touch(unsigned long at)
{
	*(volatile char *)at = 1;
}

#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

/* Pages 0 to 3 of the source; page 4 is somebody else's in the last. */
static void make_source(unsigned kind)
{
	static const int flags[] = {PRIVATE, SHARED, MAP_PRIVATE, MAP_SHARED,
				    PRIVATE | MAP_GROWSDOWN};

	if (kind < LENGTH(flags)) {
		map(FROM, 4, RW, flags[kind]);
		touch(FROM + 3 * PG);
	} else if (kind == 5) { /* two */
		map(FROM, 2, RW, PRIVATE);
		map(FROM + 2 * PG, 2, PROT_READ, SHARED);
		touch(FROM);
	} else if (kind == 6) { /* a hole first */
		map(FROM + PG, 3, RW, PRIVATE);
	} else if (kind == 7) { /* a hole inside */
		map(FROM, 1, RW, PRIVATE);
		map(FROM + 2 * PG, 2, RW, PRIVATE);
		touch(FROM + 2 * PG);
	} else if (kind == 8) {
		map(FROM, 4, PROT_NONE, PRIVATE);
		map(FROM + 4 * PG, 1, PROT_READ, PRIVATE);
	}
}
#define NR_SOURCES 10u /* the last is nothing */

static const unsigned long starts[] = {FROM, FROM + PG, FROM + 1};
static const unsigned long had[] = {4 * PG, 0, 5 * PG, 1ul << 62, -PG};
static const unsigned long gets[] = {4 * PG, 0, 3 * PG + 1, 6 * PG, 1ul << 62};
static const unsigned long targets[] = {TO, FROM + 2 * PG, FROM, TO + 8, 1ul << 60};
static const unsigned long all_flags[] = {0, 1, 2, 3, 5, 7, 8 | 3};

/* FNV-1a, of what maps says of the arena. */
static unsigned long sum_of_maps(void)
{
	unsigned long start, end, sum = 0xcbf29ce484222325;
	char line[512], prot[8];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, prot) != 3 || start < ARENA ||
		    start >= ARENA + PAGES * PG)
			continue;
		snprintf(line, sizeof(line), "%lx %lx %s", start, end, prot);
		for (const char *c = line; *c; c++)
			sum = (sum ^ (unsigned char)*c) * 0x100000001b3;
	}
	if (f)
		fclose(f);
	return sum;
}

static void clean(void)
{
	munmap((void *)ARENA, PAGES * PG);
}

static long call(unsigned source, const unsigned long *a)
{
	long r;

	clean();
	make_source(source);
	map(TO + PG, 1, PROT_READ | PROT_EXEC, PRIVATE);
	r = syscall(SYS_mremap, a[0], a[1], a[2], a[3], a[4]);
	if (r == -1)
		return errno;
	if ((unsigned long)r - ARENA < PAGES * PG)
		return -(long)(((unsigned long)r - ARENA) / PG);
	munmap((void *)r, a[2]);
	return -1000; /* somewhere */
}

/* All sizes and targets, in one line. */
static void line(unsigned source, unsigned long start, unsigned long flags)
{
	unsigned long sum = 0;

	printf("source %u+%#lx flags %lu:", source, start - FROM, flags);
	for (unsigned i = 0; i < LENGTH(had) * LENGTH(gets) * LENGTH(targets); i++) {
		unsigned long a[] = {start, had[i % LENGTH(had)],
				     gets[i / LENGTH(had) % LENGTH(gets)], flags,
				     targets[i / LENGTH(had) / LENGTH(gets)]};

		printf(" %ld", call(source, a));
		sum = sum * 31 + sum_of_maps();
	}
	printf(" maps %lx\n", sum);
}

int main(void)
{
	file = memfd_create("file", 0);
	if (file < 0 || ftruncate(file, 8 * PG))
		return 1;
	for (unsigned s = 0; s < NR_SOURCES; s++)
		for (unsigned a = 0; a < (s ? 2 : LENGTH(starts)); a++)
			for (unsigned f = 0; f < LENGTH(all_flags); f++)
				line(s, starts[a], all_flags[f]);
	return 0;
}
