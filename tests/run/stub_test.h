/* SPDX-License-Identifier: MIT */
/*
 * stub_test.h: for guest programs that check one part of what a process sees.  They print the
 * same natively and under `quire run`, and end with 1 if a check failed.
 */
#ifndef STUB_TEST_H
#define STUB_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			printf("FAILED %s:%d: %s (errno %d)\n", __func__, __LINE__, #x, errno);    \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

/* The call fails, with this errno. */
#define FAILS(x, e)                                                                                \
	do {                                                                                       \
		long r_ = (long)(x);                                                               \
		if (r_ != -1 || errno != (e)) {                                                    \
			printf("FAILED %s:%d: %s is %ld, errno %d\n", __func__, __LINE__, #x, r_,  \
			       errno);                                                             \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

#define RUN(test)                                                                                  \
	do {                                                                                       \
		int before_ = failures;                                                            \
		test();                                                                            \
		printf("%s %s\n", failures == before_ ? "ok" : "FAILED", #test);                   \
		fflush(stdout);                                                                    \
	} while (0)

/* A part of a program that is run alone, by its name.  The last has no name. */
struct test_case {
	const char *name;
	void (*fn)(void);
};

/* The exit status: 2, if there is no such case. */
static inline int run_named(const struct test_case *cases, const char *name)
{
	for (; cases->name; cases++) {
		if (!name || strcmp(cases->name, name))
			continue;
		cases->fn();
		return failures != 0;
	}
	return 2;
}

/* A handler in the old or the new shape. */
static inline void catch_with(int sig, void (*fn)(int, siginfo_t *, void *), int flags, int blocked)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = fn;
	sa.sa_flags = SA_SIGINFO | flags;
	if (blocked)
		sigaddset(&sa.sa_mask, blocked);
	sigaction(sig, &sa, NULL);
}

static inline void *anon(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#endif
