/* SPDX-License-Identifier: MIT */
/*
 * reach_channels.c CASE: what is shared with the supervisor: a process maps no other address
 * space's channels, and may not store into what it only reads.
 */
#include "reach.h"

#include "run/stub/base/layout.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>

#define NR_THREADS 3
#define NR_CHILDREN 12
#define MARK 0x6d61726bu

static uint32_t own_slot(void)
{
	return *(volatile uint32_t *)(THREADS_BASE + THREAD_SLOT);
}

/* Behind all that a request needs. */
static volatile uint32_t *mark_of(uint32_t slot)
{
	return (volatile uint32_t *)(CHAN_AT(slot + 1) - ANSWER_SLOT_SIZE - 8);
}

static void only_read(void)
{
	uint64_t answer = ANSWER_AT(own_slot());

	catch_access_faults();
	CHECK(may_read(INFO_BASE) && !may_write(INFO_BASE));
	CHECK(may_read(answer) && !may_write(answer));
	CHECK(!may_write(answer + offsetof(struct answer, root)));
	CHECK(may_read(TABLES_BASE) && !may_write(TABLES_BASE));
	/* Its own. */
	CHECK(may_write((uint64_t)mark_of(own_slot())));
}

/* Mapped channels; *marked: those that another process has marked. */
static unsigned count(unsigned *marked)
{
	unsigned n = 0;

	*marked = 0;
	for (uint32_t i = 0; i < RUN_MAX_SLOTS; i++) {
		bool chan = may_read(CHAN_AT(i)), answer = may_read(ANSWER_AT(i));

		CHECK(chan == answer);
		n += chan;
		*marked += chan && *mark_of(i) == MARK;
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

static void use_threads(void)
{
	pthread_t t[NR_THREADS];

	for (int i = 0; i < NR_THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, wait_for_end, NULL) == 0);
	while (running < NR_THREADS)
		sched_yield();
	stop_now = 1;
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(t[i], NULL);
}

/* Marks its channel and waits. */
static void be_marked(int ready, int end)
{
	char c = 0;

	*mark_of(own_slot()) = MARK;
	CHECK(write(ready, &c, 1) == 1);
	CHECK(read(end, &c, 1) == 0);
	*mark_of(own_slot()) = 0;
	_exit(failures != 0);
}

static void expect_unmarked(void)
{
	unsigned marked;

	count(&marked);
	CHECK(marked == 0);
}

/* A fork and a vfork that executes, again and again, while all of them live. */
static void start_children(const char *self, int ready[2], int end[2])
{
	extern char **environ;
	char fd[2][12], *argv[] = {"reach", "marked", fd[0], fd[1], NULL};
	pid_t pid;
	char c;

	snprintf(fd[0], sizeof(fd[0]), "%d", ready[1]);
	snprintf(fd[1], sizeof(fd[1]), "%d", end[0]);
	for (int i = 0; i < NR_CHILDREN; i++) {
		fcntl(end[1], F_SETFD, FD_CLOEXEC);
		if (i % 2) {
			CHECK(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
		} else if (!must_fork()) {
			close(end[1]);
			be_marked(ready[1], end[0]);
		}
		CHECK(read(ready[0], &c, 1) == 1);
		expect_unmarked();
	}
}

static void others(void)
{
	int ready[2], end[2], status;

	catch_access_faults();
	CHECK(pipe(ready) == 0 && pipe(end) == 0);
	use_threads();
	start_children("/proc/self/exe", ready, end);
	close(end[1]);
	for (int i = 0; i < NR_CHILDREN; i++)
		CHECK(wait(&status) > 0 && status == 0);
	/* Channels of children that are gone may be this one's now. */
	use_threads();
}

/* A child has one, however many its parent had. */
static void child(void)
{
	unsigned marked;
	int status;
	pid_t pid;

	catch_access_faults();
	CHECK(count(&marked) == 1);
	use_threads();
	CHECK(count(&marked) > 1);
	pid = must_fork();
	if (!pid)
		_exit((int)count(&marked));
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"only_read", only_read}, {"others", others}, {"child", child}, {NULL, NULL}};

	if (argc > 3 && !strcmp(argv[1], "marked"))
		be_marked(atoi(argv[2]), atoi(argv[3]));
	return reach(cases, argc > 1 ? argv[1] : NULL);
}
