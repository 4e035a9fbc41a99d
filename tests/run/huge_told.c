/* SPDX-License-Identifier: MIT */
/*
 * huge_told.c: what /proc tells of huge pages: no part of rss, and counted by themselves.  Prints
 * what numa_maps has of each mapping, behind its name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE (2ul << 20)

/* Of the line that begins so, what follows `behind`. */
static void print_line(const char *path, const char *begin, const char *behind)
{
	FILE *f = fopen(path, "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strncmp(line, begin, strlen(begin)) ? NULL : strstr(line, behind);

		if (at)
			fputs(at, stdout);
	}
	if (f)
		fclose(f);
}

static unsigned long kb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[512];
	unsigned long n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			n = strtoul(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static void print_nodes_of(const char *what, const void *at)
{
	char begin[32];

	printf("%s:", what);
	fflush(stdout);
	snprintf(begin, sizeof(begin), "%lx ", (unsigned long)at);
	print_line("/proc/self/numa_maps", begin, " huge");
}

static char *map(int flags)
{
	char *p = mmap(NULL, 4 * HUGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_HUGETLB,
		       -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

int main(void)
{
	volatile char *p = map(MAP_PRIVATE), *s = map(MAP_SHARED);
	unsigned long rss = kb("VmRSS:");

	print_nodes_of("untouched", (char *)p);
	(void)p[0];
	print_nodes_of("read", (char *)p);
	p[HUGE] = 1;
	print_nodes_of("written", (char *)p);
	(void)s[0];
	print_nodes_of("shared", (char *)s);
	if (mlock((char *)p, 4 * HUGE))
		perror("mlock");
	printf("rss %s\n", kb("VmRSS:") < rss + 1024 ? "stays" : "grows");
	print_line("/proc/self/status", "VmLck:", "VmLck:");
	print_line("/proc/self/status", "HugetlbPages:", "HugetlbPages:");
	return 0;
}
