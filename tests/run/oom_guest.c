/* SPDX-License-Identifier: MIT */
/*
 * oom_guest.c: programs for a machine in which one of them fits at a time, or the hungry one does
 * not (oom.py says with how much RAM).
 *
 *   told HOW DEATH ROUNDS MIB  a child has MIB, and dies; told of it, the parent takes MIB itself
 *   shared ROUNDS MIB          shared memory, mapped and unmapped
 *   segment ROUNDS MIB         the same with System V segments that are marked for removal
 *   tables                     one process needs many page tables, five do not
 *   fork                       a process whose tables there is no room for twice forks
 *   adj BIG SMALL OWN          two holders with these oom_score_adj, and a hungry parent
 *   exempt MIB                 takes as much as there is, and is told so, when nobody may be killed
 *   hungry MIB                 takes that much
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ul << 20)

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static char *take(size_t mib, int how)
{
	char *p = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < mib * MIB; i += 4096)
		p[i] = 1;
	return p;
}

static int is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* ---- told of a death ----------------------------------------------------------- */

static void die(const char *death)
{
	if (is(death, "exec"))
		execl("/bin/true", "true", (char *)NULL);
	if (is(death, "killed"))
		raise(SIGKILL);
	_exit(0);
}

static void be_told(const char *how, pid_t child, int end_of_pipe)
{
	struct pollfd pfd = {.events = POLLIN};
	siginfo_t si;
	sigset_t set;
	char c;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (is(how, "wait4")) {
		if (waitpid(child, NULL, 0) != child)
			fail("wait4");
	} else if (is(how, "nowait")) {
		if (waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT))
			fail("waitid");
	} else if (is(how, "sigchld")) {
		if (sigwaitinfo(&set, &si) != SIGCHLD)
			fail("sigwaitinfo");
	} else if (is(how, "pidfd")) {
		pfd.fd = (int)syscall(SYS_pidfd_open, child, 0);
		if (pfd.fd < 0 || poll(&pfd, 1, -1) != 1)
			fail("pidfd");
		close(pfd.fd);
	} else if (is(how, "pipe")) {
		if (read(end_of_pipe, &c, 1) != 0)
			fail("pipe");
	} else if (is(how, "kill")) { /* who kills knows without being told */
		if (kill(child, SIGKILL))
			fail("kill");
	} else {
		exit(2);
	}
}

static void round_of(const char *how, const char *death, size_t mib)
{
	int ready[2], end[2];
	pid_t child;
	char c;

	if (pipe2(ready, O_CLOEXEC) || pipe2(end, O_CLOEXEC))
		fail("pipe");
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		take(mib, MAP_PRIVATE);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		if (is(how, "kill"))
			for (;;)
				pause();
		die(death);
	}
	close(end[1]);
	if (read(ready[0], &c, 1) != 1)
		fail("the child has died early");
	be_told(how, child, end[0]);
	munmap(take(mib, MAP_PRIVATE), mib * MIB);
	if (!is(how, "wait4") && waitpid(child, NULL, 0) != child)
		fail("waitpid");
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
}

static int told(char **arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = atoi(arg[2]); i > 0; i--)
		round_of(arg[0], arg[1], (size_t)atoi(arg[3]));
	return 0;
}

/* ---- shared memory --------------------------------------------------------------- */

static int shared(char **arg)
{
	size_t mib = (size_t)atoi(arg[1]);

	for (int i = atoi(arg[0]); i > 0; i--)
		munmap(take(mib, MAP_SHARED), mib * MIB);
	return 0;
}

static int segment(char **arg)
{
	size_t bytes = (size_t)atoi(arg[1]) * MIB;

	for (int i = atoi(arg[0]); i > 0; i--) {
		int id = shmget(IPC_PRIVATE, bytes, 0600);
		char *p = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

		if (p == (char *)-1 || shmctl(id, IPC_RMID, NULL))
			fail("segment");
		for (size_t at = 0; at < bytes; at += 4096)
			p[at] = 1;
		shmdt(p);
	}
	return 0;
}

/* ---- who dies -------------------------------------------------------------------- */

