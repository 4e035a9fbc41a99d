/* SPDX-License-Identifier: MIT */
/*
 * numa_move.c: pages that go from node to node, on a machine of two: by move_pages, migrate_pages
 * and mbind, of each kind of memory; what is told of it, and that nothing is lost on the way.
 *
 * usage: numa_move CASE, under quire run --nodes 2 with 64 MiB on each node.
 */
#include "numa.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N 16ul

/* ---- calls ------------------------------------------------------------------------ */

static char *map_as(unsigned long pages, int flags)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED);
	return p;
}

static long move_of(pid_t pid, void *p, int node, int flags, int *status)
{
	long r = syscall(SYS_move_pages, pid, 1ul, &p, &node, status, flags);

	return r < 0 ? -errno : r;
}

/* One page; its status, or the error. */
static long move_one(void *p, int node, int flags)
{
	int status = 77;
	long r = move_of(0, p, node, flags, &status);

	if (r >= 0)
		equal(r, status == -EBUSY || status == -ENOMEM);
	return r < 0 ? r : status;
}

static long node_of(void *p)
{
	return node_in(0, p);
}

static long migrate(pid_t pid, unsigned long from, unsigned long to)
{
	long r = syscall(SYS_migrate_pages, pid, 64ul, &from, &to);

	return r < 0 ? -errno : r;
}

/* ---- pages --------------------------------------------------------------------------- */

static void write_all(char *p, unsigned long pages, unsigned seed)
{
	for (unsigned long i = 0; i < pages * PAGE / 4; i++)
		((unsigned *)(void *)p)[i] = (unsigned)i * 2654435761u + seed;
}

static void read_all(const char *p, unsigned long pages, unsigned seed)
{
	for (unsigned long i = 0; i < pages * PAGE / 4; i++)
		equal(((const unsigned *)(const void *)p)[i], (unsigned)i * 2654435761u + seed);
}

/* All are on that node. */
static void all_on(char *p, unsigned long pages, int node)
{
	for (unsigned long i = 0; i < pages; i++)
		equal(node_of(p + i * PAGE), node);
}

/* To the one node and to the other, in each of which they are written. */
static void to_and_fro(char *p, unsigned long pages, int flags)
{
	write_all(p, pages, 1);
	for (unsigned turn = 1; turn < 5; turn++) {
		for (unsigned long i = 0; i < pages; i++)
			equal(move_one(p + i * PAGE, turn % 2, flags), turn % 2);
		all_on(p, pages, turn % 2);
		read_all(p, pages, turn);
		write_all(p, pages, turn + 1);
	}
	read_all(p, pages, 5);
	all_on(p, pages, 0);
}

/* Touched pages on node 0. */
static char *on_first(unsigned long pages, int flags)
{
	char *p = map_as(pages, flags);

	equal(mbind_to(p, pages, BIND, 1, 0), 0);
	write_all(p, pages, 1);
	equal(mbind_to(p, pages, DEFAULT, 0, 0), 0);
	all_on(p, pages, 0);
	return p;
}

/* ---- processes ------------------------------------------------------------------------- */

/* A child that has begun, and ends when told to. */
struct child {
	pid_t pid;
	int said, tell;
};

static bool child_of(struct child *c)
{
	int up[2], down[2];
	char byte;

	check(!pipe(up) && !pipe(down));
	c->pid = fork();
	if (!c->pid) {
		c->said = up[1];
		c->tell = down[0];
		close(up[0]);
		close(down[1]);
		return true;
	}
	c->said = up[0];
	c->tell = down[1];
	close(up[1]);
	close(down[0]);
	equal(read(c->said, &byte, 1), 1);
	return false;
}

/* The child: it has begun, and waits to be told. */
static void begun(const struct child *c)
{
	char byte = 1;

	equal(write(c->said, &byte, 1), 1);
	equal(read(c->tell, &byte, 1), 1);
}

static void end(const struct child *c)
{
	int status;

	equal(write(c->tell, "", 1), 1);
	equal(waitpid(c->pid, &status, 0), c->pid);
	equal(status, 0);
}

