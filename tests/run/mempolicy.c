/* SPDX-License-Identifier: MIT */
/*
 * mempolicy.c: memory policies on a machine of one node: which are refused, and that the others are
 * told again, of a thread and of a range, by get_mempolicy and numa_maps.
 *
 * Natively (on one node) and under quire run the output is the same.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul
#define RW (PROT_READ | PROT_WRITE)

static const unsigned long none, first = 1, far = 1ul << 40, both = 1 | 1ul << 40;
static const unsigned long *const masks[] = {NULL, &none, &first, &far, &both};

static void get(const char *what, const void *addr, unsigned long flags)
{
	unsigned long mask[4] = {77, 77, 77, 77};
	int mode = -1;
	long r = syscall(SYS_get_mempolicy, &mode, mask, 129, addr, flags);

	printf("%s: %ld %d: mode %x, nodes %lx %lx %lx\n", what, r, r ? errno : 0, (unsigned)mode,
	       mask[0], mask[1], mask[2]);
}

static void set(unsigned mode, const unsigned long *mask, unsigned long bits)
{
	long r = syscall(SYS_set_mempolicy, mode, mask, bits);

	printf("set %x, nodes %lx of %lu: %ld %d\n", mode, mask ? *mask : 0, bits, r,
	       r ? errno : 0);
	if (!r)
		get("  it is", NULL, 0);
}

static void modes(void)
{
	for (unsigned flags = 0; flags < 8; flags++)
		for (unsigned mode = 0; mode < 8; mode++)
			for (unsigned m = 0; m < 5; m++)
				set(mode | flags << 13, masks[m], 64);
	set(2 | 0x1000, &first, 64);
	set(2 | 0x10000, &first, 64);
	for (unsigned long bits = 0; bits < 4; bits++)
		set(2, &first, bits);
	set(0, &first, 0);
}

static void bind(const char *what, char *p, unsigned long from, unsigned long pages, int mode,
		 const unsigned long *mask, int flags)
{
	long r = syscall(SYS_mbind, p + from * PG, pages * PG, mode, mask, 64, flags);

	printf("%s: %ld %d\n", what, r, r ? errno : 0);
}

/* What numa_maps has of 64 pages. */
static void list(const char *p)
{
	FILE *f = fopen("/proc/self/numa_maps", "r");
	unsigned long start, at = (unsigned long)p;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx", &start) == 1 && start >= at && start < at + 64 * PG)
			printf("  +%lu%s", (start - at) / PG, strchr(line, ' '));
	}
	fclose(f);
}

static void ranges(void)
{
	/* Nothing else of ours lies near. */
	char *p = mmap(NULL, 256 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 64 * PG, *q;

	mmap(p, 64 * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(p + 32 * PG, 4 * PG);
	bind("bind", p, 4, 4, 2, &first, 0);
	bind("prefer, over part of it", p, 6, 4, 1, &first, 0);
	bind("prefer nothing", p, 10, 2, 1, &none, 0);
	bind("local", p, 12, 2, 4, NULL, 0);
	bind("static", p, 14, 2, 2 | 1 << 15, &both, 0);
	bind("relative", p, 16, 2, 3 | 1 << 14, &far, 0);
	list(p);
	get("bound", p + 4 * PG, 2);
	get("bound, in the page", p + 4 * PG + 77, 2);
	get("static", p + 14 * PG, 2);
	get("relative", p + 16 * PG, 2);
	get("none", p, 2);
	get("the node of a page", p + 4 * PG, 3);
	bind("across a hole", p, 30, 8, 2, &first, 0);
	bind("a hole", p, 33, 2, 2, &first, 0);
	bind("a hole to default", p, 33, 2, 0, NULL, 0);
	bind("across a hole to default", p, 30, 8, 0, NULL, 0);
	bind("nothing", p, 4, 0, 2, &first, 0);
	bind("nothing of a hole", p, 33, 0, 2, &first, 0);
	bind("strictly", p, 4, 2, 2, &first, 1);
	bind("moving", p, 4, 2, 2, &first, 2);
	bind("unknown flag", p, 4, 2, 2, &first, 8);
	bind("unaligned", p + 1, 4, 2, 2, &first, 0);
	bind("too long", p, 0, ~0ul / PG, 2, &first, 0);
	bind("no such mode", p, 4, 2, 9, &first, 0);
	q = mremap(p + 4 * PG, 2 * PG, 4 * PG, MREMAP_MAYMOVE);
	get("moved", q, 2);
	mprotect(p + 8 * PG, PG, PROT_READ);
	list(p);
	bind("all to default", p, 0, 20, 0, NULL, 0);
	list(p);
	fflush(stdout);
	if (!fork()) {
		get("in a child", q, 2);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void *thread(void *arg)
{
	get("a thread's is its maker's", NULL, 0);
	set(3, &first, 64);
	return arg;
}

static void inherited(char *self)
{
	pthread_t t;

	set(2, &first, 64);
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	get("and its own", NULL, 0);
	fflush(stdout);
	if (!fork()) {
		get("a child's", NULL, 0);
		fflush(stdout);
		execl(self, self, "executed", NULL);
	}
	wait(NULL);
}

static void questions(void)
{
	unsigned long mask[4];
	int mode, here = 0;

	set(3, &first, 64);
	get("the next node", NULL, 1);
	set(2, &first, 64);
	get("no next node", NULL, 1);
	get("allowed", NULL, 4);
	get("allowed, with an address", &here, 4);
	get("allowed, and more", NULL, 5);
	get("an address without a question", &here, 0);
	get("unknown flag", NULL, 8);
	get("of nothing", (void *)PG, 2);
	get("the node of nothing", (void *)PG, 3);
	printf("%ld\n", syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0));
	printf("%ld\n", syscall(SYS_get_mempolicy, &mode, mask, 0, NULL, 0));
	printf("%ld\n", syscall(SYS_get_mempolicy, &mode, mask, 1, NULL, 0));
	printf("%ld\n", syscall(SYS_get_mempolicy, &mode, mask, 1ul << 40, NULL, 0));
	printf("%ld\n", syscall(SYS_get_mempolicy, (void *)8, NULL, 0, NULL, 0));
	set(0, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		get("after exec", NULL, 0);
		return 0;
	}
	modes();
	questions();
	ranges();
	inherited(argv[0]);
	return 0;
}
