/* SPDX-License-Identifier: MIT */
/*
 * numa_policy.c: on which nodes memory comes to be, on a machine of two: of mappings and threads
 * with each policy; what a child and a new program have of it; what tells of it.
 *
 * usage: numa_policy CASE, under quire run --nodes 2 with 64 MiB on each node, and two processors.
 */
#include "numa.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_HOME 450

enum { F_NODE = 1, F_ADDR = 2, F_MEMS_ALLOWED = 4 };

static char *map(unsigned long pages)
{
	char *p =
	    mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED);
	return p;
}

static long set(int mode, unsigned long nodes)
{
	return syscall(SYS_set_mempolicy, mode, &nodes, 64) ? -errno : 0;
}

static long node_of(void *p)
{
	int node = -1;

	if (syscall(SYS_get_mempolicy, &node, NULL, 0, p, F_NODE | F_ADDR))
		return -errno;
	return node;
}

static bool on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* Some processor of the node; exit status 77 (skipped) if none may be used. */
static void on_node(unsigned node)
{
	unsigned is = 99;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (on_cpu(cpu) && !getcpu(NULL, &is) && is == node)
			return;
	printf("skipped: no processor on node %u may be used\n", node);
	exit(77);
}

/* Of the first pages, which are touched, how many are on node 1. */
static long on_second(char *p, unsigned long pages)
{
	long n = 0;

	for (unsigned long i = 0; i < pages; i++) {
		p[i * PAGE] = 1;
		equal(node_of(p + i * PAGE), node_in(0, p + i * PAGE));
		n += node_of(p + i * PAGE);
	}
	return n;
}

static void get(int *mode, unsigned long *nodes, void *addr, int flags)
{
	*nodes = 0;
	check(!syscall(SYS_get_mempolicy, mode, nodes, 64, addr, flags));
}

static void check_child(pid_t pid)
{
	int status;

	equal(waitpid(pid, &status, 0), pid);
	equal(status, 0);
}

/* ---- mappings -------------------------------------------------------------------- */

static void case_mbind(void)
{
	static const struct {
		int mode;
		unsigned long nodes;
		long second; /* of 16 pages, by a thread on node 0 */
	} cases[] = {{DEFAULT, 0, 0},        {LOCAL, 0, 0},
		     {PREFERRED, 2, 16},     {PREFERRED, 3, 0},
		     {BIND, 1, 0},           {BIND, 2, 16},
		     {BIND, 3, 0},           {INTERLEAVE, 3, 8},
		     {INTERLEAVE, 2, 16},    {PREFERRED_MANY, 2, 16},
		     {PREFERRED_MANY, 3, 0}, {WEIGHTED, 3, 8},
		     {BIND, 6, 16}};

	on_node(0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *p = map(16);

		equal(mbind_to(p, 16, cases[i].mode, cases[i].nodes, 0), 0);
		equal(on_second(p, 16), cases[i].second);
		munmap(p, 16 * PAGE);
	}
	equal(mbind_to(map(1), 1, BIND, 4, 0), -EINVAL);
	equal(mbind_to(map(1), 1, BIND, 0, 0), -EINVAL);
}

static void case_local(void)
{
	for (unsigned node = 0; node < 2; node++) {
		unsigned cpu = 99, of_vdso = 99, of_call = 99;

		on_node(node);
		equal(on_second(map(8), 8), 8 * (long)node);
		check(!getcpu(&cpu, &of_vdso));
		equal(of_vdso, node);
		equal(cpu, sched_getcpu());
		check(!syscall(SYS_getcpu, NULL, &of_call, NULL));
		equal(of_call, node);
	}
}

/* What a page is on is not changed, but looked at. */
static void case_strict(void)
{
	char *p = map(4);

	equal(mbind_to(p, 4, BIND, 1, 0), 0);
	equal(on_second(p, 2), 0);
	equal(mbind_to(p, 4, BIND, 2, STRICT), -EIO);
	equal(mbind_to(p, 4, INTERLEAVE, 3, STRICT), 0);
	equal(mbind_to(p + 2 * PAGE, 2, BIND, 2, STRICT), 0);
	equal(on_second(p + 2 * PAGE, 2), 2);
	equal(on_second(p, 2), 0);
}

