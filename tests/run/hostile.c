/* SPDX-License-Identifier: MIT */
/*
 * hostile.c CASE: a guest that misbehaves.  Each case ends in a way that is the same natively and
 * under quire run; the test sees to it that the supervisor lives on and nothing is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must_fork.h"
#include "run/wire/proto.h"
#include "run/wire/run_info.h"

/* Runs fn in a child and says how that ended. */
static void child(const char *what, void (*fn)(unsigned long), unsigned long arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = must_fork();
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: signal %d\n", what, WTERMSIG(status));
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

static void unmap_stack(unsigned long arg)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~4095ul;

	(void)arg;
	munmap((void *)(here - (64 << 10)), 65 << 10);
	_exit(1);
}

static void unmap_all(unsigned long arg)
{
	(void)arg;
	munmap(NULL, GUEST_TASK_SIZE);
	_exit(1);
}

static void jump(unsigned long to)
{
	((void (*)(void))to)();
}

static void load(unsigned long from)
{
	*(volatile char *)from;
}

static void store(unsigned long to)
{
	*(volatile char *)to = 1;
}

static void stack_overflow(unsigned long n)
{
	volatile char room[4096];

	room[0] = (char)n;
	if (n)
		stack_overflow(n + 1);
	room[1] = room[0];
}

/* In the guest's own range they are refused as natively; above it there is nothing of its. */
static void case_jumps(void)
{
	child("unmap the stack", unmap_stack, 0);
	child("unmap everything", unmap_all, 0);
	child("jump to 0", jump, 0);
	/* Not into the midst of its text: that could be any system call, kill among them. */
	child("jump behind a stub's text", jump, STUB_END - 4096);
	child("jump to a stub's threads", jump, THREADS_BASE);
	child("jump to a stub's channels", jump, CHAN_BASE);
	child("jump to a stub's page tables", jump, TABLES_BASE);
	child("jump above the guest", jump, GUEST_TASK_SIZE + 4096);
	child("jump to the kernel", jump, 0xffffffff81000000ul);
	child("jump to no address", jump, 0x8000000000000000ul);
	child("load 0", load, 0);
	child("load the kernel", load, 0xffffffff81000000ul);
	child("store 0", store, 0);
	child("store above", store, GUEST_TASK_SIZE);
	child("overflow the stack", stack_overflow, 1);
}

static void case_descriptors(void)
{
	int high = 0;

	for (int fd = 3; fd < 2000; fd++)
		close(fd);
	syscall(SYS_close_range, 3, ~0u, 0);
	for (int fd = 900; fd < 5000; fd++)
		high += fcntl(fd, F_GETFD) >= 0;
	printf("open high descriptors: %d\n", high);
	for (int fd = 900; fd < 5000; fd++)
		high += write(fd, "x", 1) != -1 || errno != EBADF;
	printf("written to: %d\n", high);
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, 1 << 20);
	printf("still working: %d\n", p[77777]);
}

static void case_pointers(void)
{
	static const uintptr_t bad[] = {1,
					0x1000,
					GUEST_TASK_SIZE - (1 << 28),
					GUEST_TASK_SIZE,
					STUB_BASE + 64,
					THREADS_BASE,
					CHAN_BASE,
					TABLES_BASE,
					0x7fffffffffff,
					0xffff800000000000,
					UINTPTR_MAX};
	int p[2], fd = open("/etc/passwd", O_RDONLY);

	if (pipe(p) || fd < 0)
		exit(1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *b = (void *)bad[i];
		struct iovec iov = {b, 16};

		printf("%u:", i);
		printf(" read %ld", syscall(SYS_read, fd, b, 100l) < 0 ? (long)-errno : 0);
		printf(" write %ld", syscall(SYS_write, p[1], b, 100l) < 0 ? (long)-errno : 0);
		printf(" readv %ld", syscall(SYS_readv, fd, b, 1l) < 0 ? (long)-errno : 0);
		printf(" writev %ld", syscall(SYS_writev, p[1], &iov, 1l) < 0 ? (long)-errno : 0);
		printf(" open %ld", syscall(SYS_open, b, 0l) < 0 ? (long)-errno : 0);
		printf(" stat %ld", syscall(SYS_stat, "/", b) < 0 ? (long)-errno : 0);
		printf(" pipe %ld", syscall(SYS_pipe, b) < 0 ? (long)-errno : 0);
		printf(" execve %ld", syscall(SYS_execve, b, NULL, NULL) < 0 ? (long)-errno : 0);
		printf(" argv %ld",
		       syscall(SYS_execve, "/bin/true", b, NULL) < 0 ? (long)-errno : 0);
		printf(" sigaction %ld",
		       syscall(SYS_rt_sigaction, SIGUSR1, b, NULL, 8l) < 0 ? (long)-errno : 0);
		printf(" sendmsg %ld", syscall(SYS_sendmsg, p[1], b, 0l) < 0 ? (long)-errno : 0);
		printf(" futex %ld", syscall(SYS_futex, b, 0l, 0l, NULL) < 0 ? (long)-errno : 0);
		printf(" getcwd %ld\n", syscall(SYS_getcwd, b, 100l) < 0 ? (long)-errno : 0);
	}
}

static void case_forks(void)
{
	int ended = 0, status;

	for (int i = 0; i < 200; i++) {
		pid_t pid = must_fork();

		if (!pid) {
			char *m = malloc(100000);

			memset(m, i, 100000);
			if (i % 7 == 0)
				raise(SIGKILL);
			if (i % 11 == 0)
				abort();
			_exit(i & 127);
		}
		if (i % 3 == 0 && pid > 0)
			kill(pid, SIGKILL);
	}
	while (wait(&status) > 0)
		ended++;
	printf("ended: %d\n", ended);
}

/* A child that outlives its parent, and one that nobody waits for. */
/* Children whose parents are gone before they have run: all of them run. */
static void case_early_orphans(void)
{
	int p[2], n = 0;
	char c;

	if (pipe(p))
		return;
	for (int i = 0; i < 300; i++) {
		pid_t pid = must_fork();

		if (!pid) {
			if (!must_fork())
				n = (int)write(p[1], "x", 1);
			_exit(n < 0);
		}
		waitpid(pid, NULL, 0);
	}
	close(p[1]);
	while (read(p[0], &c, 1) == 1)
		n++;
	printf("%d of 300\n", n);
}

static void case_orphans(void)
{
	fflush(stdout);
	if (!must_fork()) {
		if (!must_fork()) {
			usleep(300000);
			_exit(0);
		}
		_exit(0);
	}
	if (!must_fork()) {
		usleep(100000);
		_exit(1);
	}
	wait(NULL);
	printf("parent ends\n");
}

static void end_with(unsigned long status)
{
	_exit((int)status);
}

static void case_limits(void)
{
	struct rlimit r = {64 << 20, 64 << 20};
	void *p;

	setrlimit(RLIMIT_AS, &r);
	p = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("beyond RLIMIT_AS: %d %s\n", p == MAP_FAILED, strerror(errno));
	r.rlim_cur = 16;
	r.rlim_max = 16;
	printf("nofile: %d\n", setrlimit(RLIMIT_NOFILE, &r));
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 1 << 20);
	child("fork", end_with, 7);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {{"jumps", case_jumps},       {"descriptors", case_descriptors},
		     {"pointers", case_pointers}, {"forks", case_forks},
		     {"orphans", case_orphans},   {"early_orphans", case_early_orphans},
		     {"limits", case_limits}};

	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].fn();
		return 0;
	}
	return 2;
}
