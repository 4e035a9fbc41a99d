/* SPDX-License-Identifier: MIT */
/*
 * pool.c: has the host's pools of huge pages for one run, and puts them back.
 *
 * The lock is on their directory in /sys, so that it is every run's of the machine, and nothing is
 * left behind.  The keeper has it too: it is free when the pools are as they were.
 */
#include "replay/side/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORY "/sys/kernel/mm/hugepages"
#define TRIES 200 /* of 50 ms each: processes that end give their pages back meanwhile */

/* 2 MiB, 1 GiB: a host without the latter has nothing to say of it. */
enum { NR_POOLS = 2, NR_FILES = 5 };
enum { TOTAL, FREE, RESERVED, SURPLUS, OVERCOMMIT };
static const char *const pool_names[NR_POOLS] = {"2048", "1048576"};
static const char *const file_names[NR_FILES] = {"nr_hugepages", "free_hugepages", "resv_hugepages",
						 "surplus_hugepages", "nr_overcommit_hugepages"};

struct pools {
	int64_t of[NR_POOLS][NR_FILES];
};

static struct {
	bool taken;
	const char *absent;
	struct pools before;
	pid_t keeper;
	int pipe; /* it reads the end of this when we have ended */
} state;

/* ---- files ------------------------------------------------------------------- */

static int open_file(unsigned pool, unsigned file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), DIRECTORY "/hugepages-%skB/%s", pool_names[pool],
		 file_names[file]);
	return open(path, flags | O_CLOEXEC);
}

static int64_t read_number(unsigned pool, unsigned file)
{
	char text[32] = "";
	int fd = open_file(pool, file, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (int64_t)strtoull(text, NULL, 10);
}

static void write_number(unsigned pool, unsigned file, int64_t n)
{
	char text[32];
	int fd = open_file(pool, file, O_WRONLY);
	int len = snprintf(text, sizeof(text), "%lld", (long long)n);

	if (fd < 0)
		return;
	/* There may be no overcommit for this size; what comes of it is read again. */
	if (write(fd, text, (size_t)len) != len)
		errno = 0;
	close(fd);
}

static void read_pools(struct pools *p)
{
	for (unsigned i = 0; i < NR_POOLS; i++)
		for (unsigned k = 0; k < NR_FILES; k++)
			p->of[i][k] = read_number(i, k);
}

/* False: they do not become so, in ten seconds. */
static bool set_pools(const struct pools *wanted)
{
	struct pools now;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		for (unsigned i = 0; i < NR_POOLS; i++) {
			write_number(i, OVERCOMMIT, wanted->of[i][OVERCOMMIT]);
			write_number(i, TOTAL, wanted->of[i][TOTAL]);
		}
		read_pools(&now);
		if (!memcmp(&now, wanted, sizeof(now)))
			return true;
		usleep(50000);
	}
	return false;
}

const char *pool_text(void)
{
	static char text[160];
	struct pools p;
	int at = 0;

	read_pools(&p);
	for (unsigned i = 0; i < NR_POOLS; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at,
			       "%s%s kB: T%lld F%lld R%lld S%lld", i ? ", " : "", pool_names[i],
			       (long long)p.of[i][TOTAL], (long long)p.of[i][FREE],
			       (long long)p.of[i][RESERVED], (long long)p.of[i][SURPLUS]);
	return text;
}

/* ---- the keeper -------------------------------------------------------------- */

/* Descriptors: 3, the pipe; 4, the lock. */
static void keep(int pipe, int lock)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	char byte;
	bool ok;

	setsid();
	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	pipe = fcntl(pipe, F_DUPFD, 10);
	lock = fcntl(lock, F_DUPFD, 10);
	dup2(pipe, 3);
	dup2(lock, 4);
	close_range(5, ~0u, 0);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	ok = set_pools(&state.before);
	if (!ok)
		fprintf(stderr, "quire replay: the host's huge pages are not as they were: %s\n",
			pool_text());
	_exit(!ok);
}

static bool start_keeper(int lock)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return false;
	state.keeper = fork();
	if (!state.keeper) {
		close(fds[1]);
		keep(fds[0], lock);
	}
	close(fds[0]);
	state.pipe = fds[1];
	return state.keeper > 0;
}

/* ---- the run ----------------------------------------------------------------- */

static int lock_pools(void)
{
	int fd = open(DIRECTORY "/hugepages-2048kB", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	fprintf(stderr, "quire replay: waits for another run to give the huge pages back\n");
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

static bool in_use(const struct pools *p)
{
	for (unsigned i = 0; i < NR_POOLS; i++)
		if (p->of[i][FREE] != p->of[i][TOTAL] || p->of[i][RESERVED] || p->of[i][SURPLUS])
			return true;
	return false;
}

static const char *try_to_take(void)
{
	int lock, fd = open_file(0, TOTAL, O_WRONLY);

	if (fd < 0)
		return errno == ENOENT ? "has no huge pages" : "lets only root set its huge pages";
	close(fd);
	lock = lock_pools();
	if (lock < 0)
		return "has no huge pages";
	read_pools(&state.before);
	if (in_use(&state.before)) {
		close(lock);
		return "has huge pages in use already";
	}
	if (!start_keeper(lock)) {
		close(lock);
		return "has no process to keep its huge pages";
	}
	/* The keeper has it until the pools are back. */
	close(lock);
	state.taken = true;
	return pool_settle() ? NULL : "does not give its huge pages back";
}

const char *pool_take(void)
{
	if (!state.taken && !state.absent)
		state.absent = try_to_take();
	return state.absent;
}

bool pool_settle(void)
{
	static const struct pools none;

	return set_pools(&none);
}

bool pool_release(void)
{
	int status = 0;

	if (!state.taken)
		return true;
	close(state.pipe);
	while (waitpid(state.keeper, &status, 0) < 0 && errno == EINTR)
		;
	state.taken = false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}