/* ---- move_pages -------------------------------------------------------------------------- */

static void case_query(void)
{
	char *p = on_first(3, MAP_PRIVATE), *untouched = map_as(2, MAP_PRIVATE);
	volatile char c = untouched[PAGE];
	void *pages[6] = {p, p + PAGE + 5, untouched, untouched + PAGE, NULL, (void *)(1ul << 62)};
	static const int want[6] = {0, 1, -ENOENT, -EFAULT, -EFAULT, -EFAULT};
	int status[6];

	(void)c;
	equal(move_one(p + PAGE, 1, MOVE), 1);
	equal(syscall(SYS_move_pages, 0, 6ul, pages, NULL, status, MOVE), 0);
	for (unsigned i = 0; i < 6; i++)
		equal(status[i], want[i]);
	for (unsigned i = 2; i < 6; i++)
		equal(move_one(pages[i], 1, MOVE), want[i]);
}

/* More than one reading of the arrays. */
static void case_many(void)
{
	enum { MANY = 2000 };
	static void *pages[MANY];
	static int nodes[MANY], status[MANY];
	char *p = on_first(MANY, MAP_PRIVATE);

	for (unsigned i = 0; i < MANY; i++) {
		pages[i] = p + (i * 7 % MANY) * PAGE;
		nodes[i] = i % 3 == 0;
	}
	equal(syscall(SYS_move_pages, 0, (long)MANY, pages, nodes, status, MOVE), 0);
	for (unsigned i = 0; i < MANY; i++) {
		equal(status[i], nodes[i]);
		equal(node_of(pages[i]), nodes[i]);
	}
	read_all(p, MANY, 1);
}

static void case_errors(void)
{
	char *p = on_first(4, MAP_PRIVATE);
	void *pages[4] = {p, p + PAGE, p + 2 * PAGE, p + 3 * PAGE};
	int nodes[4] = {1, 1, 2, 1}, status[4] = {77, 77, 77, 77};
	struct child c;

	/* Those before it are moved, and told. */
	equal(syscall(SYS_move_pages, 0, 4ul, pages, nodes, status, MOVE) ? -errno : 0, -ENODEV);
	equal(status[0], 1);
	equal(status[1], 1);
	equal(status[2], 77);
	equal(node_of(p + PAGE), 1);
	equal(node_of(p + 3 * PAGE), 0);
	equal(move_one(p, -1, MOVE), -ENODEV);
	equal(move_one(p, 0, STRICT), -EINVAL);
	equal(move_one(p, 0, 8), -EINVAL);
	equal(move_one(p, 0, 0), 0);
	equal(move_of(1 << 22, p, 0, MOVE, status), -ESRCH);
	equal(syscall(SYS_move_pages, 0, 1ul, 8, nodes, status, MOVE) ? -errno : 0, -EFAULT);
	equal(syscall(SYS_move_pages, 0, 1ul, pages, 8, status, MOVE) ? -errno : 0, -EFAULT);
	equal(syscall(SYS_move_pages, 0, 1ul, pages, nodes, 8, MOVE) ? -errno : 0, -EFAULT);
	equal(syscall(SYS_move_pages, 0, 0ul, 8, 8, 8, MOVE), 0);
	if (geteuid()) {
		printf("skipped: other users' processes: not root\n");
		return;
	}
	if (child_of(&c)) {
		begun(&c);
		_exit(0);
	}
	check(!setresuid(1000, 1000, 1000));
	equal(move_one(p, 1, MOVE_ALL), -EPERM);
	equal(move_one(p, 1, MOVE), 1);
	equal(move_of(c.pid, p, 0, MOVE, status), -EPERM);
	equal(migrate(c.pid, 1, 2), -EPERM);
	equal(mbind_to(p, 4, BIND, 2, MOVE_ALL), -EPERM);
	end(&c);
}

