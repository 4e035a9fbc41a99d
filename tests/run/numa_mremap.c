/* SPDX-License-Identifier: MIT */
/*
 * numa_mremap.c: a page that one mapping after the other is moved onto is mapped at every moment,
 * for calls that ask under mmap_lock on the host.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define CALLS 10000
#define MPOL_F_ADDR 2

static char *page;
static atomic_bool done;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void *map(void *at, int flags)
{
	void *p =
	    mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	check(p != MAP_FAILED, "mmap");
	return p;
}

static void *mover(void *arg)
{
	while (!atomic_load(&done)) {
		char *from = map(NULL, 0);

		*from = 1;
		check(mremap(from, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) == page,
		      "mremap");
	}
	return arg;
}

static void ask(void)
{
	int mode, status = -1;

	check(!syscall(SYS_mbind, page, PAGE, 0, NULL, 0, 0), "mbind");
	check(!syscall(SYS_get_mempolicy, &mode, NULL, 0, page, MPOL_F_ADDR), "get_mempolicy");
	check(!syscall(SYS_move_pages, 0, 1, &page, NULL, &status, 0), "move_pages");
	check(!msync(page, PAGE, MS_ASYNC), "msync");
}

int main(void)
{
	char *area = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	check(area != MAP_FAILED, "mmap");
	page = map(area + PAGE, MAP_FIXED);
	check(!pthread_create(&thread, NULL, mover, NULL), "pthread_create");
	for (int i = 0; i < CALLS; i++)
		ask();
	atomic_store(&done, 1);
	check(!pthread_join(thread, NULL), "pthread_join");
	return 0;
}
