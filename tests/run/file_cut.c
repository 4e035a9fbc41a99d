/* SPDX-License-Identifier: MIT */
/*
 * file_cut.c: what is taken away from a file goes from everybody's mappings of it, private copies
 * too; a hole leaves those.  The same natively and under quire.
 */
#include "doing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096l
#define PAGES 8l
#define RW (PROT_READ | PROT_WRITE)
#define BUS (-1)
#define MANY 200

static char name[64];

static sigjmp_buf back;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

/* BUS, or what is there. */
static int load(const volatile char *p)
{
	return sigsetjmp(back, 1) ? BUS : *p;
}

static int store(volatile char *p, char c)
{
	if (sigsetjmp(back, 1))
		return BUS;
	*p = c;
	return 0;
}

/* ---- ways to take all of it away -------------------------------------------------------- */

static long by_ftruncate(int fd)
{
	return ftruncate(fd, 0);
}

static long by_truncate(int fd)
{
	(void)fd;
	return truncate(name, 0);
}

static long opened(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static long by_open(int fd)
{
	(void)fd;
	return opened(open(name, O_RDWR | O_TRUNC));
}

static long by_creat(int fd)
{
	(void)fd;
	return opened(creat(name, 0600));
}

static long by_openat2(int fd)
{
	struct open_how how = {.flags = O_WRONLY | O_TRUNC};

	(void)fd;
	return opened((int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how)));
}

/* For who may open any file; anybody else takes another way. */
static long by_handle(int fd)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount, got;

	if (name_to_handle_at(AT_FDCWD, name, &h.handle, &mount, 0))
		return -1;
	got = open_by_handle_at(fd, &h.handle, O_RDWR | O_TRUNC);
	return got < 0 && errno == EPERM ? by_ftruncate(fd) : opened(got);
}

