/* SPDX-License-Identifier: MIT */
/*
 * numa_args.c: what calls of memory policies make of their arguments: many of each, in all
 * combinations.  Prints the results, which are the same natively on one node.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define NR_HOME 450
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned modes[] = {0,      1,      2,      3,      4,      5,      6,      7,
				 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x8006, 0x4001,
				 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0xc002, 0x2002, 0x2003,
				 0x2005, 0xa002, 0x6005, 0x1002, 0xffff};
static const unsigned long masks[][3] = {{0}, {1}, {2}, {3}, {1ul << 46}, {0x30}, {0x31}};
static const unsigned long bits[] = {0, 1, 2, 64, 65, 129, 1025, 1026, 32769, 1ul << 40};

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static void print_policy(void *addr)
{
	unsigned long mask[16] = {0};
	int mode = -1;
	long r = syscall(SYS_get_mempolicy, &mode, mask, 1025, addr, addr ? 2 : 0);

	printf(" %d:%d:%lx", result(r), mode, mask[0]);
}

static void set_all(void)
{
	for (unsigned m = 0; m < N(modes); m++)
		for (unsigned k = 0; k < N(masks); k++)
			for (unsigned b = 0; b < N(bits); b++) {
				unsigned long mask[1024] = {masks[k][0], masks[k][1], masks[k][2]};
				long r = syscall(SYS_set_mempolicy, modes[m], mask, bits[b]);

				printf("set %x %u %lu: %d", modes[m], k, bits[b], result(r));
				print_policy(NULL);
				printf("\n");
				syscall(SYS_set_mempolicy, 0, NULL, 0);
			}
	printf("no mask: %d\n", result(syscall(SYS_set_mempolicy, 2, NULL, 64)));
	printf("bad mask: %d\n", result(syscall(SYS_set_mempolicy, 2, (void *)8, 64)));
	printf("bad mode and mask: %d\n", result(syscall(SYS_set_mempolicy, 9, (void *)8, 64)));
	printf("high bits: %d\n", result(syscall(SYS_set_mempolicy, 1ul << 32, NULL, 0)));
}

static void bind_all(char *p)
{
	static const unsigned flags[] = {0, 1, 2, 3, 4, 5, 8, 16};

	for (unsigned m = 0; m < N(modes); m++)
		for (unsigned k = 0; k < N(masks); k++)
			for (unsigned f = 0; f < N(flags); f++) {
				unsigned long mask[1024] = {masks[k][0], masks[k][1], masks[k][2]};
				long r =
				    syscall(SYS_mbind, p, 2 * PAGE, modes[m], mask, 129, flags[f]);

				printf("mbind %x %u %u: %d", modes[m], k, flags[f], result(r));
				print_policy(p);
				print_policy(p + 2 * PAGE);
				printf("\n");
				syscall(SYS_mbind, p, 4 * PAGE, 0, NULL, 0, 0);
			}
}

static void bind_ranges(char *p)
{
	const struct {
		unsigned long at, len;
	} ranges[] = {{0, 0},           {1, 0},           {1, PAGE},        {0, 1},
		      {0, 4 * PAGE},    {0, 5 * PAGE},    {4 * PAGE, PAGE}, {4 * PAGE, 2 * PAGE},
		      {3 * PAGE, ~0ul}, {0, ~0ul - PAGE}, {5 * PAGE, PAGE}};
	unsigned long mask = 1;

	for (unsigned i = 0; i < N(ranges); i++)
		for (unsigned mode = 0; mode < 6; mode++)
			for (unsigned flags = 0; flags < 2; flags++) {
				char *at = p + ranges[i].at;
				long r = syscall(SYS_mbind, at, ranges[i].len, mode,
						 mode && mode != 4 ? &mask : NULL, 64, flags);

				printf("range %u, mode %u, flags %u: %d\n", i, mode, flags,
				       result(r));
				syscall(SYS_mbind, p, 4 * PAGE, 0, NULL, 0, 0);
			}
}

static void get_all(char *p)
{
	static const unsigned long addrs[] = {0, 1, 0x1000, 4 * PAGE};

	for (unsigned flags = 0; flags < 16; flags++)
		for (unsigned policy = 0; policy < 7; policy++)
			for (unsigned a = 0; a < N(addrs) + 2; a++) {
				unsigned long mask[16], one = 1;
				char *addr = a < 2   ? p + a * PAGE
					     : a < 4 ? (char *)addrs[a - 2]
						     : p + addrs[a - 2];
				int mode = -1;
				long r;

				memset(mask, 0xaa, sizeof(mask));
				syscall(SYS_set_mempolicy, policy, policy % 4 ? &one : NULL, 64);
				r = syscall(SYS_get_mempolicy, &mode, mask, 129, addr, flags);
				printf("get %u, policy %u, address %u: %d %d %lx %lx %lx\n", flags,
				       policy, a, result(r), mode, mask[0], mask[1], mask[2]);
			}
	syscall(SYS_set_mempolicy, 0, NULL, 0);
}

static void home_all(char *p)
{
	unsigned long mask = 1;

	for (unsigned mode = 0; mode < 7; mode++) {
		syscall(SYS_mbind, p + PAGE, PAGE, mode, mode && mode != 4 ? &mask : NULL, 64, 0);
		for (unsigned long node = 0; node < 3; node++)
			for (unsigned flags = 0; flags < 2; flags++)
				printf("home %u %lu %u: %d %d %d %d\n", mode, node, flags,
				       result(syscall(NR_HOME, p, 4 * PAGE, node, flags)),
				       result(syscall(NR_HOME, p, 6 * PAGE, node, flags)),
				       result(syscall(NR_HOME, p + 1, PAGE, node, flags)),
				       result(syscall(NR_HOME, p, ~0ul, node, flags)));
		print_policy(p + PAGE);
		printf("\n");
		syscall(SYS_mbind, p, 4 * PAGE, 0, NULL, 0, 0);
	}
	printf("%d\n", result(syscall(NR_HOME, p, PAGE, 5000, 0)));
	printf("%d\n", result(syscall(NR_HOME, p, PAGE, 1ul << 32, 0)));
	printf("%d\n", result(syscall(NR_HOME, p, 0, 0, 0)));
}

static void move_all(char *p)
{
	static const int nodes[] = {0, 1, -1, 1024, 5000};
	void *pages[4] = {p, p + PAGE + 5, p + 3 * PAGE, p + 4 * PAGE};

	for (unsigned flags = 0; flags < 9; flags++)
		for (unsigned k = 0; k <= N(nodes); k++) {
			int to[4] = {0, 0, k < N(nodes) ? nodes[k] : 0, 0};
			int status[4] = {77, 77, 77, 77};
			long r = syscall(SYS_move_pages, 0, 4ul, pages, k < N(nodes) ? to : NULL,
					 status, flags);

			printf("move %u %u: %d %d %d %d %d\n", flags, k, result(r), status[0],
			       status[1], status[2], status[3]);
		}
	printf("%d\n", result(syscall(SYS_move_pages, 0, 1ul, NULL, NULL, NULL, 0)));
	printf("%d\n", result(syscall(SYS_move_pages, 0, 0ul, NULL, NULL, NULL, 0)));
	printf("%d\n", result(syscall(SYS_move_pages, 0, 1ul, pages, NULL, (int *)8, 0)));
	printf("%d\n", result(syscall(SYS_move_pages, 0, 1ul, pages, (int *)8, (int *)8, 2)));
}

int main(void)
{
	char *p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char c;

	munmap(p + 4 * PAGE, PAGE);
	p[0] = 1;
	c = p[PAGE]; /* the zero page */
	(void)c;
	set_all();
	bind_all(p);
	bind_ranges(p);
	get_all(p);
	home_all(p);
	move_all(p);
	return 0;
}
