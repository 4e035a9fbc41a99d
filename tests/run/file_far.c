/* SPDX-License-Identifier: MIT */
/*
 * file_far.c: file mappings larger than there is room for windows, mappings that grow, and many of
 * them with few descriptors.  The same natively and under quire.
 */
#include "stub_test.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PG 4096ul
#define G (1ul << 30)
#define RW (PROT_READ | PROT_WRITE)
#define MANY 70000 /* more than most hosts allow */
#define PAGES 5000ul

static char in_file(int fd, unsigned long at)
{
	char c = '?';

	return pread(fd, &c, 1, (off_t)at) == 1 ? c : '!';
}

static void wait_for(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Everywhere in 4 TiB: at both ends, and where steps of powers of two begin and end. */
static void far_pages(void)
{
	unsigned long at[64], n = 0, size = 4096 * G;
	int fd = memfd_create("far", 0);
	char *p, *q;
	pid_t pid;

	CHECK(!ftruncate(fd, (off_t)size));
	p = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, size, RW, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	CHECK(p != MAP_FAILED && q != MAP_FAILED);
	at[n++] = 0;
	for (unsigned long k = PG; k < size; k *= 8) {
		at[n++] = k;
		at[n++] = k - 1;
		at[n++] = size - k;
	}
	for (unsigned long i = 0; i < n; i++)
		p[at[i]] = (char)('a' + i % 26);
	for (unsigned long i = 0; i < n; i++)
		CHECK(in_file(fd, at[i]) == p[at[i]] && q[at[i]] == p[at[i]]);
	for (unsigned long i = 0; i < n; i++)
		q[at[i]] = 'Q';
	for (unsigned long i = 0; i < n; i++)
		CHECK(q[at[i]] == 'Q' && in_file(fd, at[i]) != 'Q');
	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (unsigned long i = 0; i < n; i++) {
			CHECK(q[at[i]] == 'Q' && p[at[i]] == in_file(fd, at[i]));
			p[at[i]] = 'C';
		}
		fflush(stdout);
		_exit(failures != 0);
	}
	wait_for(pid);
	for (unsigned long i = 0; i < n; i++)
		CHECK(p[at[i]] == 'C' && in_file(fd, at[i]) == 'C');
	munmap(q, size);
	munmap(p, size);
	close(fd);
}

/* Calls about such a mapping, and results in it. */
static void far_calls(void)
{
	unsigned long size = 2048 * G, far = size - 3 * PG;
	int fd = memfd_create("calls", 0);
	char word[16] = "fifteen letters", got[16];
	struct iovec here = {word, 16}, there, back = {got, 16};
	char *p;

	CHECK(!ftruncate(fd, (off_t)size));
	p = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	there = (struct iovec){p + far, 16};
	CHECK(process_vm_writev(getpid(), &here, 1, &there, 1, 0) == 16);
	CHECK(process_vm_readv(getpid(), &back, 1, &there, 1, 0) == 16 && !memcmp(got, word, 16));
	CHECK(in_file(fd, far) == 'f' && !strcmp(p + far, word));
	CHECK(!msync(p, size, MS_SYNC));
	CHECK(pread(fd, p + far + PG, 16, (off_t)far) == 16 && !strcmp(p + far + PG, word));
	CHECK(!madvise(p + far, PG, MADV_REMOVE) && p[far] == 0 && p[far + PG] == 'f');
	CHECK(!ftruncate(fd, (off_t)(far + PG)));
	there.iov_base = p + far + PG;
	CHECK(process_vm_writev(getpid(), &here, 1, &there, 1, 0) < 0 && errno == EFAULT);
	munmap(p, size);
	close(fd);
}

/* More of them at once than there are addresses for windows. */
static void many_large(void)
{
	char *p[150];

	for (int i = 0; i < 150; i++) {
		int fd = memfd_create("large", 0);

		CHECK(!ftruncate(fd, 10 * G));
		p[i] = mmap(NULL, 10 * G, RW, MAP_SHARED, fd, 0);
		CHECK(p[i] != MAP_FAILED);
		p[i][9 * G] = (char)i;
		CHECK(in_file(fd, 9 * G) == (char)i);
		close(fd);
	}
	for (int i = 0; i < 150; i++) {
		CHECK(p[i][9 * G] == (char)i);
		munmap(p[i], 10 * G);
	}
}

/* By far more than it had when it was mapped, again and again; a child has the old one. */
static void growing(void)
{
	int fd = memfd_create("growing", 0), go[2];
	unsigned long bytes = PG;
	char *p, c;
	pid_t pid;

	CHECK(!ftruncate(fd, (off_t)bytes) && !pipe(go));
	p = mmap(NULL, bytes, RW, MAP_SHARED, fd, 0);
	p[0] = 'p';
	fflush(stdout);
	pid = fork();
	if (!pid) {
		CHECK(read(go[0], &c, 1) == 1);
		p = mremap(p, PG, 64 * G, MREMAP_MAYMOVE);
		CHECK(p != MAP_FAILED && p[0] == 'p' && p[63 * G] == 'g');
		fflush(stdout);
		_exit(failures != 0);
	}
	while (bytes < 64 * G) {
		unsigned long more = bytes * 16 < 64 * G ? bytes * 16 : 64 * G;

		CHECK(!ftruncate(fd, (off_t)more));
		p = mremap(p, bytes, more, MREMAP_MAYMOVE);
		CHECK(p != MAP_FAILED);
		bytes = more;
		p[bytes - PG] = 'e';
		CHECK(p[0] == 'p' && in_file(fd, bytes - PG) == 'e');
	}
	p[63 * G] = 'g';
	CHECK(write(go[1], "", 1) == 1);
	wait_for(pid);
	munmap(p, bytes);
	close(fd);
}

/* One file more; NULL: the host has no more mappings. */
static char *map_another(void)
{
	int fd = memfd_create("many", 0);
	char *p;

	CHECK(!ftruncate(fd, PG));
	p = mmap(NULL, PG, RW, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED || errno == ENOMEM);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/*
 * As many files as can be had, with few descriptors; other memory makes way, and all of it works.
 * Then another can be had for one that goes.
 */
static void many_small(void)
{
	struct rlimit few = {1024, 1024};
	static char *p[MANY];
	char *more = mmap(NULL, 2 * PAGES * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long n = 0;

	CHECK(more != MAP_FAILED && !setrlimit(RLIMIT_NOFILE, &few));
	while (n < MANY && !failures && (p[n] = map_another()))
		n++;
	CHECK(n > 60000);
	for (unsigned long i = 0; i < PAGES; i++)
		more[2 * i * PG] = (char)i;
	for (long i = 0; i < n; i++)
		memcpy(p[i], &i, sizeof(i));
	for (long i = 0; i < n; i++)
		CHECK(!memcmp(p[i], &i, sizeof(i)));
	for (unsigned long i = 0; i < PAGES; i++)
		CHECK(more[2 * i * PG] == (char)i);
	munmap(p[0], PG);
	p[0] = map_another();
	CHECK(p[0] != NULL);
	for (long i = 0; i < n; i++)
		munmap(p[i], PG);
	munmap(more, 2 * PAGES * PG);
}

int main(void)
{
	far_pages();
	far_calls();
	many_large();
	growing();
	many_small();
	return failures != 0;
}
