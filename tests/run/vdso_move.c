/* SPDX-License-Identifier: MIT */
/*
 * vdso_move.c: the vdso and its data are moved, as programs that restore others do: maps shows them
 * at their new place, and the functions work there.
 */
#include <elf.h>
#include <sys/auxv.h>
#include <time.h>

#include "stub_test.h"

struct piece {
	uintptr_t start, end;
};

static struct piece pieces[8]; /* by address; one of them is the code */
static unsigned nr, code;

static void find(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long start, end;

	nr = 0;
	while (nr < 8 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 ||
		    (!strstr(line, "[vdso]") && !strstr(line, "[vvar")))
			continue;
		if (strstr(line, "[vdso]"))
			code = nr;
		pieces[nr++] = (struct piece){start, end};
	}
	fclose(f);
}

/* The first function of that name in the image. */
static void *lookup(uintptr_t image, const char *name)
{
	const Elf64_Ehdr *e = (const void *)image;
	const Elf64_Shdr *s = (const void *)(image + e->e_shoff);

	for (int i = 0; i < e->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(image + s[i].sh_offset);
		const char *names = (const char *)image + s[s[i].sh_link].sh_offset;

		if (s[i].sh_type != SHT_DYNSYM)
			continue;
		for (size_t n = 0; n < s[i].sh_size / sizeof(*sym); n++) {
			if (!strcmp(names + sym[n].st_name, name))
				return (void *)(image + sym[n].st_value);
		}
	}
	return NULL;
}

/* All by the same distance: the code finds its data by that. */
static void moved(void)
{
	uintptr_t low = pieces[0].start, bytes = pieces[nr - 1].end - low, to, image;
	unsigned n = nr, i;
	int (*now)(clockid_t, struct timespec *);
	struct timespec t = {0};

	to = (uintptr_t)mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++) {
		void *old = (void *)pieces[i].start, *new = (void *)(pieces[i].start - low + to);
		size_t len = pieces[i].end - pieces[i].start;

		CHECK(mremap(old, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, new) == new);
	}
	image = pieces[code].start - low + to;
	find();
	CHECK(nr && pieces[code].start == image);
	now = lookup(image, "__vdso_clock_gettime");
	CHECK(now);
	CHECK(now && !now(CLOCK_REALTIME, &t) && t.tv_sec > 1000000000);
}

/* By one call, with what is behind them, where nothing is. */
static void moved_together(void)
{
	char *low = (char *)pieces[0].start, *to;
	size_t bytes = pieces[nr - 1].end - pieces[0].start;
	uintptr_t image;

	to = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	image = pieces[code].start - pieces[0].start + (uintptr_t)to;
	CHECK(mremap(low, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	find();
	CHECK(nr && pieces[code].start == image);
	CHECK(lookup(image, "__vdso_clock_gettime"));
}

#define ONE 4096u
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define LEFT (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

/* Only a whole piece is moved, and none is resized, doubled or left. */
static void refused(void)
{
	char *p = (char *)pieces[code].start;
	size_t n = pieces[code].end - pieces[code].start;
	char *to = mmap(NULL, 2 * n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(mremap(p, n, n, 0) == p);
	FAILS(mremap(p, ONE, ONE, FIXED, to), EINVAL);
	FAILS(mremap(p + ONE, n - ONE, n - ONE, FIXED, to), EINVAL);
	FAILS(mremap(p, n, n + ONE, MREMAP_MAYMOVE), EFAULT);
	FAILS(mremap(p, n, n + ONE, FIXED, to), EFAULT);
	FAILS(mremap(p, n, ONE, 0), EINVAL);
	FAILS(mremap(p, n, ONE, FIXED, to), EINVAL);
	FAILS(mremap(p, 0, n, MREMAP_MAYMOVE), EINVAL);
	FAILS(mremap(p, n, n, LEFT, to), EINVAL);
	FAILS(mremap(p, n, n, LEFT | FIXED, to), EINVAL);
	FAILS(mremap(p, n, n, 8), EINVAL);
	FAILS(mremap(p, n, 0, MREMAP_MAYMOVE), EINVAL);
	FAILS(mremap(p, n, n, FIXED, p + ONE), EINVAL);
	FAILS(mremap(p, n, n, FIXED, to + 1), EINVAL);
	find();
	CHECK(pieces[code].start == (uintptr_t)p && pieces[code].end == (uintptr_t)p + n);
}

int main(void)
{
	find();
	CHECK(pieces[code].start == getauxval(AT_SYSINFO_EHDR));
	RUN(refused);
	RUN(moved);
	RUN(moved_together);
	return failures != 0;
}
