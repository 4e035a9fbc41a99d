/* SPDX-License-Identifier: MIT */
/*
 * numa_ends.c: what calls of memory policies make of node masks and arrays that end before memory
 * that is not there: how much of them is read or written, in which order.  Prints the results,
 * which are the same natively on one node.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define BAD ((void *)8)
#define ROOM (9 * PAGE)
#define ENTRIES 1024
#define ALL ENTRIES /* .. of an array, can be reached */

static const unsigned long bits[] = {0,         1,
				     2,         64,
				     65,        66,
				     127,       1000,
				     1024,      1025,
				     1026,      1027,
				     1088,      1089,
				     1090,      1153,
				     4096,      4097,
				     0x7fff,    0x8000,
				     0x8001,    0x8002,
				     0x8040,    0x10001,
				     1ul << 32, (1ul << 32) + 2,
				     1ul << 63, ~0ul};

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

/* The end of memory of so many bytes. */
static char *end_of(unsigned long bytes)
{
	char *p =
	    mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + bytes, PAGE);
	return p + bytes;
}

/* Bytes in a row that are alike: how many, and what. */
static void print_bytes(const unsigned char *p, unsigned long n)
{
	for (unsigned long i = 0, j; i < n; i = j) {
		for (j = i; j < n && p[j] == p[i]; j++)
			;
		printf(" %lux%x", j - i, p[i]);
	}
	printf("\n");
}

/* ---- masks that are read ---------------------------------------------------------- */

static void read_mask(const char *what, unsigned long n, void *mask, char *page)
{
	unsigned long told[16] = {0}, one = 1;
	int mode = -1, set = result(syscall(SYS_set_mempolicy, 2, mask, n));

	syscall(SYS_get_mempolicy, &mode, told, 1024ul, NULL, 0ul);
	syscall(SYS_set_mempolicy, 0, NULL, 0ul);
	printf("%s of %lx: %d, is %d %lx;", what, n, set, mode, told[0]);
	printf(" none %d, static %d, wrong mode %d;",
	       result(syscall(SYS_set_mempolicy, 0, mask, n)),
	       result(syscall(SYS_set_mempolicy, 0x8002, mask, n)),
	       result(syscall(SYS_set_mempolicy, 9, mask, n)));
	syscall(SYS_set_mempolicy, 0, NULL, 0ul);
	printf(" mbind %d;", result(syscall(SYS_mbind, page, PAGE, 2, mask, n, 0ul)));
	syscall(SYS_mbind, page, PAGE, 0, NULL, 0ul, 0ul);
	printf(" migrate %d", result(syscall(SYS_migrate_pages, 0, n, mask, mask)));
	if (n <= 65)
		printf(" %d %d", result(syscall(SYS_migrate_pages, 0, n, &one, mask)),
		       result(syscall(SYS_migrate_pages, 0, n, mask, &one)));
	printf("\n");
}

/* One bit is set, and node 0. */
static void read_bits(unsigned long n, char *end, char *page)
{
	static const unsigned on[] = {0,    1,    46,     47,     63,    64,   65,
				      1023, 1024, 1025,   1026,   1087,  1088, 1089,
				      1152, 4095, 0x7ffe, 0x7fff, 0x8000};

	for (unsigned i = 0; i < N(on); i++)
		for (int zero = 0; zero < 2; zero++) {
			char what[40], *mask = end - ROOM;

			memset(mask, 0, ROOM);
			mask[0] = (char)zero;
			mask[on[i] / 8] = (char)(mask[on[i] / 8] | 1 << on[i] % 8);
			snprintf(what, sizeof(what), "bit %u%s", on[i], zero ? " and 0" : "");
			read_mask(what, n, mask, page);
		}
}

/* So many bytes can be read, the last of which has a bit or has none. */
static void read_ends(unsigned long n, char *end, char *page)
{
	static const unsigned rooms[] = {0,   1,   4,   8,   9,   12,  16,  24,   120,  127,
					 128, 129, 132, 136, 140, 144, 152, 4088, 4095, 4096};

	for (unsigned i = 0; i < N(rooms); i++)
		for (int last = 0; last < 2; last++) {
			char what[40];

			memset(end - ROOM, 0, ROOM);
			if (rooms[i])
				end[-1] = (char)(last << 7);
			if (rooms[i] > 1)
				end[-(long)rooms[i]] = 1;
			snprintf(what, sizeof(what), "%u bytes, last %d", rooms[i], last);
			read_mask(what, n, end - rooms[i], page);
		}
}

/* ---- masks that are written ------------------------------------------------------- */

static void get(const char *what, unsigned long n, int *mode, void *mask, void *addr,
		unsigned flags)
{
	bool told = mode && mode != BAD;

	if (told)
		*mode = 77;
	printf("%s of %lx, flags %u: %d", what, n, flags,
	       result(syscall(SYS_get_mempolicy, mode, mask, n, addr, flags)));
	if (told)
		printf(", mode %d", *mode);
}

