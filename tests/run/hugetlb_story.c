/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_story.c: a process maps huge pages privately, has them all, forks, and writes all of them
 * while the child lives.  It must not fail, however few pages there are; the child does, at its
 * next touch of what is not there for it.  What happens is printed: it is the same natively and
 * under quire run.
 *
 * usage: hugetlb_story: with a pool of 4 pages of 2 MiB or more.  1: mmap failed; 2: the parent
 * failed.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2ul << 20)
#define PAGES 4

static volatile char *memory;

/* T F R S. */
static void tell_pool(const char *when)
{
	static const char *const names[] = {
	    "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:"};
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];

	printf("%s:", when);
	while (f && fgets(line, sizeof(line), f))
		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				printf(" %lu", strtoul(line + strlen(names[i]), NULL, 10));
	if (f)
		fclose(f);
	printf("\n");
	fflush(stdout);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "signal %d, code %d, at byte %lu\n", sig,
			 info->si_code, (unsigned long)((char *)info->si_addr - (char *)memory));

	(void)context;
	if (write(1, text, (size_t)n) < 0)
		_exit(3);
	_exit(0);
}

/* A child of the child touches the byte, and tells. */
static void touch(unsigned page, bool store)
{
	pid_t pid = fork();

	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (store)
		memory[page * HUGE + 5] = 'x';
	printf("page %u: %c\n", page, memory[page * HUGE + 5]);
	fflush(stdout);
	_exit(0);
}

static _Noreturn void child(int ready, int other_end)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	char c;

	sigaction(SIGBUS, &action, NULL);
	close(other_end); /* or the end of a parent that was killed would not be told */
	if (read(ready, &c, 1) != 1)
		_exit(3);
	for (unsigned i = 0; i < PAGES; i++)
		touch(i, false);
	if (madvise((void *)(uintptr_t)memory, HUGE, MADV_DONTNEED))
		perror("madvise");
	memory[7] = 'y';
	printf("the first page is there\n");
	fflush(stdout);
	_exit(0);
}

static void write_all(char first)
{
	for (unsigned i = 0; i < PAGES; i++)
		memory[i * HUGE + 5] = (char)(first + (char)i);
}

int main(void)
{
	int ready[2], status;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	memory = mmap(NULL, PAGES * HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED || pipe(ready)) {
		perror("mmap");
		return 1;
	}
	tell_pool("mapped");
	if (mlock((const void *)(uintptr_t)memory, PAGES * HUGE))
		perror("mlock");
	tell_pool("locked");
	write_all('a');
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(ready[0], ready[1]);
	tell_pool("forked");
	write_all('A');
	tell_pool("written");
	for (unsigned i = 0; i < PAGES; i++)
		if (memory[i * HUGE + 5] != (char)('A' + (char)i))
			return 2;
	if (write(ready[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 2;
	/* The pool is not told from here on: under quire a process that has ended is taken apart a
	 * little later.  Who wants its pages waits for them. */
	printf("child: %d\n", status);
	if (munmap((void *)(uintptr_t)memory, PAGES * HUGE))
		perror("munmap");
	return 0;
}