/* A page that two have: only if that is asked for, and then for both. */
static void moved_for_both(char *p)
{
	struct child c;

	write_all(p, N, 3);
	if (child_of(&c)) {
		read_all(p, N, 3);
		begun(&c);
		all_on(p, N, 1);
		read_all(p, N, 3);
		write_all(p, 1, 4);
		read_all(p, 1, 4);
		_exit(0);
	}
	for (unsigned long i = 0; i < N; i++)
		equal(move_one(p + i * PAGE, 1, MOVE), -EACCES);
	all_on(p, N, 0);
	for (unsigned long i = 0; i < N; i++)
		equal(move_one(p + i * PAGE, 1, MOVE_ALL), 1);
	all_on(p, N, 1);
	equal(node_in(c.pid, p), 1);
	read_all(p, N, 3);
	end(&c);
}

static void case_shared(void)
{
	char *p = on_first(N, MAP_PRIVATE), *s = on_first(N, MAP_SHARED);

	moved_for_both(p);
	read_all(p, N, 3); /* what the child wrote was its own */
	moved_for_both(s);
	read_all(s, 1, 4);
}

/* Of another process, which knows nothing of it. */
static void case_other(void)
{
	struct child c;
	char *p = map_as(N, MAP_PRIVATE);
	int status;

	if (child_of(&c)) {
		equal(mbind_to(p, N, BIND, 1, 0), 0);
		for (unsigned turn = 0; turn < 3; turn++) {
			write_all(p, N, turn);
			begun(&c);
			read_all(p, N, turn);
		}
		_exit(0);
	}
	for (int turn = 1; turn < 4; turn++) {
		char byte;

		for (unsigned long i = 0; i < N; i++) {
			equal(move_of(c.pid, p + i * PAGE, turn % 2, MOVE, &status), 0);
			equal(status, turn % 2);
		}
		equal(node_in(c.pid, p), turn % 2);
		equal(node_of(p), -ENOENT);
		if (turn == 3)
			break;
		equal(write(c.tell, "", 1), 1);
		equal(read(c.said, &byte, 1), 1);
	}
	end(&c);
}

/* ---- kinds of memory ------------------------------------------------------------------------ */

static void case_kinds(void)
{
	char *p = on_first(N, MAP_PRIVATE), stack[4 * PAGE];
	int id = shmget(IPC_PRIVATE, N * PAGE, 0600);

	to_and_fro(p, N, MOVE);
	equal(mprotect(p, N * PAGE, PROT_NONE), 0);
	equal(move_one(p, 1, MOVE), 1);
	equal(mprotect(p, N * PAGE, PROT_READ | PROT_WRITE), 0);
	read_all(p, N, 5);
	to_and_fro(on_first(N, MAP_SHARED), N, MOVE);
	check(id >= 0);
	p = shmat(id, NULL, 0);
	check(!shmctl(id, IPC_RMID, NULL));
	equal(mbind_to(p, N, BIND, 1, 0), 0);
	to_and_fro(p, N, MOVE);
	p = on_first(N, MAP_PRIVATE);
	check(!mlock(p, N * PAGE));
	to_and_fro(p, N, MOVE);
	p = stack + (-(unsigned long)stack & (PAGE - 1));
	to_and_fro(p, 2, MOVE);
	p = on_first(2 * N, MAP_PRIVATE);
	p = mremap(p, 2 * N * PAGE, N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   map_as(N, MAP_PRIVATE));
	check(p != MAP_FAILED);
	to_and_fro(p, N, MOVE);
}

/* A file's own pages are the host's, and stay; copies of them move as any other. */
static void case_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), *q;

	check(p != MAP_FAILED);
	equal(p[0], 0x7f);
	equal(node_of(p), 0);
	equal(move_one(p, 0, MOVE_ALL), 0);
	equal(move_one(p, 1, MOVE_ALL), -EBUSY);
	equal(mbind_to(p, 1, BIND, 2, STRICT), -EIO);
	equal(mbind_to(p, 1, BIND, 2, STRICT | MOVE), -EIO);
	equal(mbind_to(p, 1, BIND, 2, MOVE_ALL), 0);
	equal(node_of(p), 0);
	equal(p[0], 0x7f);
	p[0] = 1;
	equal(node_of(p), 1);
	to_and_fro(p, 1, MOVE);
	/* What the host has in no file of its own is the machine's. */
	fd = memfd_create("numa_move", 0);
	check(fd >= 0 && !ftruncate(fd, PAGE));
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(q != MAP_FAILED);
	q[0] = 1;
	check(node_of(q) == 0 || node_of(q) == 1);
	check(move_one(q, 1, MOVE) == 1 || move_one(q, 1, MOVE) == -EBUSY);
	equal(q[0], 1);
}