/* The policy is the object's: another mapping of it, and another process, go by it. */
static void case_shared(void)
{
	int id = shmget(IPC_PRIVATE, 12 * PAGE, 0600), mode;
	char *p = shmat(id, NULL, 0), *again = shmat(id, NULL, 0);
	unsigned long nodes;
	pid_t pid;

	check(p != (char *)-1 && again != (char *)-1);
	shmctl(id, IPC_RMID, NULL);
	on_node(0);
	equal(mbind_to(p, 4, BIND, 2, 0), 0);
	equal(mbind_to(p + 8 * PAGE, 4, INTERLEAVE, 3, 0), 0);
	get(&mode, &nodes, again + 3 * PAGE, F_ADDR);
	equal(mode, BIND);
	get(&mode, &nodes, again + 4 * PAGE, F_ADDR);
	equal(mode, DEFAULT);
	equal(on_second(again, 2), 2);
	pid = fork();
	if (!pid) {
		equal(on_second(p + 2 * PAGE, 6), 2);
		_exit(0);
	}
	check_child(pid);
	equal(on_second(again + 8 * PAGE, 4), 2);
	/* This mapping was given none, and so is passed over. */
	equal(mbind_to(again, 12, DEFAULT, 0, 0), 0);
	get(&mode, &nodes, p, F_ADDR);
	equal(mode, BIND);
	equal(mbind_to(p, 12, DEFAULT, 0, 0), 0);
	get(&mode, &nodes, again, F_ADDR);
	equal(mode, DEFAULT);
}

/* In a private mapping of a file the copies go by it. */
static void case_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	check(p != MAP_FAILED);
	equal(mbind_to(p, 1, BIND, 2, 0), 0);
	equal(on_second(p, 1), 1);
}

static void case_home(void)
{
	char *p = map(4);

	on_node(0);
	equal(syscall(NR_HOME, p, 4 * PAGE, 1, 0) ? -errno : 0, -ENOENT);
	equal(mbind_to(p, 4, BIND, 3, 0), 0);
	equal(on_second(p, 1), 0);
	equal(syscall(NR_HOME, p, 4 * PAGE, 1, 0), 0);
	equal(syscall(NR_HOME, p, 4 * PAGE, 2, 0) ? -errno : 0, -EINVAL);
	equal(on_second(p + PAGE, 3), 3);
}

/* ---- threads --------------------------------------------------------------------- */

static void case_set(void)
{
	static const int modes[] = {PREFERRED, BIND, INTERLEAVE, PREFERRED_MANY, WEIGHTED};
	unsigned long nodes;
	int mode;

	on_node(0);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		equal(set(modes[i], 2), 0);
		get(&mode, &nodes, NULL, 0);
		equal(mode, modes[i]);
		equal((long)nodes, 2);
		equal(on_second(map(4), 4), 4);
	}
	equal(set(INTERLEAVE, 3), 0);
	equal(on_second(map(16), 16), 8);
	/* That of the mapping goes before it. */
	char *p = map(4);
	equal(mbind_to(p, 4, BIND, 2, 0), 0);
	equal(on_second(p, 4), 4);
	get(&mode, &nodes, p, F_ADDR);
	equal(mode, BIND);
	equal(set(BIND, 4), -EINVAL);
	equal(set(DEFAULT, 0), 0);
	equal(on_second(map(4), 4), 0);
}

static void case_get(void)
{
	unsigned long nodes, small = 0;
	int mode;

	get(&mode, &nodes, NULL, F_MEMS_ALLOWED);
	equal((long)nodes, 3);
	equal(syscall(SYS_get_mempolicy, &mode, &small, 1, NULL, 0) ? -errno : 0, -EINVAL);
	equal(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, F_NODE) ? -errno : 0, -EINVAL);
	equal(set(INTERLEAVE, 3), 0);
	get(&mode, &nodes, NULL, F_NODE);
	equal(mode, 0);
	equal((long)nodes, 3);
	equal(set(INTERLEAVE, 2), 0);
	get(&mode, &nodes, NULL, F_NODE);
	equal(mode, 1);
	/* Nodes in relation to those that there are, and as they were named. */
	equal(set(BIND | 1 << 14, 0xc), 0);
	get(&mode, &nodes, NULL, 0);
	equal(mode, BIND | 1 << 14);
	equal((long)nodes, 0xc);
	on_node(1);
	equal(on_second(map(1), 1), 1);
}

static void *check_thread(void *arg)
{
	unsigned long nodes;
	int mode;

	(void)arg;
	get(&mode, &nodes, NULL, 0);
	equal(mode, BIND);
	equal((long)nodes, 2);
	equal(on_second(map(4), 4), 4);
	equal(set(DEFAULT, 0), 0); /* its own alone */
	return NULL;
}

static char *self;

