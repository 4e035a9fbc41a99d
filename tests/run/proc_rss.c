/* SPDX-License-Identifier: MIT */
/*
 * proc_rss.c: what a program does to its pages shows in smaps, smaps_rollup, statm and status.
 */
#include "proc.h"

#include <malloc.h>

#define N 2048L
#define KB 4L
/* Pages by which the kernel's summed counters may be off. */
#define SLACK 256L

static long statm_resident(void)
{
	char *text = slurp("/proc/self/statm");
	long total, resident;
	int n = sscanf(text, "%ld %ld", &total, &resident);

	free(text);
	return n == 2 ? resident : -1;
}

static long rollup(const char *key)
{
	char *text = slurp("/proc/self/smaps_rollup");
	long v = field(text, key);

	free(text);
	return v;
}

static void test_private(void)
{
	char *p = map_alone((size_t)N, MAP_PRIVATE);
	long rss = rollup("Rss"), anon = status_field("RssAnon"), resident = statm_resident();

	same("untouched memory has no Rss", smaps(p, "Rss"), 0);
	same("its size is known", smaps(p, "Size"), N * KB);
	touch(p, (size_t)N);
	same("touching grows Rss", smaps(p, "Rss"), N * KB);
	same("it is anonymous", smaps(p, "Anonymous"), N * KB);
	same("it is private and dirty", smaps(p, "Private_Dirty"), N * KB);
	same("it is referenced", smaps(p, "Referenced"), N * KB);
	same("all of it is ours: Pss", smaps(p, "Pss"), N * KB);
	near("smaps_rollup follows", rollup("Rss") - rss, N * KB, SLACK * KB);
	near("status follows", status_field("RssAnon") - anon, N * KB, SLACK * KB);
	near("statm follows", statm_resident() - resident, N, SLACK);
	madvise(p, (size_t)N / 2 * PAGE, MADV_DONTNEED);
	same("MADV_DONTNEED takes it away", smaps(p, "Rss"), N / 2 * KB);
	madvise(p + N / 2 * (long)PAGE, (size_t)N / 2 * PAGE, MADV_FREE);
	/* The kernel does so in batches. */
	near("MADV_FREE makes it LazyFree", smaps(p, "LazyFree"), N / 2 * KB, 64 * KB);
	touch(p + N / 2 * (long)PAGE, (size_t)N / 4);
	near("writing takes it back", smaps(p, "LazyFree"), N / 4 * KB, 64 * KB);
	munmap(p, (size_t)N * PAGE);
	same("munmap removes the entry", smaps(p, "Size"), -1);
}

static void test_zero_page(void)
{
	char *p = map_alone(16, MAP_PRIVATE);

	look(p, 16);
	same("the zero page is no Rss", smaps(p, "Rss"), 0);
	touch(p, 4);
	same("writing makes pages of it", smaps(p, "Rss"), 4 * KB);
	munmap(p, 16 * PAGE);
}

static void test_shared(void)
{
	long before = status_field("RssShmem");
	char *p = map_alone(64, MAP_SHARED);

	touch(p, 32);
	same("shared memory has Rss", smaps(p, "Rss"), 32 * KB);
	same("it is not anonymous", smaps(p, "Anonymous"), 0);
	near("it is RssShmem", status_field("RssShmem") - before, 32 * KB, SLACK * KB);
	same("and Pss_Shmem", rollup("Pss_Shmem") >= 32 * KB, 1);
	munmap(p, 64 * PAGE);
}

static void child_of_fork(const char *p)
{
	char *q = (char *)(uintptr_t)p;

	failures = 0;
	same("the child shares every page", smaps(p, "Shared_Dirty"), 64 * KB);
	same("the child's Pss is half", smaps(p, "Pss"), 32 * KB);
	touch(q, 16);
	same("a write makes pages private", smaps(p, "Private_Dirty"), 16 * KB);
	same("the others stay shared", smaps(p, "Shared_Dirty"), 48 * KB);
	same("Pss is own pages and half of the rest", smaps(p, "Pss"), 40 * KB);
	fflush(stdout);
	_exit(finish());
}

static void test_fork(void)
{
	char *p = map_alone(64, MAP_PRIVATE);
	int status = -1;
	pid_t pid;

	touch(p, 64);
	fflush(stdout);
	pid = fork();
	if (!pid)
		child_of_fork(p);
	waitpid(pid, &status, 0);
	same("the child is content", status, 0);
	/* docs/compat.md: a dead child's memory may be counted for a moment longer. */
	for (int i = 0; i < 20000 && smaps(p, "Private_Dirty") != 64 * KB; i++)
		usleep(5000);
	same("after its end all is private", smaps(p, "Private_Dirty"), 64 * KB);
	munmap(p, 64 * PAGE);
}

static void test_locked(void)
{
	char *p = map_alone(16, MAP_PRIVATE);

	if (mlock(p, 8 * PAGE)) {
		check(false, "mlock", " ");
		return;
	}
	same("mlock faults pages in", smaps(p, "Rss"), 8 * KB);
	same("they are Locked", smaps(p, "Locked"), 8 * KB);
	same("and VmLck", status_field("VmLck"), 8 * KB);
	munlock(p, 8 * PAGE);
	same("munlock ends it", status_field("VmLck"), 0);
	munmap(p, 16 * PAGE);
}

static void test_virtual(void)
{
	long size = status_field("VmSize"), data = status_field("VmData");
	char *p = map_alone(1000, MAP_PRIVATE);

	same("VmSize grows by the mapping", status_field("VmSize") - size, 1000 * KB);
	same("VmData too", status_field("VmData") - data, 1000 * KB);
	mprotect(p, 1000 * PAGE, PROT_READ);
	same("read-only memory is no data", status_field("VmData") - data, 0);
	munmap(p, 1000 * PAGE);
	same("VmPeak keeps what was", status_field("VmPeak") >= size + 1000 * KB, 1);
}

int main(void)
{
	/* What is read in between shall not move what is measured. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	free(slurp("/proc/self/smaps"));
	test_private();
	test_zero_page();
	test_shared();
	test_fork();
	test_locked();
	test_virtual();
	return finish();
}
