/* SPDX-License-Identifier: MIT */
/*
 * reach.h: for guests that try, by their own system calls and stores, to reach what they must not:
 * the supervisor, the page tables, another guest.  Under `quire run` only, and against their own
 * run alone: natively they end with a SIGSEGV at the first look at run_info.
 */
#ifndef REACH_H
#define REACH_H

#include "must_fork.h"
#include "run/proto.h"
#include "stub_test.h"

#include <setjmp.h>
#include <stddef.h>

#define INFO ((const volatile struct run_info *)INFO_BASE)

static sigjmp_buf after_access;

static inline void on_access_fault(int sig)
{
	siglongjmp(after_access, sig);
}

/* Volatile: across siglongjmp. */
static inline bool may_read(uint64_t addr)
{
	volatile bool may = false;

	if (!sigsetjmp(after_access, 1)) {
		(void)*(const volatile char *)addr;
		may = true;
	}
	return may;
}

/* What is there stays there if it may. */
static inline bool may_write(uint64_t addr)
{
	volatile bool may = false;

	if (!sigsetjmp(after_access, 1)) {
		*(volatile char *)addr = *(const volatile char *)addr;
		may = true;
	}
	return may;
}

static inline void catch_access_faults(void)
{
	signal(SIGSEGV, on_access_fault);
	signal(SIGBUS, on_access_fault);
}

/* The exit status. */
static inline int reach(const struct test_case *cases, const char *name)
{
	if (INFO->magic != RUN_MAGIC)
		return 2;
	alarm(100);
	return run_named(cases, name);
}

#endif
