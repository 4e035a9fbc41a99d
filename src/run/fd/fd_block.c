/* SPDX-License-Identifier: MIT */
/*
 * fd_block.c: the numbers that our descriptors have in every guest process (run_info.h, FD_BASE).
 *
 * They are the first ones that are free at or above what a guest may open, so that it has all of
 * its own; if there are none below the hard limit, the last ones that are free.  What was open
 * when we were started is handed on to the first process, and keeps its number.
 *
 * Chosen before we open anything: then dummies stand there, so that none of our own descriptors,
 * which become those at other numbers, is in the way.
 */
#include "run/fd/fd_block.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The kernel's table of a process reaches to its highest number: a fork copies it. */
#define ABOVE_MAX 4096u
#define AMONG 1024u /* where the limit is higher */
#define SEARCH 2048u
#define LOWEST (STDERR_FILENO + 1u)

static bool is_free(unsigned fd)
{
	return fcntl((int)fd, F_GETFD) < 0;
}

static bool block_is_free(unsigned base)
{
	for (unsigned i = 0; i < RUN_NR_FDS; i++) {
		if (!is_free(base + i))
			return false;
	}
	return true;
}

/* 0: there is none. */
static unsigned choose(const struct rlimit *r)
{
	unsigned start = r->rlim_cur <= ABOVE_MAX ? (unsigned)r->rlim_cur : AMONG;
	unsigned base = start;

	for (; base < start + SEARCH && base + RUN_NR_FDS <= r->rlim_max; base++) {
		if (block_is_free(base))
			return base;
	}
	for (base = start - RUN_NR_FDS; start >= LOWEST + RUN_NR_FDS && base >= LOWEST; base--) {
		if (block_is_free(base))
			return base;
	}
	return 0;
}

/* Descriptors of mapped files are ours as well as the guests'. */
static void raise_limit(const struct rlimit *guests)
{
	struct rlimit r = {guests->rlim_max, guests->rlim_max};

	setrlimit(RLIMIT_NOFILE, &r);
}

static unsigned count_open(unsigned below)
{
	unsigned n = 0;

	for (unsigned fd = 0; fd < below; fd++)
		n += !is_free(fd);
	return n;
}

/* A shell and a pipeline of three programs, each with its life pipe and its pidfd, run in that. */
#define LEAST_FREE 42u

static int too_few(struct run *run, unsigned least, rlim_t have)
{
	run_say(run, "%u descriptors are needed here, and the hard limit is %llu (ulimit -Hn)",
		least, (unsigned long long)have);
	return -EMFILE;
}

int fd_block_place(struct run *run)
{
	const struct rlimit *guests = &run->limits[RLIMIT_NOFILE];
	unsigned base, least = LEAST_FREE + count_open(AMONG);

	if (guests->rlim_max < least)
		return too_few(run, least, guests->rlim_max);
	raise_limit(guests);
	base = choose(guests);
	if (!base)
		return too_few(run, least + RUN_NR_FDS, guests->rlim_max);
	for (unsigned i = 0; i < RUN_NR_FDS; i++) {
		run->fd_dummies[i] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, (int)(base + i));
		if (run->fd_dummies[i] != (int)(base + i)) {
			run_say(run, "descriptor %u cannot be had", base + i);
			return -EBADF;
		}
	}
	run->fd_base = base;
	return 0;
}

void fd_block_leave(struct run *run)
{
	for (unsigned i = 0; i < RUN_NR_FDS; i++)
		close(run->fd_dummies[i]);
}

int fd_block_fill(const struct run *run, const int fds[RUN_NR_FDS])
{
	for (unsigned i = 0; i < RUN_NR_FDS; i++) {
		if (dup2(fds[i], (int)(run->fd_base + i)) < 0)
			return -errno;
	}
	return setrlimit(RLIMIT_NOFILE, &run->limits[RLIMIT_NOFILE]) ? -errno : 0;
}
