/* SPDX-License-Identifier: MIT */
/* fork_many.c: forks until it fails; then all children are killed.  0: it failed for EAGAIN. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 100

int main(void)
{
	pid_t pids[MANY];
	int n = 0, err = 0, status;

	while (n < MANY && !err) {
		pids[n] = fork();
		if (!pids[n])
			pause();
		if (pids[n] < 0)
			err = errno;
		else
			n++;
	}
	printf("%d children, then: %s\n", n, strerror(err));
	for (int i = 0; i < n; i++) {
		if (waitpid(pids[i], &status, WNOHANG) == pids[i])
			err = 0;
		kill(pids[i], SIGKILL);
	}
	while (wait(NULL) > 0)
		;
	return err != EAGAIN || n < 3;
}
