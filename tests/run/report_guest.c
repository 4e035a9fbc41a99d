// SPDX-License-Identifier: MIT
/*
 * report_guest.c: does countable things with memory, for report.py: WHAT is fork, up, segv,
 * bus, deep.
 */
#include "proc.h"

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
	else if (!strcmp(what, "deep"))
		return deep(200) == -1;
	return 0;
}
