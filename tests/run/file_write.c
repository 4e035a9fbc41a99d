/* SPDX-License-Identifier: MIT */
/*
 * file_write.c: writes whose source is a mapping of the very file: each page of it is there as soon
 * as the write has made the file long enough.  The same natively and under quire.
 */
#include "doing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PG 4096l
#define MOST (64 * PG)

static int new_file(const char *dir)
{
	char name[64], page[PG];
	int fd;

	snprintf(name, sizeof(name), "%s/file_write-XXXXXX", dir);
	fd = mkstemp(name);
	CHECK(fd >= 0 && !unlink(name));
	for (long i = 0; i < PG; i++)
		page[i] = (char)(i * 7);
	CHECK(write(fd, page, PG) == PG);
	return fd;
}

/* ---- ways to write, at the end of the first page ------------------------------------------- */

static long by_write(int fd, char *from, long bytes)
{
	return write(fd, from, (size_t)bytes);
}

static long by_pwrite(int fd, char *from, long bytes)
{
	return pwrite(fd, from, (size_t)bytes, PG);
}

static long by_append(int fd, char *from, long bytes)
{
	CHECK(!fcntl(fd, F_SETFL, O_APPEND));
	return write(fd, from, (size_t)bytes);
}

/* Three buffers: one of them empty, and one that ends in the middle of a page. */
#define VECTOR                                                                                     \
	{                                                                                          \
		{from, 1000}, {from, 0},                                                           \
		{                                                                                  \
			from + 1000, (size_t)bytes - 1000                                          \
		}                                                                                  \
	}

static long by_writev(int fd, char *from, long bytes)
{
	struct iovec v[] = VECTOR;

	return writev(fd, v, 3);
}

static long by_pwritev(int fd, char *from, long bytes)
{
	struct iovec v[] = VECTOR;

	return pwritev(fd, v, 3, PG);
}

static long by_pwritev2(int fd, char *from, long bytes)
{
	struct iovec v[] = VECTOR;

	return pwritev2(fd, v, 3, -1, RWF_DSYNC);
}

static const struct {
	const char *name;
	long (*fn)(int fd, char *from, long bytes);
} ways[] = {
    {"write", by_write},   {"pwrite", by_pwrite},   {"append", by_append},
    {"writev", by_writev}, {"pwritev", by_pwritev}, {"pwritev2", by_pwritev2},
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* The file repeats itself from `from` on. */
static void check_content(int fd, long from, long bytes)
{
	static char text[MOST + PG];

	CHECK(pread(fd, text, sizeof(text), 0) == PG + bytes);
	CHECK(!memcmp(text + PG, text + from, (size_t)bytes));
}

static void grows_by_itself(const char *dir, size_t way, int type, long from, long bytes)
{
	int fd = new_file(dir);
	char *p = mmap(NULL, MOST + PG, PROT_READ, type, fd, 0);

	doing = ways[way].name;
	CHECK(p != MAP_FAILED);
	CHECK(ways[way].fn(fd, p + from, bytes) == bytes);
	check_content(fd, from, bytes);
	/* One that begins beyond the end finds nothing. */
	CHECK(write(fd, p + PG + bytes, PG) == -1 && errno == EFAULT);
	munmap(p, MOST + PG);
	close(fd);
}

static void in_all_ways(const char *dir)
{
	for (size_t way = 0; way < NR_WAYS; way++) {
		for (int i = 0; i < 8; i++)
			grows_by_itself(dir, way, i & 1 ? MAP_PRIVATE : MAP_SHARED, i & 2 ? 100 : 0,
					i & 4 ? MOST - PG : 4 * PG);
	}
	doing = "";
}

/* A page that nothing can bring ends it; and so does a limit, without a signal. */
static void ends(const char *dir)
{
	struct rlimit old, less;
	int fd = new_file(dir);
	char *p = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + 2 * PG, PG);
	CHECK(write(fd, p, 4 * PG) == 2 * PG);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	less = (struct rlimit){5 * PG + 50, old.rlim_max};
	CHECK(setrlimit(RLIMIT_FSIZE, &less) == 0);
	CHECK(mmap(p + 2 * PG, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      p + 2 * PG);
	CHECK(write(fd, p, 4 * PG) == 2 * PG + 50);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	munmap(p, 4 * PG);
	close(fd);
}

/* The source is beyond the end, until the file is made longer to be written to there. */
static void from_beyond(const char *dir)
{
	int fd = new_file(dir);
	char *p = mmap(NULL, MOST, PROT_READ, MAP_SHARED, fd, 0);
	long n = pwrite(fd, p + 2 * PG, 3 * PG, 3 * PG + 50);
	struct stat st;

	/* What can come of it is the file system's: all or nothing. */
	CHECK(fstat(fd, &st) == 0);
	if (n >= 0)
		CHECK(n == 3 * PG && st.st_size == 6 * PG + 50);
	else
		CHECK(errno == EFAULT && st.st_size == PG);
	munmap(p, MOST);
	close(fd);
}

/* A file of /proc takes as much as it takes, and no write takes more than the kernel's most. */
static void short_on_purpose(void)
{
	static const char text[] = "0            7";
	const size_t most = 0x7ffff000, bytes = 3ul << 30;
	char *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char comm[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == 12);
	close(fd);
	CHECK(p != MAP_FAILED && !mprotect(p, PG, PROT_READ | PROT_WRITE) &&
	      !mprotect(p + most, PG, PROT_READ | PROT_WRITE));
	strcpy(p, "first");
	strcpy(p + most, "second");
	fd = open("/proc/self/comm", O_RDWR);
	CHECK(write(fd, p, bytes) == (ssize_t)most);
	CHECK(pread(fd, comm, sizeof(comm), 0) == 6 && !memcmp(comm, "first\n", 6));
	close(fd);
	munmap(p, bytes);
}

static void *sleeps(void *arg)
{
	pause();
	return arg;
}

int main(void)
{
	static const char *const dirs[] = {"/var/tmp", "/dev/shm"};
	pthread_t thread;

	/* Alone, and with a second thread in the address space. */
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			CHECK(!pthread_create(&thread, NULL, sleeps, NULL));
		in_all_ways(dirs[i % 2]);
		ends(dirs[i % 2]);
		from_beyond(dirs[i % 2]);
		short_on_purpose();
	}
	return failed;
}