static void case_inherit(void)
{
	char *p = map(2);
	pthread_t t;
	pid_t pid;

	on_node(0);
	equal(set(BIND, 2), 0);
	equal(mbind_to(p, 2, BIND, 1, 0), 0);
	check(!pthread_create(&t, NULL, check_thread, NULL));
	check(!pthread_join(t, NULL));
	pid = fork();
	if (!pid) {
		check_thread(NULL);
		equal(on_second(p, 2), 0);
		_exit(0);
	}
	check_child(pid);
	equal(on_second(map(1), 1), 1);
	pid = fork();
	if (!pid) {
		execl(self, self, "inherited", NULL);
		_exit(9);
	}
	check_child(pid);
}

/* In the new program. */
static void case_inherited(void)
{
	check_thread(NULL);
}

/* ---- nodes without memory --------------------------------------------------------- */

/* A node has 64 MiB.  Which pages come from where in the end depends on what others give back. */
static void case_full(void)
{
	unsigned long pages = (80ul << 20) / PAGE, on[2] = {0};
	char *p = map(pages);

	equal(mbind_to(p, pages, PREFERRED, 2, 0), 0);
	for (unsigned long i = 0; i < pages; i++)
		p[i * PAGE] = 1;
	equal(node_of(p), 1);
	for (unsigned long i = 0; i < pages; i++)
		on[node_of(p + i * PAGE) == 1]++;
	check(on[1] > (48ul << 20) / PAGE && on[1] <= (64ul << 20) / PAGE);
}

static char *take(unsigned long mib, unsigned long node)
{
	unsigned long bytes = mib << 20;
	char *p = map(bytes / PAGE);

	equal(mbind_to(p, bytes / PAGE, BIND, 1ul << node, 0), 0);
	memset(p, 1, bytes);
	return p;
}

/*
 * Whoever insists is out of memory, though the other node has some.  Who dies is who holds most of
 * that node: not us, who hold most of all.
 */
static void await(int fd)
{
	char c;

	check(read(fd, &c, 1) == 1);
}

/* A child that does not outlive us. */
static pid_t fork_bound(void)
{
	pid_t pid = fork();

	if (!pid)
		check(!prctl(PR_SET_PDEATHSIG, SIGKILL));
	return pid;
}

static void case_out(void)
{
	int ready[2], go[2], status;
	pid_t other, hungry;

	check(!pipe(ready) && !pipe(go));
	other = fork_bound();
	if (!other) {
		take(20, 1);
		check(write(ready[1], "r", 1) == 1);
		for (;;)
			pause();
	}
	hungry = fork_bound();
	if (!hungry) {
		await(go[0]);
		take(60, 1);
		_exit(0);
	}
	await(ready[0]);
	take(55, 0);
	check(write(go[1], "g", 1) == 1);
	equal(waitpid(hungry, &status, 0), hungry);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	equal(waitpid(other, &status, WNOHANG), 0);
	kill(other, SIGKILL);
}

/* ---- what tells of it ----------------------------------------------------------------- */

static void maps_line(void *p, char *line, size_t len)
{
	FILE *f = fopen("/proc/self/numa_maps", "r");
	char start[32];

	check(f);
	snprintf(start, sizeof(start), "%08lx ", (unsigned long)p);
	do
		check(fgets(line, (int)len, f) != NULL);
	while (strncmp(line, start, strlen(start)) != 0);
	fclose(f);
}

static void case_maps(void)
{
	char line[512], *p = map(9);

	on_node(0);
	equal(mbind_to(p, 4, INTERLEAVE, 3, 0), 0);
	equal(mbind_to(p + 5 * PAGE, 2, BIND | 1 << 15, 2, 0), 0);
	on_second(p, 9);
	maps_line(p, line, sizeof(line));
	check(strstr(line, " interleave:0-1 ") && strstr(line, " N0=2 N1=2 "));
	maps_line(p + 5 * PAGE, line, sizeof(line));
	check(strstr(line, " bind=static:1 ") && strstr(line, " N1=2 ") && !strstr(line, "N0="));
	maps_line(p + 7 * PAGE, line, sizeof(line));
	check(strstr(line, " default ") && strstr(line, " N0="));
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
    {"mbind", case_mbind},
    {"local", case_local},
    {"strict", case_strict},
    {"shared", case_shared},
    {"file", case_file},
    {"home", case_home},
    {"set", case_set},
    {"get", case_get},
    {"inherit", case_inherit},
    {"full", case_full},
    {"out", case_out},
    {"maps", case_maps},
    {"inherited", case_inherited},
};

int main(int argc, char **argv)
{
	self = argv[0];
	for (unsigned i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
