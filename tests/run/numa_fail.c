/* SPDX-License-Identifier: MIT */
/*
 * numa_fail.c: moves pages between two nodes, its own, a child's and those of both, for
 * fail_points.sh: 0, or a status below 9 where memory was out; 9: memory is wrong.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 6u
#define MOVE_ALL 4

static char *map(int flags)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(3);
	return p;
}

static void fill(char *p, int with)
{
	for (unsigned i = 0; i < PAGES; i++)
		memset(p + i * PAGE, with + (int)i, PAGE);
}

static void check(const char *p, int with)
{
	for (unsigned long i = 0; i < PAGES * PAGE; i++)
		if (p[i] != with + (int)(i / PAGE))
			_exit(9);
}

/* A page is where it is said to be, whether it could be moved or not. */
static void move(pid_t pid, char *p, int node)
{
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES], is[PAGES];

	for (unsigned i = 0; i < PAGES; i++) {
		pages[i] = p + i * PAGE;
		nodes[i] = node;
		status[i] = -1;
	}
	if (syscall(SYS_move_pages, pid, (long)PAGES, pages, nodes, status, MOVE_ALL) < 0)
		_exit(4);
	if (syscall(SYS_move_pages, pid, (long)PAGES, pages, NULL, is, 0) < 0)
		_exit(4);
	for (unsigned i = 0; i < PAGES; i++)
		if (status[i] >= 0 && status[i] != is[i])
			_exit(9);
}

static void bind(char *p, int node)
{
	unsigned long nodes = 1ul << node;

	if (syscall(SYS_mbind, p, PAGES * PAGE, 1, &nodes, 64ul, MOVE_ALL))
		_exit(5);
}

static void migrate(pid_t pid, int node)
{
	unsigned long from = 1ul << !node, to = 1ul << node;

	if (syscall(SYS_migrate_pages, pid, 64ul, &from, &to) < 0)
		_exit(6);
}

static int in_child(char *own, char *both, int said, int go)
{
	char byte;

	check(own, 1);
	check(both, 2);
	fill(own, 3);
	move(0, own, 1);
	if (write(said, "", 1) != 1 || read(go, &byte, 1) != 1)
		return 7;
	migrate(0, 1);
	check(own, 3);
	check(both, 4);
	return 0;
}

int main(void)
{
	char *own = map(MAP_PRIVATE), *both = map(MAP_SHARED);
	int up[2], down[2], status;
	char byte;
	pid_t pid;

	fill(own, 1);
	fill(both, 2);
	bind(both, 1);
	if (pipe(up) || pipe(down) || (pid = fork()) < 0)
		return 2;
	if (!pid) {
		close(up[0]);
		close(down[1]);
		_exit(in_child(own, both, up[1], down[0]));
	}
	close(up[1]);
	if (read(up[0], &byte, 1) != 1)
		return 8;
	move(pid, own, 1);
	move(0, both, 0);
	fill(both, 4);
	migrate(pid, 0);
	bind(own, 0);
	move(0, own, 1);
	check(own, 1);
	check(both, 4);
	if (write(down[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 8;
	check(own, 1);
	check(both, 4);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 8;
}
