/* SPDX-License-Identifier: MIT */
/*
 * proc.h: what the proc_*.c guest programs share: reading files of /proc, and checks.
 *
 * Each program says one line per check and exits 1 if one failed.  They pass natively and under
 * `quire run`, with the same output.
 */
#ifndef TESTS_RUN_PROC_H
#define TESTS_RUN_PROC_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static int failures;

/* The values are shown only when the check fails: output is the same everywhere. */
__attribute__((format(printf, 3, 4))) static inline void check(bool ok, const char *what,
							       const char *fmt, ...)
{
	va_list ap;

	printf("%s %s\n", ok ? "ok" : "FAILED", what);
	if (ok)
		return;
	failures++;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static inline int finish(void)
{
	fflush(stdout);
	return failures ? 1 : 0;
}

static inline void same(const char *what, long got, long want)
{
	check(got == want, what, "  got %ld, want %ld", got, want);
}

/* The kernel's own counters of rss may lag by a few pages for each CPU. */
static inline void near(const char *what, long got, long want, long slack)
{
	check(got >= want - slack && got <= want + slack, what, "  got %ld, want %ld +- %ld", got,
	      want, slack);
}

/* A whole file, NUL-terminated; the program ends if there is none. */
static inline char *slurp(const char *path)
{
	size_t cap = 1 << 20, len = 0;
	char *text = malloc(cap);
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0 || !text) {
		printf("FAILED cannot read %s\n", path);
		exit(1);
	}
	while ((n = read(fd, text + len, cap - len - 1)) > 0) {
		len += (size_t)n;
		if (cap - len < 65536)
			text = realloc(text, cap *= 2);
	}
	close(fd);
	text[len] = 0;
	return text;
}

/* The number after "key:" at the beginning of a line at or after `text`; -1: there is none. */
static inline long field(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : p)
		if (!strncmp(p, key, len) && p[len] == ':')
			return strtol(p + len + 1, NULL, 10);
	return -1;
}

/* The entry of smaps (or line of maps) of the mapping that begins at addr; NULL: there is none. */
static inline const char *entry(const char *text, const void *addr)
{
	char head[40];
	size_t len = (size_t)snprintf(head, sizeof(head), "%08lx-", (unsigned long)addr);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : p)
		if (!strncmp(p, head, len))
			return p;
	return NULL;
}

/* One number of the smaps entry of the mapping that begins at addr. */
static inline long smaps(const void *addr, const char *key)
{
	char *text = slurp("/proc/self/smaps");
	const char *e = entry(text, addr);
	long v = e ? field(e, key) : -1;

	free(text);
	return v;
}

static inline long status_field(const char *key)
{
	char *text = slurp("/proc/self/status");
	long v = field(text, key);

	free(text);
	return v;
}

/* Anonymous memory with a hole on either side, so that it is a mapping of its own. */
static inline char *map_alone(size_t pages, int flags)
{
	char *p =
	    mmap(NULL, (pages + 2) * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		printf("FAILED mmap\n");
		exit(1);
	}
	munmap(p, PAGE);
	munmap(p + (pages + 1) * PAGE, PAGE);
	madvise(p + PAGE, pages * PAGE, MADV_NOHUGEPAGE);
	return p + PAGE;
}

static inline void touch(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = 1;
}

static inline void look(const char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		(void)*(const volatile char *)(p + i * PAGE);
}

#endif
