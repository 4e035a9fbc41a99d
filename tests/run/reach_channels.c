/* SPDX-License-Identifier: MIT */
/*
 * reach_channels.c CASE: what is shared with the supervisor: a process maps its own threads'
 * channels and no others, and may not store into what it only reads.
 */
#include "reach.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>

#define LOOK_AT 512u /* places: more than this program ever uses, with room behind them */
#define NR_THREADS 3

static void only_read(void)
{
	catch_access_faults();
	CHECK(may_read(INFO_BASE) && !may_write(INFO_BASE));
	CHECK(may_read(ANSWER_AT(0)) && !may_write(ANSWER_AT(0)));
	CHECK(!may_write(ANSWER_AT(0) + offsetof(struct answer, root)));
	CHECK(may_read(TABLES_BASE) && !may_write(TABLES_BASE));
	/* Its own. */
	CHECK(may_write(CHAN_AT(0) + offsetof(struct chan, data)));
}

static unsigned count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LOOK_AT; i++) {
		bool chan = may_read(CHAN_AT(i)), answer = may_read(ANSWER_AT(i));

		CHECK(chan == answer);
		n += chan;
	}
	return n;
}

static volatile int running, stop_now;

static void *wait_for_end(void *arg)
{
	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	while (!stop_now)
		sched_yield();
	return arg;
}

/* In a child: what it maps, as its status. */
static void count_in_child(void)
{
	int status;
	pid_t pid = must_fork();

	if (!pid)
		_exit(failures ? 99 : (int)count());
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void threads(void)
{
	pthread_t t[NR_THREADS];

	catch_access_faults();
	CHECK(count() == 1);
	for (int i = 0; i < NR_THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, wait_for_end, NULL) == 0);
	while (running < NR_THREADS)
		sched_yield();
	CHECK(count() == 1 + NR_THREADS);
	count_in_child();
	stop_now = 1;
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
	/* A thread that was joined has yet to leave. */
	while (count() != 1)
		sched_yield();
}

static void children(void)
{
	extern char **environ;
	char *argv[] = {"true", NULL};
	pid_t pid;

	catch_access_faults();
	count_in_child();
	CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
	CHECK(count() == 1);
	CHECK(waitpid(pid, NULL, 0) == pid);
	pid = vfork();
	if (!pid)
		_exit(0);
	CHECK(waitpid(pid, NULL, 0) == pid && count() == 1);
}

int main(int argc, char **argv)
{
	static const struct reach_case cases[] = {
	    {"only_read", only_read}, {"threads", threads}, {"children", children}, {NULL, NULL}};

	return reach(cases, argc > 1 ? argv[1] : NULL);
}
