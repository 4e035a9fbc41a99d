/* SPDX-License-Identifier: MIT */
/* stub_births.c: processes and threads that are made while signals come down on all of them. */
#include "must_fork.h"
#include "stub_test.h"

#include <pthread.h>

#define BIRTHS 400

static void caught(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
}

static volatile uint32_t *births; /* shared; UINT32_MAX: no more */

/* At each birth one signal to everybody in the group, now a bit earlier, now later. */
static void rain(void)
{
	uint32_t seen = 0;

	signal(SIGBUS, SIG_IGN);
	alarm(600);
	while (*births != UINT32_MAX) {
		if (*births == seen)
			continue;
		seen = *births;
		for (volatile uint32_t i = 0; i < seen * 7919 % 100000; i++)
			;
		kill(0, SIGBUS);
	}
	_exit(0);
}

static bool ends_well(pid_t pid)
{
	int status = -1;
	pid_t r;

	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid && status == 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static void forks(void)
{
	for (int i = 0; i < BIRTHS; i++) {
		pid_t pid;

		++*births;
		pid = must_fork();
		if (!pid)
			_exit(0);
		CHECK(pid > 0 && ends_well(pid));
	}
}

static void vforks(void)
{
	for (int i = 0; i < BIRTHS; i++) {
		pid_t pid;

		++*births;
		pid = vfork();
		if (!pid)
			_exit(0);
		CHECK(pid > 0 && ends_well(pid));
	}
}

static void threads(void)
{
	pthread_t t;

	for (int i = 0; i < BIRTHS; i++) {
		++*births;
		CHECK(!pthread_create(&t, NULL, nothing, NULL) && !pthread_join(t, NULL));
	}
}

static void in_the_rain(void (*fn)(void))
{
	pid_t pid, cloud;

	births = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = must_fork();
	if (pid) {
		CHECK(ends_well(pid));
		return;
	}
	if (setpgid(0, 0))
		_exit(1);
	alarm(600);
	catch_with(SIGBUS, caught, SA_RESTART, 0);
	cloud = must_fork();
	if (!cloud)
		rain();
	fn();
	*births = UINT32_MAX;
	CHECK(ends_well(cloud));
	fflush(stdout);
	_exit(failures != 0);
}

static void forks_in_the_rain(void)
{
	in_the_rain(forks);
}

static void vforks_in_the_rain(void)
{
	in_the_rain(vforks);
}

static void threads_in_the_rain(void)
{
	in_the_rain(threads);
}

int main(void)
{
	RUN(forks_in_the_rain);
	RUN(vforks_in_the_rain);
	RUN(threads_in_the_rain);
	return failures != 0;
}
