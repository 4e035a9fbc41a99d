/* SPDX-License-Identifier: MIT */
/*
 * mem_borders.c: calls right at a limit and one beyond it: flags beyond an int, RLIMIT_AS to the
 * page, and how many mappings an mremap needs room for.  Natively and under quire run the output
 * is the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PG 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define FROM 0x100000000000ul
#define TO (FROM + 1024 * PG)
#define FILLERS 0x200000000000ul

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r == -1 ? strerrorname_np(errno) : "ok");
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static long map(unsigned long at, size_t pages, int prot, int flags)
{
	int fixed = at ? MAP_FIXED : 0;

	return syscall(SYS_mmap, at, pages * PG, prot, ANON | fixed | flags, -1, 0);
}

/* ---- flags that are a long --------------------------------------------------------- */

static void wide(unsigned long bit)
{
	long p = map(0, 4, RW, 0), fd = memfd_create("f", 0);

	must(p != -1 && fd != -1, "mmap, memfd_create");
	say("mremap", syscall(SYS_mremap, p, PG, PG, bit, 0));
	say("mremap that may move", syscall(SYS_mremap, p, PG, PG, bit | MREMAP_MAYMOVE, 0));
	say("mprotect", syscall(SYS_mprotect, p, PG, bit | RW));
	say("mmap, validated", syscall(SYS_mmap, 0, PG, RW, bit | MAP_SHARED_VALIDATE, fd, 0));
	say("mmap, shared", syscall(SYS_mmap, 0, PG, RW, bit | MAP_SHARED, fd, 0));
	say("mmap, protection", syscall(SYS_mmap, 0, PG, bit | RW, ANON, -1, 0));
	close((int)fd);
}

/* ---- RLIMIT_AS ------------------------------------------------------------------------ */

static unsigned long mapped_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	must(f && fscanf(f, "%lu", &pages) == 1, "statm");
	fclose(f);
	return pages * PG;
}

/* What there is, and so many pages more. */
static void allow(struct rlimit *was, unsigned long pages)
{
	struct rlimit r;

	getrlimit(RLIMIT_AS, was);
	r = *was;
	r.rlim_cur = mapped_bytes() + pages * PG;
	must(!setrlimit(RLIMIT_AS, &r), "setrlimit");
}

static void limited(const char *what, unsigned long pages, unsigned long allowed, int flags)
{
	struct rlimit was;
	long r;

	munmap((void *)FROM, 2048 * PG);
	must(map(FROM, 4, RW, 0) != -1, "mmap");
	allow(&was, allowed);
	r = syscall(SYS_mremap, FROM, 4 * PG, pages * PG, flags, TO);
	setrlimit(RLIMIT_AS, &was);
	printf("%lu pages more, ", allowed);
	say(what, r);
}

static void address_space(void)
{
	for (unsigned long n = 0; n < 5; n++) {
		limited("mremap grows by three", 7, n, 0);
		limited("mremap moves and grows by three", 7, n, MREMAP_MAYMOVE | MREMAP_FIXED);
		limited("mremap leaves four", 4, n, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
		limited("mremap moves", 4, n, MREMAP_MAYMOVE | MREMAP_FIXED);
	}
	munmap((void *)FROM, 2048 * PG);
}

/* ---- the number of mappings --------------------------------------------------------- */

static unsigned long fillers;

static void fill(void)
{
	while (map(FILLERS + fillers * 2 * PG, 1, RW, 0) != -1)
		fillers++;
}

static void make_room(unsigned n)
{
	while (n--)
		munmap((void *)(FILLERS + --fillers * 2 * PG), PG);
}

enum source { NONE, PLAIN, BLOCKED, TARGET, SHARED, TWO };

static void make_source(enum source s)
{
	munmap((void *)FROM, 2048 * PG);
	fill();
	make_room(8);
	if (s != NONE)
		must(map(FROM, 8, RW, 0) != -1, "source");
	if (s == BLOCKED)
		must(map(FROM + 8 * PG, 1, PROT_READ, 0) != -1, "neighbour");
	if (s == TARGET)
		must(map(TO, 8, RW, MAP_NORESERVE) != -1, "target");
	if (s == TWO)
		must(map(FROM, 4, PROT_READ, 0) != -1, "first half");
	if (s == SHARED)
		must(mmap((void *)FROM, 8 * PG, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
			  0) != MAP_FAILED,
		     "shared source");
}

static const struct {
	const char *what;
	enum source source;
	unsigned from, had, gets;
	int flags;
	unsigned to;
} moves[] = {
    {"a mapping", PLAIN, 0, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"its middle", PLAIN, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"its middle over another's", TARGET, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2},
    {"what is left", PLAIN, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 0},
    {"left, anywhere", PLAIN, 0, 8, 8, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0},
    {"two", TWO, 0, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"two of other size", TWO, 0, 8, 9, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"growing", PLAIN, 0, 8, 10, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"growing where there is no room", BLOCKED, 0, 8, 10, MREMAP_MAYMOVE, 0},
    {"growing in the middle", PLAIN, 2, 2, 10, MREMAP_MAYMOVE, 0},
    {"growing in place", PLAIN, 0, 8, 10, 0, 0},
    {"shrinking", PLAIN, 0, 8, 4, 0, 0},
    {"shrinking in the middle", PLAIN, 2, 4, 2, 0, 0},
    {"shrinking elsewhere", PLAIN, 0, 8, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"a second mapping", SHARED, 0, 0, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"a second mapping, anywhere", SHARED, 0, 0, 2, MREMAP_MAYMOVE, 0},
    {"nothing", NONE, 0, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"nothing, anywhere", NONE, 0, 8, 9, MREMAP_MAYMOVE, 0},
    {"a second private one", PLAIN, 0, 0, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 0},
    {"a bad flag", PLAIN, 0, 8, 8, MREMAP_FIXED, 0},
};

static void move(unsigned i, unsigned room)
{
	long r;

	make_source(moves[i].source);
	fill();
	make_room(room);
	r = syscall(SYS_mremap, FROM + moves[i].from * PG, moves[i].had * PG, moves[i].gets * PG,
		    moves[i].flags, TO + moves[i].to * PG);
	printf(" %s", r == -1 ? strerrorname_np(errno) : "ok");
	if (r != -1)
		munmap((void *)r, moves[i].gets * PG);
}

static void number_of_mappings(void)
{
	for (unsigned i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		printf("%s:", moves[i].what);
		for (unsigned room = 0; room < 9; room++)
			move(i, room);
		printf("\n");
	}
}

int main(void)
{
	static char out[1 << 16]; /* it cannot be had where nothing can be mapped */

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	wide(1ul << 32);
	wide(1ul << 63);
	address_space();
	number_of_mappings();
	return 0;
}
