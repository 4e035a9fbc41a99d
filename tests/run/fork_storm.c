/* SPDX-License-Identifier: MIT */
/*
 * fork_storm.c: several processes fork at the same time, again and again.  fork may fail for
 * EAGAIN; a child that was made lives until it exits.  0: that is how it was.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4
#define ROUNDS 150
#define CHILDREN 8

/* The number of children that ended otherwise. */
static int round_of_forks(void)
{
	pid_t pid[CHILDREN];
	int n = 0, bad = 0, status;

	while (n < CHILDREN && (pid[n] = fork()) >= 0) {
		if (!pid[n++])
			_exit(0);
	}
	if (n < CHILDREN && errno != EAGAIN)
		bad++;
	for (int i = 0; i < n; i++)
		bad += waitpid(pid[i], &status, 0) != pid[i] || status != 0;
	return bad;
}

int main(void)
{
	int bad = 0, status;

	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (pid)
			continue;
		for (int n = 0; n < ROUNDS; n++)
			bad += round_of_forks();
		_exit(bad != 0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	return bad != 0;
}