static void case_vdso(void)
{
	char *p = (char *)getauxval(AT_SYSINFO_EHDR);
	struct timespec t;

	check(p != NULL);
	equal(node_of(p), 0);
	equal(move_one(p, 0, MOVE_ALL), 0);
	equal(move_one(p, 1, MOVE_ALL), -EBUSY);
	equal(node_of(p), 0);
	equal(mbind_to(p, 1, DEFAULT, 0, MOVE), 0);
	equal(mbind_to(p, 1, BIND, 2, MOVE), -EINVAL);
	check(!clock_gettime(CLOCK_MONOTONIC, &t));
}

static void *read_into(void *arg)
{
	int *fd = ((void **)arg)[0];

	equal(read(*fd, ((void **)arg)[1], 8), 8);
	return NULL;
}

/* A system call is about to store into the page: it arrives, wherever the page is then. */
static void case_lent(void)
{
	char *p = on_first(1, MAP_PRIVATE);

	for (int i = 0; i < 20; i++) {
		int fd[2];
		void *args[2] = {&fd[0], p + 8 * i};
		pthread_t t;

		check(!pipe(fd));
		check(!pthread_create(&t, NULL, read_into, args));
		for (int k = 0; k < 20; k++) {
			long node = move_one(p, k % 2, MOVE);

			check(node == k % 2 || node == -EBUSY);
		}
		equal(write(fd[1], "arrived", 8), 8);
		check(!pthread_join(t, NULL));
		check(!strcmp(p + 8 * i, "arrived"));
		close(fd[0]);
		close(fd[1]);
	}
	equal(move_one(p, 1, MOVE), 1);
	equal(move_one(p, 0, MOVE), 0);
}

/* Words that threads and processes wait on, in pages that move meanwhile: who waits is woken. */
static void pass(unsigned *word, unsigned from, unsigned times, int wait, int wake)
{
	for (unsigned i = from; i < times; i += 2) {
		unsigned is;

		while ((is = __atomic_load_n(word, __ATOMIC_SEQ_CST)) != i)
			syscall(SYS_futex, word, wait, is, NULL, NULL, 0);
		__atomic_store_n(word, i + 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, word, wake, 1, NULL, NULL, 0);
	}
}

#define PASSES 1000u

static void *pass_odd(void *word)
{
	pass(word, 1, PASSES, 0, 1);
	return NULL;
}

static bool passed;

static void *move_until_passed(void *p)
{
	for (int turn = 0; !__atomic_load_n(&passed, __ATOMIC_RELAXED); turn++) {
		long node = move_one(p, turn % 2, geteuid() ? MOVE : MOVE_ALL);

		check(node == turn % 2 || node == -EBUSY || node == -EACCES);
	}
	return NULL;
}

static void case_futex(void)
{
	char *own = on_first(1, MAP_PRIVATE), *both = on_first(1, MAP_SHARED);
	pthread_t mover[2], t;
	int status;
	pid_t pid;

	memset(own, 0, PAGE);
	memset(both, 0, PAGE);
	check(!pthread_create(&mover[0], NULL, move_until_passed, own));
	check(!pthread_create(&mover[1], NULL, move_until_passed, both));
	check(!pthread_create(&t, NULL, pass_odd, own));
	pass((unsigned *)(void *)own, 0, PASSES, 0, 1);
	check(!pthread_join(t, NULL));
	pid = fork();
	if (!pid) {
		pass_odd(both);
		_exit(0);
	}
	pass((unsigned *)(void *)both, 0, PASSES, 0, 1);
	equal(waitpid(pid, &status, 0), pid);
	equal(status, 0);
	__atomic_store_n(&passed, true, __ATOMIC_RELAXED);
	check(!pthread_join(mover[0], NULL) && !pthread_join(mover[1], NULL));
}

