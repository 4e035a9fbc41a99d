/* SPDX-License-Identifier: MIT */
/*
 * file_rights.c: a read-only mapping of a file that is mapped writable as well stays read-only for
 * all threads, also while one of them faults its pages in anew.  The same natively and under quire.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PG 4096ul
#define ROUNDS 4000

static volatile char *readable;
static volatile int stop;
static __thread sigjmp_buf back;
static volatile long stored;

static void on_segv(int sig)
{
	siglongjmp(back, sig);
}

static void *store_and_store(void *arg)
{
	while (!stop) {
		if (sigsetjmp(back, 1))
			continue;
		*readable = 'X';
		stored++;
	}
	return arg;
}

int main(void)
{
	int fd = memfd_create("rights", 0);
	char *writable;
	pthread_t other;

	signal(SIGSEGV, on_segv);
	if (ftruncate(fd, PG))
		return 1;
	writable = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	readable = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, 0);
	writable[0] = 'o';
	if (pthread_create(&other, NULL, store_and_store, NULL))
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		madvise((void *)readable, PG, MADV_DONTNEED);
		if (*readable != 'o')
			break;
	}
	stop = 1;
	pthread_join(other, NULL);
	if (stored)
		printf("%ld stores went through\n", stored);
	return stored || writable[0] != 'o';
}
