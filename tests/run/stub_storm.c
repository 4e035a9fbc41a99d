/* SPDX-License-Identifier: MIT */
/*
 * stub_storm.c: signals at a high rate change nothing in what a program computes, reads, writes,
 * allocates or waits for.
 */
#include "must_fork.h"
#include "stub_test.h"

#include <pthread.h>
#include <sys/time.h>

static volatile long ticks;
static volatile bool wrong;

static void tick(int sig, siginfo_t *si, void *uc)
{
	double x = 1.0;
	int saved = errno;

	(void)sig;
	(void)si;
	(void)uc;
	for (int i = 0; i < 20; i++)
		x *= 1.5;
	if (x < 3325 || x > 3326)
		wrong = true;
	ticks++;
	errno = saved;
}

static void start(__itimer_which_t which, int sig, long usec)
{
	struct itimerval t = {{0, usec}, {0, usec}};

	catch_with(sig, tick, SA_RESTART, 0);
	setitimer(which, &t, NULL);
}

static void stop(void)
{
	struct itimerval t = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &t, NULL);
	setitimer(ITIMER_PROF, &t, NULL);
}

static void memory(void)
{
	for (int i = 0; i < 60; i++) {
		unsigned char *p = anon(256 * 4096);

		for (int k = 0; k < 256; k++)
			p[k * 4096] = (unsigned char)(k + i);
		for (int k = 0; k < 256; k++)
			CHECK(p[k * 4096] == (unsigned char)(k + i));
		munmap(p, 256 * 4096);
	}
}

static void calls(void)
{
	int p[2];
	char buf[1000];

	CHECK(pipe(p) == 0);
	for (int i = 0; i < 20000; i++) {
		memset(buf, i, sizeof(buf));
		CHECK(write(p[1], buf, sizeof(buf)) == sizeof(buf));
		memset(buf, 0, sizeof(buf));
		CHECK(read(p[0], buf, sizeof(buf)) == sizeof(buf) && buf[999] == (char)i);
	}
	close(p[0]);
	close(p[1]);
}

/* Restarted, not cut short. */
static void blocking_reads(void)
{
	int p[2], n = 0;
	char c;
	pid_t pid;

	CHECK(pipe(p) == 0);
	pid = must_fork();
	if (!pid) {
		for (int i = 0; i < 100; i++) {
			usleep(500);
			if (write(p[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	while (read(p[0], &c, 1) == 1)
		n++;
	CHECK(n == 100);
	close(p[0]);
	while (waitpid(pid, NULL, 0) != pid)
		;
}

static void forks(void)
{
	for (int i = 0; i < 40; i++) {
		int status = 0;
		pid_t pid = must_fork();

		if (!pid)
			_exit(i);
		CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == i);
	}
}

static void floating(void)
{
	double sum = 0;

	for (int i = 1; i < 20000000; i++)
		sum += 1.0 / i;
	CHECK(sum > 17.3882 && sum < 17.3885);
}

static void *churn(void *arg)
{
	for (int i = 0; i < 200; i++) {
		char *p = anon(8 * 4096);

		memset(p, 1, 8 * 4096);
		munmap(p, 8 * 4096);
	}
	return arg;
}

static void threads(void)
{
	for (int k = 0; k < 10; k++) {
		pthread_t t[4];

		for (int i = 0; i < 4; i++)
			CHECK(pthread_create(&t[i], NULL, churn, NULL) == 0);
		for (int i = 0; i < 4; i++)
			CHECK(pthread_join(t[i], NULL) == 0);
	}
}

static void all(__itimer_which_t which, int sig)
{
	start(which, sig, 200);
	memory();
	calls();
	if (which == ITIMER_REAL) /* no other clock runs while all sleep */
		blocking_reads();
	forks();
	floating();
	threads();
	stop();
	CHECK(!wrong && ticks > 0);
	ticks = 0;
}

static void real_time(void)
{
	all(ITIMER_REAL, SIGALRM);
}

static void profiling(void)
{
	all(ITIMER_PROF, SIGPROF);
}

/* Another thread fires without pause. */
static volatile bool firing;

static void *fire(void *arg)
{
	pthread_t to = *(pthread_t *)arg;

	while (firing)
		pthread_kill(to, SIGUSR1);
	return NULL;
}

static void fusillade(void)
{
	pthread_t me = pthread_self(), t;

	ticks = 0;
	catch_with(SIGUSR1, tick, SA_RESTART, 0);
	firing = true;
	pthread_create(&t, NULL, fire, &me);
	for (int i = 0; i < 500 && ticks < 100; i++) {
		memory();
		calls();
	}
	firing = false;
	pthread_join(t, NULL);
	CHECK(!wrong && ticks > 0);
}

int main(void)
{
	RUN(real_time);
	RUN(profiling);
	RUN(fusillade);
	return failures != 0;
}