static void write_masks(unsigned long n, char *end, char *page)
{
	static const unsigned rooms[] = {0, 1, 8, 12, 16, 20, 128, 136, 4088, 4096};
	static const unsigned flags[] = {0, 1, 2, 3, 4};
	int mode;

	for (unsigned f = 0; f < N(flags); f++) {
		void *addr = flags[f] & 2 ? page : NULL;

		for (unsigned i = 0; i < N(rooms); i++) {
			char what[40];

			memset(end - ROOM, 0xaa, ROOM);
			snprintf(what, sizeof(what), "get into %u bytes", rooms[i]);
			get(what, n, &mode, end - rooms[i], addr, flags[f]);
			print_bytes((unsigned char *)end - rooms[i], rooms[i]);
		}
		memset(end - ROOM, 0xaa, ROOM);
		get("get without mode", n, NULL, end - ROOM, addr, flags[f]);
		print_bytes((unsigned char *)end - ROOM, ROOM);
		memset(end - ROOM, 0xaa, ROOM);
		get("get with a bad mode", n, BAD, end - ROOM, addr, flags[f]);
		print_bytes((unsigned char *)end - ROOM, ROOM);
		get("get with a bad mask", n, &mode, BAD, addr, flags[f]);
		get("; without one", n, &mode, NULL, addr, flags[f]);
		printf("\n");
	}
}

/* ---- arrays of move_pages --------------------------------------------------------- */

static char *pages; /* every other one is there */
static char *addr_end, *node_end, *status_end;

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* So many entries of each array can be reached; nodes < 0: where is each page?  `bad`: this one's
 * node is `node`. */
static void move(int n, int addrs, int nodes, int states, int bad, int node)
{
	void **a = (void **)addr_end - least(n, addrs);
	int *to = (int *)node_end - least(n, nodes), *is = (int *)status_end - least(n, states);
	long r;

	for (int i = 0; i < least(n, addrs); i++)
		a[i] = pages + (unsigned)(i % 64) * PAGE;
	for (int i = 0; i < least(n, nodes); i++)
		to[i] = i == bad ? node : 0;
	for (int i = 0; i < least(n, states); i++)
		is[i] = 77;
	r = syscall(SYS_move_pages, 0, (long)n, a, nodes < 0 ? NULL : to, is, nodes < 0 ? 0 : 2);
	printf("move %d: %d %d %d, node %d of %d: %d;", n, addrs, nodes, states, node, bad,
	       result(r));
	for (int i = 0, j; i < least(n, states); i = j) {
		for (j = i; j < least(n, states) && is[j] == is[i + (j - i) % 2]; j++)
			;
		printf(" %dx%d/%d", j - i, is[i], j > i + 1 ? is[i + 1] : is[i]);
	}
	printf("\n");
}

static void move_arrays(int n, int at)
{
	for (int nodes = -1; nodes <= ALL; nodes += ALL + 1) {
		move(n, at, nodes, ALL, -1, 0);
		move(n, ALL, nodes, at, -1, 0);
		move(n, at, nodes, at, -1, 0);
		move(n, at + 1, nodes, at, -1, 0);
		move(n, at, nodes, at + 1, -1, 0);
	}
	move(n, ALL, at, ALL, -1, 0);
	move(n, at + 1, at, ALL, -1, 0);
	move(n, at, at + 1, ALL, -1, 0);
	move(n, ALL, ALL, ALL, at, 1);
	move(n, ALL, ALL, ALL, at, -1);
	move(n, ALL, ALL, at, at, 1);
	move(n, ALL, ALL, at + 1, at, 1);
	move(n, ALL, ALL, at, at + 1, 1);
	move(n, ALL, at + 1, ALL, at, 1);
}

static void moves(void)
{
	static const int many[] = {1, 2, 15, 16, 17, 33, 100, 513, 700};
	static const int at[] = {0,  1,  2,  7,  15, 16,  17,  31,  32,
				 33, 47, 63, 64, 99, 511, 512, 513, 520};

	pages = end_of(64 * PAGE) - 64 * PAGE;
	for (unsigned i = 0; i < 64; i += 2)
		pages[i * PAGE] = 1;
	addr_end = end_of(ENTRIES * sizeof(void *));
	node_end = end_of(ENTRIES * sizeof(int));
	status_end = end_of(ENTRIES * sizeof(int));
	for (unsigned i = 0; i < N(many); i++)
		for (unsigned k = 0; k < N(at); k++)
			if (at[k] < many[i])
				move_arrays(many[i], at[k]);
}

int main(void)
{
	char *end = end_of(ROOM), *page = end_of(PAGE) - PAGE;
	unsigned long one = 1;

	page[0] = 1;
	for (unsigned i = 0; i < N(bits); i++) {
		read_bits(bits[i], end, page);
		read_ends(bits[i], end, page);
	}
	syscall(SYS_set_mempolicy, 3, &one, 64ul);
	syscall(SYS_mbind, page, PAGE, 2, &one, 64ul, 0ul);
	for (unsigned i = 0; i < N(bits); i++)
		write_masks(bits[i], end, page);
	moves();
	return 0;
}