/* A process that has `mib`, says so, and ends well when everybody has closed `until`. */
static pid_t holder(size_t mib, const char *adj, const int until[2])
{
	int ready[2];
	pid_t child;
	char c;

	if (pipe(ready))
		fail("pipe");
	child = fork();
	if (!child) {
		if (adj) {
			int fd = open("/proc/self/oom_score_adj", O_WRONLY);

			if (write(fd, adj, strlen(adj)) < 0)
				fail("oom_score_adj");
			close(fd);
		}
		close(until[1]);
		take(mib, MAP_PRIVATE);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		_exit(read(until[0], &c, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	if (child < 0 || read(ready[0], &c, 1) != 1)
		fail("a holder has died early");
	close(ready[0]);
	return child;
}

static int ended(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reads one byte in 2 MiB: a table each, and no page of its own but the first, without which fork
 * would have nothing to copy. */
static void read_sparsely(size_t gib)
{
	size_t bytes = gib << 30;
	volatile char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	p[0] = 1;
	for (size_t at = 0; at < bytes; at += 2 * MIB)
		(void)p[at];
}

static int tables(void)
{
	pid_t innocent[5], hog;
	int until[2], good = 0;

	if (pipe(until))
		fail("pipe");
	for (int i = 0; i < 5; i++)
		innocent[i] = holder(8, NULL, until);
	hog = fork();
	if (!hog) {
		read_sparsely(64);
		_exit(0);
	}
	printf("hog %d\n", ended(hog));
	close(until[1]);
	for (int i = 0; i < 5; i++)
		good += ended(innocent[i]) == 0;
	printf("innocents %d\n", good);
	return 0;
}

/* What a failed fork gives back is not enough for the next one. */
static int fork_much(void)
{
	pid_t child;

	read_sparsely(20);
	child = fork();
	if (!child)
		_exit(0);
	printf("child %d\n", child < 0 ? -1 : ended(child));
	return 0;
}

static int adj(char **arg)
{
	pid_t big, small;
	int until[2], fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (pipe(until))
		fail("pipe");
	if (write(fd, arg[2], strlen(arg[2])) < 0)
		fail("oom_score_adj");
	big = holder(32, arg[0], until);
	small = holder(12, arg[1], until);
	take(28, MAP_PRIVATE);
	close(until[1]);
	printf("big %d\n", ended(big));
	printf("small %d\n", ended(small));
	return 0;
}

/* ---- nobody may die -------------------------------------------------------------- */

static sigjmp_buf no_page;
static siginfo_t refused;

static void on_bus(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	refused = *si;
	if (si->si_code > 0)
		siglongjmp(no_page, 1);
}

/* Stores into pages of p until there is none: which one it was. */
static size_t fill_up(char *p, size_t bytes)
{
	volatile size_t at = 0;

	if (!sigsetjmp(no_page, 1))
		for (; at < bytes; at += 4096)
			p[at] = 1;
	return at;
}

/* Has a call store into a page that cannot be had. */
static long read_into(char *p)
{
	return read(open("/dev/zero", O_RDONLY), p, 4096);
}

static int exempt(char **arg)
{
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	size_t bytes = (size_t)atoi(arg[0]) * MIB, at;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY), until[2], err;
	pid_t child;
	char *p;
	long r;

	if (write(fd, "-1000", 5) < 0 || sigaction(SIGBUS, &sa, NULL) || pipe(until))
		fail("exempt");
	child = holder(2, NULL, until);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		fail("mmap");
	raise(SIGBUS); /* the pages that the handler needs */
	at = fill_up(p, bytes);
	r = read_into(p + bytes - 4096);
	err = errno;
	munmap(p, bytes);
	printf("SIGBUS %d code %d address %d\n", refused.si_signo == SIGBUS, refused.si_code,
	       refused.si_addr == p + at);
	printf("some %d\n", at > MIB && at < bytes);
	printf("read %ld %s\n", r, strerrorname_np(err));
	printf("after %zu\n", fill_up(take(4, MAP_PRIVATE), 4 * MIB) / MIB);
	close(until[1]);
	printf("child %d\n", ended(child));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && is(argv[1], "told"))
		return told(argv + 2);
	if (argc == 4 && is(argv[1], "shared"))
		return shared(argv + 2);
	if (argc == 4 && is(argv[1], "segment"))
		return segment(argv + 2);
	if (argc == 2 && is(argv[1], "tables"))
		return tables();
	if (argc == 2 && is(argv[1], "fork"))
		return fork_much();
	if (argc == 5 && is(argv[1], "adj"))
		return adj(argv + 2);
	if (argc == 3 && is(argv[1], "exempt"))
		return exempt(argv + 2);
	if (argc != 3 || !is(argv[1], "hungry"))
		return 2;
	for (int i = atoi(argv[2]); i > 0; i--)
		take(1, MAP_PRIVATE);
	return 0;
}
