// SPDX-License-Identifier: MIT
/*
 * ahead_ram.c: for a machine of 64 MiB: what was mapped ahead of others, and never used, is there
 * for who needs it.  Exits 0 unless somebody is killed for want of memory.
 */
#include "proc.h"

#include <signal.h>

#define CHILDREN 8
#define ARRAYS 50
#define MEBIBYTES 34ul

/* Each array of 16 pages may have as many more behind it. */
static void write_arrays(int ready)
{
	char *p[ARRAYS];

	alarm(60);
	for (int i = 0; i < ARRAYS; i++)
		touch(p[i] = map_alone(64, MAP_PRIVATE), 16);
	if (write(ready, p, 1) != 1)
		_exit(1);
	pause();
}

int main(void)
{
	size_t pages = MEBIBYTES << 8;
	pid_t children[CHILDREN];
	int fd[2];
	char *p;

	if (pipe(fd))
		return 1;
	for (int i = 0; i < CHILDREN; i++) {
		char c;

		children[i] = fork();
		if (!children[i])
			write_arrays(fd[1]);
		if (read(fd[0], &c, 1) != 1)
			return 1;
	}
	p = map_alone(pages, MAP_PRIVATE);
	for (size_t i = pages; i-- > 0;)
		p[i * PAGE] = 1;
	for (int i = 0; i < CHILDREN; i++) {
		int status = 0;

		same("a child still waits", waitpid(children[i], &status, WNOHANG), 0);
		kill(children[i], SIGKILL);
	}
	return finish();
}
