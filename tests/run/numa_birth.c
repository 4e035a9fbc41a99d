/* SPDX-License-Identifier: MIT */
/*
 * numa_birth.c: pages of two processes that fork all the time are moved by a third, whose flushes
 * meet threads that have just begun.
 *
 * usage: numa_birth FORKS: so many by each.  Under quire run --nodes 2.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 16u
#define MOVE_ALL 4l /* MPOL_MF_MOVE_ALL */

static char *memory;

static _Noreturn void forks(int n)
{
	for (unsigned i = 0; i < PAGES; i++)
		memory[i * PAGE] = 2;
	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			_exit(1);
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (memory[i * PAGE] != 2)
			_exit(2);
	_exit(0);
}

static _Noreturn void moves(const pid_t *of)
{
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES];

	for (unsigned n = 0;; n++) {
		for (unsigned i = 0; i < PAGES; i++) {
			pages[i] = memory + i * PAGE;
			nodes[i] = n & 1;
		}
		syscall(SYS_move_pages, (long)of[n >> 1 & 1], (unsigned long)PAGES, pages, nodes,
			status, MOVE_ALL);
	}
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 100, status, failed = 0;
	pid_t pids[2], mover;

	memory =
	    mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			forks(n);
	}
	mover = fork();
	if (!mover)
		moves(pids);
	for (int i = 0; i < 2; i++)
		failed |= waitpid(pids[i], &status, 0) != pids[i] || status;
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	if (failed)
		fprintf(stderr, "numa_birth: a process that forks has lost something: %#x\n",
			(unsigned)status);
	return failed;
}
