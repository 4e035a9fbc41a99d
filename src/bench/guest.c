/* SPDX-License-Identifier: MIT */
/*
 * guest.c: the operations of a program.
 */
#include "bench/guest.h"
#include "bench/measure.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPEATS 7
#define FILE_PAGES 2048
#define RW (PROT_READ | PROT_WRITE)

static char buf[BENCH_PAGE];

static void must(bool ok, const char *what)
{
	bench_must(ok, "the program", what);
}

static void do_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void do_futex(long n)
{
	static uint32_t word;

	while (n--)
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void do_pipe(long n)
{
	static int fd[2];

	if (!fd[1])
		must(!pipe(fd), "a pipe");
	while (n--)
		must(write(fd[1], buf, 1) == 1 && read(fd[0], buf, 1) == 1, "a byte");
}

static int test_file(void)
{
	static int fd = -1;

	if (fd >= 0)
		return fd;
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0, "a file");
	for (int i = 0; i < FILE_PAGES; i++)
		must(write(fd, buf, sizeof(buf)) == sizeof(buf), "write");
	return fd;
}

static void do_pread(long n)
{
	int fd = test_file();

	while (n--)
		must(pread(fd, buf, sizeof(buf), 0) == sizeof(buf), "pread");
}

static void do_brk(long n)
{
	char *p = sbrk(0);

	while (n--)
		must(!brk(p + BENCH_PAGE) && !brk(p), "brk");
}

static char *map(size_t bytes, int flags, int fd)
{
	void *p = mmap(NULL, bytes, RW, flags, fd, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

static void do_mmap(long n)
{
	while (n--)
		munmap(map(BENCH_PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1), BENCH_PAGE);
}

static void do_mprotect(long n)
{
	static char *p;

	if (!p)
		p = memset(map(16 * BENCH_PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1), 1,
			   16 * BENCH_PAGE);
	while (n--)
		must(!mprotect(p + BENCH_PAGE, BENCH_PAGE, PROT_READ) &&
			 !mprotect(p + BENCH_PAGE, BENCH_PAGE, RW),
		     "mprotect");
}

/* The n first pages of a power of two of them, each `stride` pages after the one before. */
static void touch(long n, size_t stride)
{
	size_t pages = 1;
	char *p;

	while (pages < (size_t)n)
		pages *= 2;
	p = map(pages * BENCH_PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (size_t i = 0; i < (size_t)n; i++)
		p[i * stride % pages * BENCH_PAGE] = 1;
	munmap(p, pages * BENCH_PAGE);
}

static void do_upwards(long n)
{
	touch(n, 1);
}

static void do_anywhere(long n)
{
	touch(n, 40503);
}

static void touch_file(long n, int flags, bool store)
{
	char *p = map((size_t)n * BENCH_PAGE, flags, test_file());

	for (long i = 0; i < n; i++) {
		volatile char *at = p + i * (long)BENCH_PAGE;

		if (store)
			*at = 1;
		else
			(void)*at;
	}
	munmap(p, (size_t)n * BENCH_PAGE);
}

static void do_file_read(long n)
{
	touch_file(n, MAP_SHARED, false);
}

static void do_file_write(long n)
{
	touch_file(n, MAP_SHARED, true);
}

static void do_file_private(long n)
{
	touch_file(n, MAP_PRIVATE, true);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void do_signal(long n)
{
	signal(SIGUSR1, on_signal);
	while (n--)
		raise(SIGUSR1);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	mprotect((void *)((uintptr_t)info->si_addr & ~(BENCH_PAGE - 1)), BENCH_PAGE, RW);
}

static void do_barrier(long n)
{
	static char *p;
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	if (!p)
		p = map(BENCH_PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	sigaction(SIGSEGV, &sa, NULL);
	while (n--) {
		mprotect(p, BENCH_PAGE, PROT_READ);
		*(volatile char *)p = 1;
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static void do_thread(long n)
{
	while (n--) {
		pthread_t t;

		must(!pthread_create(&t, NULL, nothing, NULL), "a thread");
		pthread_join(t, NULL);
	}
}

static void do_fork(long n)
{
	while (n--) {
		pid_t pid = fork();

		must(pid >= 0, "fork");
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void do_spawn(long n)
{
	static char name[] = "/bin/true";
	char *argv[] = {name, NULL};
	pid_t pid;

	while (n--) {
		must(!posix_spawn(&pid, name, NULL, NULL, argv, environ), "posix_spawn");
		waitpid(pid, NULL, 0);
	}
}

const struct guest_row guest_rows[] = {
    {"getppid", 2, do_getppid, 2000},
    {"futex wake", 2, do_futex, 2000},
    {"pipe write + read of a byte", 1.5, do_pipe, 2000},
    {"pread of 4 KiB", 1.5, do_pread, 2000},
    {"brk up + down", 2, do_brk, 1000},
    {"mmap + munmap", 2, do_mmap, 1000},
    {"mprotect twice", 2, do_mprotect, 1000},
    {"anonymous page, upwards", 1.5, do_upwards, 2000},
    {"anonymous page, anywhere", 4, do_anywhere, 2000},
    {"file page, read", 2, do_file_read, 2000},
    {"file page, shared write", 3, do_file_write, 2000},
    {"file page, private write", 3, do_file_private, 2000},
    {"raise + handler", 2, do_signal, 1000},
    {"write barrier", 3, do_barrier, 500},
    {"thread create + join", 3, do_thread, 100},
    {"fork + exit + wait", 2, do_fork, 50},
    {"posix_spawn of /bin/true", 1.5, do_spawn, 20},
};
const unsigned nr_guest_rows = sizeof(guest_rows) / sizeof(guest_rows[0]);

static double wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int guest_main(int argc, char **argv)
{
	const struct guest_row *row =
	    argc == 1 ? &guest_rows[atoi(argv[0]) % (int)nr_guest_rows] : NULL;
	double ns[REPEATS];

	if (!row)
		return 2;
	row->work(row->n / 10 + 1);
	for (unsigned i = 0; i < REPEATS; i++) {
		double t = wall_ns();

		row->work(row->n);
		ns[i] = (wall_ns() - t) / (double)row->n;
	}
	printf("%.1f\n", spread_of(ns, REPEATS).median);
	return 0;
}
