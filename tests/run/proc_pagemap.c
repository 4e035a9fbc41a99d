/* SPDX-License-Identifier: MIT */
/*
 * proc_pagemap.c: /proc/self/pagemap tells present, file and exclusive pages apart.
 */
#include "proc.h"

#define PRESENT (1ull << 63)
#define FILE_PAGE (1ull << 61)
#define EXCLUSIVE (1ull << 56)

static uint64_t pagemap(const char *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t e = 0;

	if (fd < 0 || pread(fd, &e, sizeof(e), (off_t)((uintptr_t)addr / PAGE * sizeof(e))) != 8)
		check(false, "reading pagemap", " ");
	if (fd >= 0)
		close(fd);
	return e;
}

static uint64_t flags(const char *addr)
{
	return pagemap(addr) & (PRESENT | FILE_PAGE | EXCLUSIVE);
}

static void flag_check(const char *what, const char *addr, uint64_t want)
{
	uint64_t got = flags(addr);

	check(got == want, what, "  got %#lx, want %#lx", got, want);
}

static void test_private(void)
{
	char *p = map_alone(4, MAP_PRIVATE);

	flag_check("untouched: not present", p, 0);
	touch(p + PAGE, 1);
	flag_check("touched: present and exclusive", p + PAGE, PRESENT | EXCLUSIVE);
	flag_check("its neighbour is not", p + 2 * PAGE, 0);
	madvise(p + PAGE, PAGE, MADV_DONTNEED);
	flag_check("MADV_DONTNEED: not present", p + PAGE, 0);
	munmap(p, 4 * PAGE);
	flag_check("unmapped: not present", p, 0);
}

static void test_shared(void)
{
	char *p = map_alone(4, MAP_SHARED);

	touch(p, 1);
	flag_check("shared memory is file-like", p, PRESENT | FILE_PAGE | EXCLUSIVE);
	munmap(p, 4 * PAGE);
}

static void test_fork(void)
{
	char *p = map_alone(4, MAP_PRIVATE);
	int status = -1;
	pid_t pid;

	touch(p, 2);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		flag_check("after fork: shared", p, PRESENT);
		touch(p, 1);
		flag_check("after a write: exclusive", p, PRESENT | EXCLUSIVE);
		flag_check("its neighbour is still shared", p + PAGE, PRESENT);
		fflush(stdout);
		_exit(finish());
	}
	waitpid(pid, &status, 0);
	same("the child is content", status, 0);
	for (int i = 0; i < 20000 && flags(p + PAGE) != (PRESENT | EXCLUSIVE); i++)
		usleep(5000); /* as in proc_rss.c */
	flag_check("after its end: exclusive again", p + PAGE, PRESENT | EXCLUSIVE);
	munmap(p, 4 * PAGE);
}

/* A large mapping without pages must not cost by its size. */
static void test_large(void)
{
	size_t bytes = 1ul << 40;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return;
	touch(p + bytes / 2, 1);
	flag_check("one page in a tebibyte", p + bytes / 2, PRESENT | EXCLUSIVE);
	flag_check("nothing elsewhere in it", p + bytes / 4, 0);
	munmap(p, bytes);
}

int main(void)
{
	test_private();
	test_shared();
	test_fork();
	test_large();
	return finish();
}
