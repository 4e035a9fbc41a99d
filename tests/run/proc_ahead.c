// SPDX-License-Identifier: MIT
/*
 * proc_ahead.c: a program that writes upwards, page by page, sees that which it wrote is mapped and
 * nothing else is, whoever maps pages ahead of it.
 */
#include "proc.h"

#include <pthread.h>

#define N 200ul

static unsigned char vec[2 * N];

/* Pages that mincore calls resident: `want` from the first on, and no other. */
static void resident(const char *what, char *p, size_t want)
{
	size_t i = 0;

	if (mincore(p, N * PAGE, vec)) {
		check(false, what, "  mincore fails");
		return;
	}
	while (i < N && (vec[i] & 1) == (i < want))
		i++;
	check(i == N, what, "  page %zu is %s", i, vec[i] & 1 ? "there" : "not there");
}

static void test_upwards(void)
{
	char *p = map_alone(N, MAP_PRIVATE);

	touch(p, 50);
	resident("written pages are there", p, 50);
	same("and in smaps", smaps(p, "Rss"), 50 * 4);
	same("referenced", smaps(p, "Referenced"), 50 * 4);
	touch(p, 77);
	same("anonymous", smaps(p, "Anonymous"), 77 * 4);
	munmap(p, N * PAGE);
}

/* Zeros are content. */
static void test_zeros(void)
{
	char *p = map_alone(N, MAP_PRIVATE);

	memset(p, 0, 90 * PAGE);
	resident("pages written with zeros are there", p, 90);
	memset(p, 0, 123 * PAGE);
	same("in smaps, too", smaps(p, "Private_Dirty"), 123 * 4);
	munmap(p, N * PAGE);
}

/* A page here and there, of what lies ahead. */
static void test_gaps(void)
{
	char *p = map_alone(N, MAP_PRIVATE);

	touch(p, 33);
	for (size_t i = 0; i < N; i += 5)
		p[i * PAGE] = 0;
	for (size_t i = 33; i < N; i++)
		vec[N + i] = i % 5 == 0;
	mincore(p, N * PAGE, vec);
	check(!memcmp(vec + 33, vec + N + 33, N - 33), "single pages are there, no others", " ");
	munmap(p, N * PAGE);
}

static void test_fork(void)
{
	char *p = map_alone(N, MAP_PRIVATE);
	int status = -1;

	touch(p, 41);
	fflush(stdout);
	if (!fork()) {
		failures = 0;
		resident("a child has what was written", p, 41);
		touch(p, 60);
		resident("and what it writes", p, 60);
		fflush(stdout);
		_exit(finish());
	}
	wait(&status);
	same("the child is content", status, 0);
	resident("the parent has its own", p, 41);
	munmap(p, N * PAGE);
}

static void test_moved(void)
{
	char *p = map_alone(N, MAP_PRIVATE), *q;

	memset(p, 0, 41 * PAGE);
	mprotect(p, N * PAGE, PROT_READ);
	resident("mprotect changes nothing", p, 41);
	mprotect(p, N * PAGE, PROT_READ | PROT_WRITE);
	memset(p, 0, 47 * PAGE);
	q = mremap(p, N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE);
	check(q != MAP_FAILED, "mremap", " ");
	resident("nor does mremap", q, 47);
	munmap(q, 2 * N * PAGE);
}

static void *write_half(void *arg)
{
	char *p = arg;

	for (size_t i = 0; i < N / 2; i++)
		p[i * PAGE] = (char)(i + 1);
	return NULL;
}

static void test_threads(void)
{
	char *p = map_alone(N, MAP_PRIVATE);
	pthread_t t;
	size_t i = 0;

	pthread_create(&t, NULL, write_half, p + N / 2 * PAGE);
	for (int k = 0; k < 20; k++)
		mincore(p, N * PAGE, vec);
	write_half(p);
	pthread_join(t, NULL);
	resident("two threads write it all", p, N);
	while (i < N && p[i * PAGE] == (char)(i % (N / 2) + 1))
		i++;
	same("and nothing is lost", (long)i, (long)N);
	munmap(p, N * PAGE);
}

static void *zero_each_second(void *arg)
{
	for (size_t i = 0; i < N; i += 2)
		((char *)arg)[i * PAGE] = 0;
	return NULL;
}

/* Each comes upon pages that were mapped ahead of the other. */
static void test_interleaved(void)
{
	for (int round = 0; round < 20; round++) {
		char *p = map_alone(N, MAP_PRIVATE);
		pthread_t t;

		pthread_create(&t, NULL, zero_each_second, p + PAGE);
		zero_each_second(p);
		pthread_join(t, NULL);
		if (!round)
			resident("two threads write every other page", p, N);
		else if (mincore(p, N * PAGE, vec) || memchr(vec, 0, N))
			check(false, "two threads write every other page", "  round %d", round);
		munmap(p, N * PAGE);
	}
}

/* A page in the midst of others that were mapped together comes anew. */
static void test_rewritten(void)
{
	for (size_t i = 30; i < 40; i++) {
		char *p = map_alone(N, MAP_PRIVATE);

		memset(p, 0, 48 * PAGE);
		madvise(p + i * PAGE, PAGE, MADV_DONTNEED);
		p[i * PAGE] = 0;
		resident("a page that was dropped is written again", p, 48);
		munmap(p, N * PAGE);
	}
}

static pthread_t first_thread;

static void *write_when_alone(void *arg)
{
	char *p = arg;

	failures = 0;
	pthread_join(first_thread, NULL);
	memset(p, 0, 40 * PAGE);
	resident("what is written when the first thread is gone", p, 40);
	exit(finish());
}

static void test_first_thread_gone(void)
{
	char *p = map_alone(N, MAP_PRIVATE);
	int status = -1;
	pthread_t t;

	fflush(stdout);
	if (!fork()) {
		first_thread = pthread_self();
		pthread_create(&t, NULL, write_when_alone, p);
		pthread_exit(NULL);
	}
	wait(&status);
	same("the other is content", status, 0);
	munmap(p, N * PAGE);
}

static long minor_faults(void)
{
	char *text = slurp("/proc/self/stat"), *p = strrchr(text, ')');
	long n = -1;

	sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %ld", &n);
	free(text);
	return n;
}

/* As many faults as there were pages used, though more have been mapped. */
static void test_faults(void)
{
	long before = minor_faults();

	for (int i = 0; i < 300; i++) {
		char *p = map_alone(64, MAP_PRIVATE);

		touch(p, 20);
		munmap(p, 64 * PAGE);
	}
	near("faults are of pages used", minor_faults() - before, 300 * 20, 300);
}

static void test_read_into(void)
{
	char *p = map_alone(N, MAP_PRIVATE);
	FILE *file = tmpfile();
	int fd = fileno(file);

	ftruncate(fd, 30 * PAGE);
	touch(p, 20);
	check(read(fd, p + 20 * PAGE, 30 * PAGE) == (ssize_t)(30 * PAGE), "read", " ");
	resident("what a system call writes is there", p, 50);
	fclose(file);
	munmap(p, N * PAGE);
}

int main(void)
{
	test_upwards();
	test_zeros();
	test_gaps();
	test_fork();
	test_moved();
	test_threads();
	test_interleaved();
	test_rewritten();
	test_first_thread_gone();
	test_faults();
	test_read_into();
	return finish();
}
