/* SPDX-License-Identifier: MIT */
/*
 * file_result.c: a result of a system call that lands in a shared file mapping is a store: it goes
 * to memory whatever the descriptor was opened for, and beyond the end it is EFAULT and makes no
 * file longer.  The same natively and under quire, for each call that Quire answers itself.
 */
#include "doing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul
#define RW (PROT_READ | PROT_WRITE)

static int segment;

/* ---- the calls: 0, or -1 and errno; they write something that is not all '.' ---------- */

static char source[64];

static long by_mincore(char *to)
{
	return mincore(source - (unsigned long)source % PG, 1, (unsigned char *)to);
}

static long by_getrlimit(char *to)
{
	return syscall(SYS_getrlimit, RLIMIT_AS, to);
}

static long by_prlimit(char *to)
{
	return syscall(SYS_prlimit64, 0, RLIMIT_DATA, NULL, to);
}

static long by_sysinfo(char *to)
{
	return syscall(SYS_sysinfo, to);
}

static long by_shmctl(char *to)
{
	return shmctl(segment, IPC_STAT, (struct shmid_ds *)to);
}

static long by_mempolicy(char *to)
{
	return syscall(SYS_get_mempolicy, to, NULL, 0, NULL, 0);
}

static long by_move_pages(char *to)
{
	void *page = source - (unsigned long)source % PG;

	return syscall(SYS_move_pages, 0, 1, &page, NULL, to, 0);
}

static long by_readv(char *to)
{
	struct iovec from = {source, 16}, into = {to, 16};

	return process_vm_readv(getpid(), &into, 1, &from, 1, 0) < 0 ? -1 : 0;
}

static long by_writev(char *to)
{
	struct iovec from = {source, 16}, into = {to, 16};

	return process_vm_writev(getpid(), &from, 1, &into, 1, 0) < 0 ? -1 : 0;
}

static const struct {
	const char *name;
	long (*fn)(char *to);
} calls[] = {
    {"mincore", by_mincore},       {"getrlimit", by_getrlimit},    {"prlimit64", by_prlimit},
    {"sysinfo", by_sysinfo},       {"shmctl", by_shmctl},          {"get_mempolicy", by_mempolicy},
    {"move_pages", by_move_pages}, {"process_vm_readv", by_readv}, {"process_vm_writev", by_writev},
};
#define NR_CALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- the files -------------------------------------------------------------------------- */

static long size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long)st.st_size;
}

static int in_file_is(int fd, long at, char c)
{
	char got;

	return pread(fd, &got, 1, at) == 1 && got == c;
}

/* Something was stored, and everybody sees it in the same place. */
static void stored(int fd, const char *p, unsigned long bytes)
{
	char before[256], now[256];

	memset(before, '.', sizeof(before));
	CHECK(memcmp(p, before, sizeof(before)) != 0);
	CHECK(pread(fd, now, sizeof(now), 0) == sizeof(now) && !memcmp(now, p, sizeof(now)));
	CHECK(size_of(fd) == (long)bytes);
}

static void through(int fd, size_t i)
{
	char dots[2 * PG];
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED, fd, 0);

	doing = calls[i].name;
	CHECK(p != MAP_FAILED);
	memset(p, '.', 2 * PG);
	CHECK(calls[i].fn(p) == 0);
	stored(fd, p, 2 * PG);
	CHECK(!ftruncate(fd, PG));
	CHECK(calls[i].fn(p + PG) < 0 && errno == EFAULT);
	CHECK(size_of(fd) == PG);
	CHECK(!ftruncate(fd, 2 * PG));
	memset(dots, 0, sizeof(dots));
	CHECK(!memcmp(p + PG, dots, PG));
	CHECK(calls[i].fn(p + PG) == 0);
	munmap(p, 2 * PG);
}

static void regular_files(int flags)
{
	char name[] = "/tmp/file_result-XXXXXX";
	int fd = mkstemp(name);

	for (size_t i = 0; i < NR_CALLS; i++) {
		int other = open(name, O_RDWR | flags);

		CHECK(other >= 0 && !ftruncate(other, 2 * PG));
		through(other, i);
		close(other);
	}
	close(fd);
	unlink(name);
}

/* What was mapped writable before the seal stays so; pwrite fails. */
static void sealed_files(void)
{
	for (size_t i = 0; i < NR_CALLS; i++) {
		int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
		char *p;

		doing = calls[i].name;
		CHECK(!ftruncate(fd, PG));
		p = mmap(NULL, PG, RW, MAP_SHARED, fd, 0);
		memset(p, '.', PG);
		CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
		CHECK(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
		CHECK(calls[i].fn(p) == 0);
		stored(fd, p, PG);
		munmap(p, PG);
		close(fd);
	}
}

/* Mapped for reading and made writable later: the window was not writable at first. */
static void later_rights(void)
{
	for (size_t i = 0; i < NR_CALLS; i++) {
		int fd = memfd_create("later", 0);
		char *p, dots[PG];

		doing = calls[i].name;
		memset(dots, '.', PG);
		CHECK(write(fd, dots, PG) == PG);
		p = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, 0);
		CHECK(calls[i].fn(p) < 0 && errno == EFAULT);
		CHECK(!mprotect(p, PG, RW));
		CHECK(calls[i].fn(p) == 0);
		stored(fd, p, PG);
		munmap(p, PG);
		close(fd);
	}
}

