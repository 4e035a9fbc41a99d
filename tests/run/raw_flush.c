/* SPDX-License-Identifier: MIT */
/* raw_flush.c CASE: pages taken from processes in whose stubs something unusual has happened. */
#include "raw.h"

#include <pthread.h>

#define PAGE_BYTES 4096

static volatile char *page;
static volatile uint32_t *word; /* shared as well */

static void share(void)
{
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	word = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void stop(pid_t pid)
{
	int status;

	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Ends without a word to anybody. */
static void *vanish(void *arg)
{
	page[0] = 1;
	word[1] = (uint32_t)host(SYS_gettid, 0, 0, 0, 0, 0);
	word[0] = 1;
	host(SYS_exit, 0, 0, 0, 0, 0);
	return arg;
}

static void lose_thread(void)
{
	pthread_t t;

	alarm(60);
	page[0] = 1;
	pthread_create(&t, NULL, vanish, NULL);
	while (!word[0] || !syscall(SYS_tgkill, getpid(), word[1], 0))
		sched_yield();
	word[2] = 1;
	for (;;)
		sched_yield();
}

/* A thread that is no more holds nobody up, though the supervisor thinks that it lives. */
static void lost_thread(void)
{
	pid_t pid;

	share();
	pid = fork();
	if (!pid)
		lose_thread();
	while (!word[2])
		sched_yield();
	stop(pid);
	CHECK(madvise((void *)page, PAGE_BYTES, MADV_REMOVE) == 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

int main(int argc, char **argv)
{
	static const struct raw_case cases[] = {
	    {"lost_thread", lost_thread},
	    {NULL, NULL},
	};

	return run_case(cases, argc > 1 ? argv[1] : NULL);
}
