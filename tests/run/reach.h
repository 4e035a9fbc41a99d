/* SPDX-License-Identifier: MIT */
/*
 * reach.h: for guests that try, by their own system calls and stores, to reach what they must not:
 * the supervisor, the page tables, another guest.  Under `quire run` only, and against their own
 * run alone: natively they end with a SIGSEGV at the first look at run_info.
 */
#ifndef REACH_H
#define REACH_H

#include "must_fork.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "stub_test.h"

#include <sched.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/mount.h>

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

/* Of ours that lead to nothing but the guest's own program. */
static inline bool is_program(int i)
{
	return i == RUN_FD_EXE;
}

/* A file of the guest's that has no name. */
static inline int own_file(void)
{
	int fd = memfd_create("own", 0);

	CHECK(fd >= 0 && write(fd, "own", 3) == 3);
	return fd;
}

static inline bool is_own(int fd)
{
	char text[4] = "";

	return fd >= 0 && pread(fd, text, 3, 0) == 3 && !strcmp(text, "own");
}

static inline void put_text(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0) {
		CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
		close(fd);
	}
}

/* Mounts of one's own: an ordinary user's are in a user namespace of his.  False: not here. */
static inline bool private_mounts(void)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "0 %u 1", geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", getegid());

	if (unshare(CLONE_NEWNS)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return false;
		put_text("/proc/self/setgroups", "deny");
		put_text("/proc/self/uid_map", users);
		put_text("/proc/self/gid_map", groups);
	}
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
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