static const struct {
	const char *name;
	long (*fn)(int fd);
} ways[] = {
    {"ftruncate", by_ftruncate}, {"truncate", by_truncate}, {"open", by_open},
    {"creat", by_creat},         {"openat2", by_openat2},   {"open_by_handle_at", by_handle},
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* ---- mappings ----------------------------------------------------------------------------- */

static char *private_copies(int fd)
{
	char *p = mmap(NULL, PAGES * PG, RW, MAP_PRIVATE, fd, 0);

	CHECK(p != MAP_FAILED);
	for (long i = 0; i < PAGES; i++)
		p[i * PG] = (char)('a' + i);
	return p;
}

static void fresh(int fd)
{
	char page[PG];

	CHECK(!ftruncate(fd, 0));
	memset(page, 'f', PG);
	for (long i = 0; i < PAGES; i++)
		CHECK(write(fd, page, PG) == PG);
	lseek(fd, 0, SEEK_SET);
}

static void wait_for(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* All that a file had is gone: from one's own mapping, and from another process's. */
static void all_of_it(int fd, size_t way)
{
	char *p, *q, c;
	int go[2], done[2];
	pid_t child;

	doing = ways[way].name;
	fresh(fd);
	p = private_copies(fd);
	q = mmap(NULL, PAGES * PG, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(q[PG] == 'f' && !pipe(go) && !pipe(done));
	fflush(stdout);
	child = fork();
	if (!child) {
		p[PG] = 'c';
		CHECK(write(done[1], "", 1) == 1 && read(go[0], &c, 1) == 1);
		CHECK(load(p) == BUS && load(p + PG) == BUS && load(q + PG) == BUS);
		CHECK(write(done[1], "", 1) == 1 && read(go[0], &c, 1) == 1);
		CHECK(load(p) == 0 && load(p + PG) == 0 && load(q + PG) == 0);
		fflush(stdout);
		_exit(failed);
	}
	CHECK(read(done[0], &c, 1) == 1);
	CHECK(ways[way].fn(fd) == 0);
	CHECK(load(p) == BUS && load(p + 7 * PG) == BUS && load(q + PG) == BUS);
	CHECK(store(p + 3 * PG, 1) == BUS);
	CHECK(write(go[1], "", 1) == 1 && read(done[0], &c, 1) == 1);
	CHECK(!ftruncate(fd, PAGES * PG));
	CHECK(write(go[1], "", 1) == 1);
	CHECK(load(p) == 0 && load(p + 7 * PG) == 0 && load(q + PG) == 0);
	CHECK(store(p + 3 * PG, 1) == 0 && load(p + 3 * PG) == 1);
	wait_for(child);
	munmap(p, PAGES * PG);
	munmap(q, PAGES * PG);
	close(go[0]), close(go[1]), close(done[0]), close(done[1]);
}

/* Another process takes it, which does not map it. */
static void by_another(int fd)
{
	char *p;
	pid_t child;

	doing = "another process";
	fresh(fd);
	p = private_copies(fd);
	fflush(stdout);
	child = fork();
	if (!child) {
		munmap(p, PAGES * PG);
		_exit(ftruncate(fd, 3 * PG) != 0);
	}
	wait_for(child);
	CHECK(load(p + 2 * PG) == 'c' && load(p + 3 * PG) == BUS);
	munmap(p, PAGES * PG);
}

/* The page that the end lies in keeps its copy, and what is behind the end in it. */
static void part_of_it(int fd)
{
	unsigned char there[PAGES];
	char *p, *q;

	doing = "part";
	fresh(fd);
	p = private_copies(fd);
	p[2 * PG + 100] = 't';
	q = mmap(NULL, PAGES * PG, RW, MAP_SHARED, fd, 0);
	for (long i = 0; i < PAGES; i++)
		q[i * PG + 1] = 's';
	CHECK(!ftruncate(fd, 2 * PG + 10));
	CHECK(load(p + PG) == 'b' && load(p + 2 * PG) == 'c' && load(p + 2 * PG + 100) == 't');
	CHECK(load(p + 3 * PG) == BUS && load(q + 2 * PG + 1) == 's' &&
	      load(q + 3 * PG + 1) == BUS);
	CHECK(!mincore(q, PAGES * PG, there) && (there[2] & 1) && !(there[3] & 1) && !there[7]);
	CHECK(!ftruncate(fd, PAGES * PG));
	CHECK(load(p + 2 * PG + 100) == 't' && load(q + 2 * PG + 100) == 0);
	CHECK(load(p + 3 * PG) == 0 && load(q + 3 * PG + 1) == 0);
	munmap(p, PAGES * PG);
	munmap(q, PAGES * PG);
}

static void holes(int fd)
{
	static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE,
				    FALLOC_FL_INSERT_RANGE};
	static const char *const words[] = {"punch", "zero", "collapse", "insert"};

	for (int i = 0; i < 4; i++) {
		char *p;
		int moves = i > 1;

		doing = words[i];
		fresh(fd);
		p = private_copies(fd);
		if (fallocate(fd, modes[i], 2 * PG, 2 * PG)) {
			CHECK(errno == EOPNOTSUPP);
			printf("skipped: %s is not supported by this file system\n", words[i]);
			munmap(p, PAGES * PG);
			continue;
		}
		CHECK(load(p + PG) == 'b');
		CHECK(load(p + 2 * PG) == (moves ? (i == 2 ? 'f' : 0) : 'c'));
		CHECK(load(p + 4 * PG) == (moves ? 'f' : 'e'));
		CHECK(load(p + 7 * PG) == (i == 2 ? BUS : moves ? 'f' : 'h'));
		munmap(p, PAGES * PG);
	}
}

/* What is added at the end is there at once, for the program, for results, and for what is told. */
static void growing(int fd)
{
	unsigned char there[PAGES];
	char *p, *q, page[PG];
	struct iovec in = {page, 16}, out = {page, 16};

	doing = "growing";
	CHECK(!ftruncate(fd, PG));
	p = mmap(NULL, PAGES * PG, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGES * PG, RW, MAP_PRIVATE, fd, 0);
	CHECK(load(p + PG) == BUS && store(q + PG, 1) == BUS);
	memset(page, 'g', PG);
	CHECK(pwrite(fd, page, PG, PG) == PG);
	CHECK(load(p + PG) == 'g' && store(q + PG, 1) == 0 && load(q + PG + 1) == 'g');
	CHECK(load(p + 2 * PG) == BUS);
	CHECK(pwrite(fd, page, PG, 2 * PG) == PG);
	out.iov_base = p + 2 * PG;
	CHECK(process_vm_writev(getpid(), &in, 1, &out, 1, 0) == 16);
	CHECK(pwrite(fd, page, PG, 3 * PG) == PG);
	out.iov_base = q + 3 * PG;
	CHECK(process_vm_readv(getpid(), &in, 1, &out, 1, 0) == 16 && page[0] == 'g');
	CHECK(pwrite(fd, page, PG, 4 * PG) == PG);
	CHECK(!madvise(p, 5 * PG, MADV_POPULATE_WRITE));
	CHECK(madvise(p, 6 * PG, MADV_POPULATE_READ) < 0);
	CHECK(pwrite(fd, page, PG, 5 * PG) == PG);
	CHECK(!mlock(q, 6 * PG) && !munlock(q, 6 * PG));
	CHECK(pwrite(fd, page, PG, 6 * PG) == PG);
	CHECK(!mincore(p, PAGES * PG, there) && (there[6] & 1) && !(there[7] & 1));
	munmap(p, PAGES * PG);
	munmap(q, PAGES * PG);
}

/* Private copies by ever so many open files. */
static void by_many(int fd)
{
	static char *p[MANY];
	int good = 0;

	doing = "many";
	fresh(fd);
	for (int i = 0; i < MANY; i++) {
		int other = open(name, O_RDWR);

		p[i] = mmap(NULL, PG, RW, MAP_PRIVATE, other, 0);
		CHECK(other >= 0 && p[i] != MAP_FAILED);
		p[i][0] = 'c';
		close(other);
	}
	CHECK(!ftruncate(fd, 0));
	for (int i = 0; i < MANY; i++)
		good += load(p[i]) == BUS;
	CHECK(good == MANY);
	for (int i = 0; i < MANY; i++)
		munmap(p[i], PG);
}

static void all(int fd, bool by_name)
{
	for (size_t i = 0; i < (by_name ? NR_WAYS : 1); i++)
		all_of_it(fd, i);
	by_another(fd);
	part_of_it(fd);
	growing(fd);
	holes(fd);
	if (by_name)
		by_many(fd);
}

int main(void)
{
	const char *dirs[] = {"/var/tmp", "/dev/shm"};
	int fd = memfd_create("cut", 0);

	signal(SIGBUS, on_bus);
	all(fd, false);
	close(fd);
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s/file_cut-XXXXXX", dirs[i]);
		fd = mkstemp(name);
		CHECK(fd >= 0);
		all(fd, true);
		close(fd);
		unlink(name);
	}
	return failed;
}
