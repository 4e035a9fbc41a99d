/* SPDX-License-Identifier: MIT */
/*
 * fork_cow.c: maps, forks, copies on write, remaps.  With an allocation made to fail it ends early
 * with a status that says where, or is killed; it never goes on with wrong memory (status 9).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul
#define PAGES 64ul

static int child(char *p, int i)
{
	for (unsigned long j = 0; j < PAGES; j += 2)
		p[j * PG] = (char)(i + 10);
	if (munmap(p, 10 * PG))
		return 5;
	for (unsigned long j = 10; j < PAGES; j++) {
		if (p[j * PG] != (j % 2 ? 1 : i + 10))
			return 9;
	}
	return 0;
}

int main(void)
{
	char *p =
	    mmap(NULL, PAGES * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status, worst = 0;

	if (p == MAP_FAILED)
		return 3;
	memset(p, 1, PAGES * PG);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 4;
		if (!pid)
			_exit(child(p, i));
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) > worst)
			worst = WEXITSTATUS(status);
	}
	for (unsigned long j = 0; j < PAGES; j++) {
		if (p[j * PG] != 1)
			return 9;
	}
	if (mprotect(p + 40 * PG, PG, PROT_READ))
		return 6;
	p = mremap(p, 20 * PG, 100 * PG, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return 7;
	return munmap(p, 100 * PG) ? 8 : worst;
}