/* ---- migrate_pages --------------------------------------------------------------------------- */

static void case_migrate(void)
{
	char *a = on_first(N, MAP_PRIVATE), *b = map_as(N, MAP_PRIVATE);
	struct child c;

	equal(mbind_to(b, N, BIND, 2, 0), 0);
	write_all(b, N, 2);
	check(migrate(0, 1, 2) >= 0);
	all_on(a, N, 1);
	check(migrate(0, 3, 1) >= 0);
	all_on(a, N, 0);
	all_on(b, N, 0);
	check(migrate(0, 2, 1) == 0);
	for (unsigned long i = 0; i < N; i++)
		equal(move_one(b + i * PAGE, 1, MOVE), 1);
	/* As many as there are: each page stays on one of them. */
	check(migrate(0, 3, 3) == 0);
	all_on(a, N, 0);
	all_on(b, N, 1);
	equal(migrate(0, 1, 4), -EINVAL);
	equal(migrate(0, 1, 0), -EINVAL);
	equal(migrate(1 << 22, 1, 2), -ESRCH);
	read_all(a, N, 1);
	read_all(b, N, 2);
	/* Shared with a child: for root, also these.  Then the child's alone. */
	if (child_of(&c)) {
		char byte;

		begun(&c);
		all_on(a, N, 1);
		write_all(a, N, 7);
		equal(write(c.said, "", 1), 1);
		equal(read(c.tell, &byte, 1), 1);
		all_on(a, N, 0);
		read_all(a, N, 7);
		_exit(0);
	}
	if (geteuid()) {
		printf("skipped: pages that a child has, too: not root\n");
		kill(c.pid, SIGKILL);
		return;
	}
	char byte;
	check(migrate(0, 1, 2) >= 0);
	equal(write(c.tell, "", 1), 1);
	equal(read(c.said, &byte, 1), 1);
	check(migrate(c.pid, 2, 1) >= 0);
	all_on(a, N, 1);
	read_all(a, N, 1);
	end(&c);
}

/* ---- mbind --------------------------------------------------------------------------- */

static void case_mbind(void)
{
	static const struct {
		int mode;
		unsigned long nodes;
		int to; /* from node 0 */
	} cases[] = {{BIND, 2, 1},       {BIND, 1, 0},           {BIND, 3, 0},
		     {PREFERRED, 2, 1},  {PREFERRED_MANY, 2, 1}, {INTERLEAVE, 2, 1},
		     {INTERLEAVE, 3, 0}, {WEIGHTED, 2, 1}};
	static const int flags[] = {MOVE, MOVE_ALL, MOVE | STRICT, MOVE_ALL | STRICT};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned f = 0; f < 4; f++) {
			char *p = on_first(N, MAP_PRIVATE), *s = on_first(N, MAP_SHARED);

			if ((flags[f] & MOVE_ALL) && geteuid())
				continue;
			equal(mbind_to(p, N, cases[i].mode, cases[i].nodes, flags[f]), 0);
			equal(mbind_to(s, N, cases[i].mode, cases[i].nodes, flags[f]), 0);
			all_on(p, N, cases[i].to);
			all_on(s, N, cases[i].to);
			read_all(p, N, 1);
			read_all(s, N, 1);
			munmap(p, N * PAGE);
			munmap(s, N * PAGE);
		}
}

static int mode_of(void *p)
{
	int mode = -1;

	check(!syscall(SYS_get_mempolicy, &mode, NULL, 0, p, 2));
	return mode;
}