/* Between two programs: one's loads and stores in the other's mappings. */
static void other_programs(void)
{
	int fd = memfd_create("other", 0);
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED, fd, 0), *q, got[16];
	char *private = mmap(NULL, 2 * PG, RW, MAP_PRIVATE, fd, 0);
	struct iovec here = {source, 16}, there = {p, 16}, back = {got, 16};
	pid_t child;

	doing = "another program";
	CHECK(!ftruncate(fd, PG));
	fflush(stdout);
	child = fork();
	if (!child)
		for (;;)
			pause();
	CHECK(process_vm_writev(child, &here, 1, &there, 1, 0) == 16 && !memcmp(p, source, 16));
	CHECK(process_vm_readv(child, &back, 1, &there, 1, 0) == 16 && !memcmp(got, source, 16));
	there.iov_base = private;
	CHECK(process_vm_readv(child, &back, 1, &there, 1, 0) == 16 && !memcmp(got, source, 16));
	here.iov_base = memset(got, 'w', 16);
	CHECK(process_vm_writev(child, &here, 1, &there, 1, 0) == 16);
	CHECK(!memcmp(private, source, 16) && !memcmp(p, source, 16));
	there.iov_base = p + PG;
	CHECK(process_vm_writev(child, &here, 1, &there, 1, 0) < 0 && errno == EFAULT);
	CHECK(size_of(fd) == PG);
	CHECK(!ftruncate(fd, 2 * PG));
	CHECK(process_vm_writev(child, &here, 1, &there, 1, 0) == 16 && p[PG] == 'w');
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	q = mmap(NULL, PG, PROT_READ, MAP_SHARED, fd, PG);
	CHECK(q[0] == 'w');
	munmap(p, 2 * PG);
	munmap(q, PG);
	munmap(private, 2 * PG);
	close(fd);
}

/* A word that is not there: no waiters, but an error. */
static void futex_words(void)
{
	int fd = memfd_create("futex", 0);
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED, fd, 0);

	doing = "futex";
	CHECK(!ftruncate(fd, PG));
	CHECK(syscall(SYS_futex, p, FUTEX_WAKE, 1) == 0);
	CHECK(syscall(SYS_futex, p + PG, FUTEX_WAKE, 1) < 0 && errno == EFAULT);
	CHECK(syscall(SYS_futex, p + PG, FUTEX_WAIT, 0, NULL) < 0 && errno == EFAULT);
	CHECK(syscall(SYS_futex, p + PG, FUTEX_WAKE_PRIVATE, 1) == 0);
	CHECK(syscall(SYS_futex, p + PG + 1, FUTEX_WAKE, 1) < 0 && errno == EINVAL);
	munmap(p, 2 * PG);
	CHECK(syscall(SYS_futex, p, FUTEX_WAKE, 1) < 0 && errno == EFAULT);
	close(fd);
}

static void private_copies(void)
{
	int fd = memfd_create("copies", 0);
	char *p = mmap(NULL, 2 * PG, RW, MAP_PRIVATE, fd, 0);

	doing = "private copies";
	CHECK(pwrite(fd, source, sizeof(source), PG - 32) == sizeof(source));
	p[0] = 1;
	p[PG] = 2;
	CHECK(!memcmp(p + PG - 32, source, 32) && !memcmp(p + PG + 1, source, 31));
	CHECK(in_file_is(fd, (long)PG, 's'));
	munmap(p, 2 * PG);
	close(fd);
}

/* What a read does not store into is not copied: it goes on showing the file. */
static void unread_pages(void)
{
	int fd = memfd_create("unread", 0), from = memfd_create("short", 0);
	static char page[PG];
	volatile char *p = mmap(NULL, 4 * PG, RW, MAP_PRIVATE, fd, 0);

	doing = "unread pages";
	CHECK(!ftruncate(fd, 4 * PG) && write(from, "short", 5) == 5);
	for (int i = 0; i < 4; i++)
		CHECK(p[(unsigned)i * PG] == 0);
	CHECK(read(from, (char *)p, 4 * PG) == 0);
	CHECK(pread(from, (char *)p, 4 * PG, 5) == 0);
	CHECK(pread(from, (char *)p, 100, 7) == 0);
	CHECK(pread(from, (char *)p + 2 * PG, 2 * PG, 0) == 5);
	memset(page, 'n', PG);
	for (long i = 0; i < 4; i++)
		CHECK(pwrite(fd, page, PG, i * (long)PG) == (long)PG);
	CHECK(p[0] == 'n' && p[PG] == 'n' && p[2 * PG] == 's' && p[3 * PG] == 'n');
	munmap((char *)p, 4 * PG);
	close(fd);
	close(from);
}

/* Nobody but the program itself reaches its memory then: private copies, results and all. */
static int undumpable(void)
{
	fflush(stdout);
	if (!getuid() && (setgid(65534) || setuid(65534)))
		return 1;
	prctl(PR_SET_DUMPABLE, 0);
	regular_files(O_APPEND);
	later_rights();
	private_copies();
	return failed;
}

int main(void)
{
	int status;
	pid_t pid;

	memset(source, 's', sizeof(source));
	segment = shmget(IPC_PRIVATE, PG, 0666);
	regular_files(0);
	regular_files(O_APPEND);
	sealed_files();
	later_rights();
	other_programs();
	futex_words();
	private_copies();
	unread_pages();
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(undumpable());
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	shmctl(segment, IPC_RMID, NULL);
	return failed;
}
