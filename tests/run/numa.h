/* SPDX-License-Identifier: MIT */
/*
 * numa.h: what programs on a machine of several nodes share.
 */
#ifndef TEST_NUMA_H
#define TEST_NUMA_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY, WEIGHTED };
enum { STRICT = 1, MOVE = 2, MOVE_ALL = 4 };

static inline void check_at(bool ok, const char *file, int line, const char *what, long got)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: %s: %ld, errno %d\n", file, line, what, got, errno);
	_exit(1);
}
#define check(cond) check_at((cond), __FILE__, __LINE__, #cond, 0)
#define equal(a, b)                                                                                \
	do {                                                                                       \
		long a_ = (long)(a);                                                               \
		check_at(a_ == (long)(b), __FILE__, __LINE__, #a " == " #b, a_);                   \
	} while (0)

/* 0 or -errno, as the next. */
static inline long mbind_to(void *p, unsigned long pages, int mode, unsigned long nodes, int flags)
{
	return syscall(SYS_mbind, p, pages * PAGE, mode, &nodes, 64, flags) ? -errno : 0;
}

/* The node that move_pages tells, or what it tells instead. */
static inline long node_in(pid_t pid, void *p)
{
	int status = -1000;
	long r = syscall(SYS_move_pages, pid, 1ul, &p, NULL, &status, 0);

	return r < 0 ? -errno : status;
}

#endif