/* Without MOVE nothing moves, and the policy stays as it was. */
static void case_strict(void)
{
	char *p = on_first(N, MAP_PRIVATE);

	equal(mbind_to(p, N, BIND, 2, STRICT), -EIO);
	equal(mode_of(p), DEFAULT);
	equal(mbind_to(p, N, BIND, 1, STRICT), 0);
	equal(mode_of(p), BIND);
	equal(mbind_to(p, N, BIND, 2, 0), 0);
	all_on(p, N, 0);
	equal(mbind_to(p, N, BIND, 2, STRICT), -EIO);
	equal(mbind_to(p, N, BIND, 2, STRICT | MOVE), 0);
	all_on(p, N, 1);
	/* A hole: nothing is done. */
	munmap(p + 4 * PAGE, PAGE);
	equal(mbind_to(p, N, BIND, 1, MOVE), -EFAULT);
	all_on(p, 4, 1);
	equal(mode_of(p), BIND);
}

/* What others have, too, stays without MOVE_ALL, and that is no failure. */
static void case_mbind_shared(void)
{
	char *p = on_first(N, MAP_PRIVATE);
	struct child c;

	if (child_of(&c)) {
		begun(&c);
		read_all(p, N, 1);
		_exit(0);
	}
	equal(mbind_to(p, N, BIND, 2, MOVE | STRICT), 0);
	all_on(p, N, 0);
	equal(mbind_to(p, N, BIND, 2, STRICT), -EIO);
	if (!geteuid()) {
		equal(mbind_to(p, N, BIND, 2, MOVE_ALL | STRICT), 0);
		all_on(p, N, 1);
		equal(node_in(c.pid, p), 1);
	}
	read_all(p, N, 1);
	end(&c);
}

/* By the thread's policy, where the mapping gets none. */
static void case_mbind_default(void)
{
	char *p = on_first(N, MAP_PRIVATE);
	unsigned long second = 2, both = 3;

	check(!syscall(SYS_set_mempolicy, PREFERRED, &second, 64));
	equal(mbind_to(p, N, DEFAULT, 0, MOVE | STRICT), 0);
	all_on(p, N, 1);
	check(!syscall(SYS_set_mempolicy, INTERLEAVE, &both, 64));
	equal(mbind_to(p, N, DEFAULT, 0, MOVE), 0);
	long sum = 0;
	for (unsigned long i = 0; i < N; i++)
		sum += node_of(p + i * PAGE);
	equal(sum, N / 2);
	read_all(p, N, 1);
}

/* A node has 64 MiB. */
/* Frames of node 1 that the lists of processors still hold. */
static void take_rest(char *p, unsigned long pages)
{
	unsigned long i = 0;

	while (i < pages && move_one(p + i * PAGE, 1, MOVE) == 1)
		i++;
	check(i < pages);
}

static void case_full(void)
{
	unsigned long pages = (80ul << 20) / PAGE, rest = 512;
	char *p = map_as(pages, MAP_PRIVATE), *q = on_first(N, MAP_PRIVATE);
	char *spare = on_first(rest, MAP_PRIVATE);

	equal(mbind_to(p, pages, PREFERRED, 2, 0), 0);
	write_all(p, pages, 9);
	equal(node_of(p), 1);
	equal(node_of(p + (pages - 1) * PAGE), 0);
	take_rest(spare, rest);
	equal(move_one(q, 1, MOVE), -ENOMEM);
	equal(mbind_to(q, N, BIND, 2, MOVE | STRICT), -EIO);
	equal(mbind_to(q, N, BIND, 2, MOVE), 0);
	check(migrate(0, 1, 2) > 0);
	/* A wish is none that must be granted. */
	equal(mbind_to(q, N, PREFERRED, 2, MOVE | STRICT), 0);
	all_on(q, N, 0);
	read_all(q, N, 1);
	read_all(p, pages, 9);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
    {"query", case_query},
    {"many", case_many},
    {"errors", case_errors},
    {"shared", case_shared},
    {"other", case_other},
    {"kinds", case_kinds},
    {"file", case_file},
    {"vdso", case_vdso},
    {"lent", case_lent},
    {"futex", case_futex},
    {"migrate", case_migrate},
    {"mbind", case_mbind},
    {"strict", case_strict},
    {"mbind_shared", case_mbind_shared},
    {"mbind_default", case_mbind_default},
    {"full", case_full},
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
