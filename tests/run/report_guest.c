/* SPDX-License-Identifier: MIT */
/*
 * report_guest.c: does countable things with memory, for report.py: WHAT is a function's name below
 * without use_.
 */
#include "proc.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define PAGES 1000

static void use_fork(void)
{
	char *p = map_alone(PAGES, MAP_PRIVATE);

	touch(p, PAGES);
	if (!fork()) {
		touch(p, 300);
		_exit(0);
	}
	wait(NULL);
}

static void use_segv(void)
{
	volatile char *p = map_alone(1, MAP_PRIVATE);

	mprotect((char *)(uintptr_t)p, PAGE, PROT_READ);
	*p = 1;
}

static void use_bus(void)
{
	char path[] = "/tmp/quire-bus-XXXXXX";
	int fd = mkstemp(path);
	volatile char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	unlink(path);
	(void)*p;
}

static void use_up(void)
{
	touch(map_alone(4 * PAGES, MAP_PRIVATE), 4 * PAGES);
}

/* More for a while than in the end. */
static void use_alone(void)
{
	char *p = map_alone(2 * PAGES, MAP_PRIVATE);

	touch(p, 2 * PAGES);
	munmap(p, 2 * PAGES * PAGE);
	for (int i = 0; i < 6; i++)
		touch(map_alone(PAGES, MAP_PRIVATE), PAGES);
	munmap(p, PAGE);
	touch(map_alone(PAGES, MAP_PRIVATE), PAGES);
}

#define NR_KILLED 150

static void *touch_on(void *pages)
{
	for (;;)
		touch(pages, PAGES);
	return NULL;
}

/* Its threads wait for a fork to be over, again and again. */
static void fork_and_touch(volatile int *forks)
{
	char *pages = map_alone(PAGES, MAP_PRIVATE);
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, touch_on, pages);
	for (;;) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		++*forks;
		waitpid(child, NULL, 0);
	}
}

/* Children that are killed while they wait for pages. */
static void use_killed(void)
{
	volatile int *forks = (volatile int *)(uintptr_t)map_alone(1, MAP_SHARED);

	for (int i = 0; i < NR_KILLED; i++) {
		pid_t child = fork();

		if (!child)
			fork_and_touch(forks);
		while (*forks <= i % 5)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		*forks = 0;
	}
}

#define NR_CHILDREN 3

/* Each holds some, all at once: they go when the last has it. */
static int use_family(void)
{
	int ready[2], go[2], status, bad = 0;
	char c;

	if (pipe(ready) || pipe(go))
		return 1;
	for (int i = 0; i < NR_CHILDREN; i++) {
		if (fork())
			continue;
		close(go[1]);
		touch(map_alone((size_t)(2 + i) * PAGES, MAP_PRIVATE), (size_t)(2 + i) * PAGES);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		close(ready[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	close(ready[1]);
	for (int i = 0; i < NR_CHILDREN; i++)
		bad |= read(ready[0], &c, 1) != 1;
	close(go[1]);
	while (wait(&status) > 0)
		bad |= status != 0;
	return bad;
}

/* Memory that two processes share, and what one of them has of its own. */
static int use_shared(void)
{
	char *p = map_alone(5 * PAGES, MAP_SHARED);
	int status;

	if (!fork()) {
		touch(p, 5 * PAGES);
		touch(map_alone(PAGES, MAP_PRIVATE), PAGES);
		_exit(0);
	}
	wait(&status);
	for (size_t i = 0; i < 5 * PAGES; i++)
		status |= p[i * PAGE] == 0;
	return status != 0;
}

/* One page in each of many tables, of a reservation that is far larger. */
static void use_sparse(void)
{
	size_t len = 1ul << 40;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (size_t i = 0; i < 20; i++)
		p[i * (len / 20)] = 1;
	munmap(p, len);
}

/* Does not mind if a mapping cannot be had. */
static void use_mappings(void)
{
	for (int i = 0; i < 2000; i++) {
		char *p = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			munmap(p, PAGE);
	}
}

static void use_efault(void)
{
	char *p = map_alone(1, MAP_PRIVATE);
	int fd[2];

	mprotect(p, PAGE, PROT_READ);
	for (int i = 0; i < 5; i++)
		if (pipe((int *)(void *)p) == 0 || errno != EFAULT)
			exit(1);
	mprotect(p, PAGE, PROT_NONE);
	if (pipe(fd) || write(fd[1], p, 10) >= 0 || errno != EFAULT)
		exit(1);
}

/* The compiler must believe that each call's frame is used to the end. */
__attribute__((noinline)) static int deep(int n)
{
	char frame[4 * PAGE];
	int below = 0;

	frame[0] = (char)n;
	__asm__ volatile("" : : "r"(frame) : "memory");
	if (n)
		below = deep(n - 1);
	__asm__ volatile("" : : "r"(frame) : "memory");
	return below + frame[0];
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "fork"))
		use_fork();
	else if (!strcmp(what, "up"))
		use_up();
	else if (!strcmp(what, "segv"))
		use_segv();
	else if (!strcmp(what, "bus"))
		use_bus();
	else if (!strcmp(what, "killed"))
		use_killed();
	else if (!strcmp(what, "sparse"))
		use_sparse();
	else if (!strcmp(what, "mappings"))
		use_mappings();
	else if (!strcmp(what, "efault"))
		use_efault();
	else if (!strcmp(what, "alone"))
		use_alone();
	else if (!strcmp(what, "family"))
		return use_family();
	else if (!strcmp(what, "shared"))
		return use_shared();
	else if (!strcmp(what, "deep"))
		return deep(200) == -1;
	return 0;
}
