/* SPDX-License-Identifier: MIT */
/*
 * huge_memfd.c: files of huge pages by memfd_create(MFD_HUGETLB), as a program has them open.  What
 * happens is printed: it is the same natively and under quire run.
 *
 * usage: huge_memfd CASE: with a pool of 8 free pages of 2 MiB, and nothing else in it.
 */
#include "huge_said.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char *volatile nowhere = (char *)8;

static sigjmp_buf after_bus;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("signal %d, code %d\n", sig, info->si_code);
	siglongjmp(after_bus, 1);
}

static void touch(volatile char *at, bool store)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(after_bus, 1))
		return;
	if (store)
		*at = 'w';
	printf("there: %d\n", *at);
}

static int make(void)
{
	return memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING | MFD_CLOEXEC);
}

static char *map(int fd, long bytes, int prot, int flags)
{
	char *at = mmap(NULL, (size_t)bytes, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		printf("mmap: %s\n", strerror(errno));
	return at == MAP_FAILED ? NULL : at;
}

/* ---- cases ------------------------------------------------------------------------- */

static void creation(void)
{
	char link[64], name[64] = "";
	struct statx sx;
	struct statfs fs;
	int fd = make();

	tell("new", fd);
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GET_SEALS));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	SAY(readlink(link, name, sizeof(name) - 1));
	printf("%s\n", name);
	SAY(fstatfs(fd, &fs));
	printf("type %lx, blocks of %ld: %ld %ld %ld, files %ld %ld\n", (long)fs.f_type,
	       (long)fs.f_bsize, (long)fs.f_blocks, (long)fs.f_bfree, (long)fs.f_bavail,
	       (long)fs.f_files, (long)fs.f_ffree);
	SAY(ftruncate(fd, HUGE));
	SAY(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx));
	printf("%llu bytes, %llu blocks of %u\n", (unsigned long long)sx.stx_size,
	       (unsigned long long)sx.stx_blocks, sx.stx_blksize);
	SAY(fcntl(memfd_create("x", MFD_HUGETLB), F_GET_SEALS));
	SAY(memfd_create("x", MFD_HUGETLB | 16u << 26));
	SAY(memfd_create("x", MFD_HUGETLB | 0x400));
	SAY(memfd_create("x", 21u << 26));
	SAY(memfd_create(nowhere, MFD_HUGETLB));
	SAY(memfd_create("x", MFD_HUGETLB | MFD_HUGE_2MB) > 0);
	SAY(memfd_create("x", MFD_HUGETLB | MFD_HUGE_1GB) > 0);
}

static void lengths(void)
{
	int fd = make();
	char *at;

	SAY(ftruncate(fd, 4096));
	SAY(ftruncate(fd, -1));
	SAY(ftruncate(fd, 3 * HUGE));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(lseek(fd, 0, SEEK_DATA));
	SAY(lseek(fd, 1, SEEK_HOLE));
	SAY(lseek(fd, 3 * HUGE, SEEK_DATA));
	SAY(lseek(fd, 0, SEEK_CUR));
	tell("three pages", fd);
	at = map(fd, 3 * HUGE, RW, MAP_SHARED);
	tell("mapped", fd);
	touch(at + 5, true);
	touch(at + 2 * HUGE, true);
	tell("touched", fd);
	SAY(ftruncate(fd, HUGE));
	tell("cut", fd);
	touch(at + 5, false);
	touch(at + HUGE, true);
	touch(at + 2 * HUGE, false);
	SAY(ftruncate(fd, 3 * HUGE));
	touch(at + 2 * HUGE, false);
	tell("longer again", fd);
	SAY(munmap(at, 3 * HUGE));
	tell("unmapped", fd);
	SAY(ftruncate(fd, 0));
	tell("nothing", fd);
}

static void mapping(void)
{
	int fd = make();
	char *shared, *own;

	SAY(ftruncate(fd, 2 * HUGE));
	SAY(mmap(NULL, HUGE, RW, MAP_SHARED, fd, 4096));
	SAY(mmap(NULL, HUGE, RW, 0, fd, 0));
	shared = map(fd, 4096, RW, MAP_SHARED | MAP_HUGETLB);
	SAY(munmap(shared, 4096));
	own = map(fd, 2 * HUGE, RW, MAP_PRIVATE);
	tell("both", fd);
	strcpy(shared, "shared");
	printf("%s\n", own);
	strcpy(own, "own");
	printf("%s %s\n", shared, own);
	strcpy(own + HUGE, "second");
	tell("written", fd);
	fflush(stdout);
	if (!fork()) {
		strcpy(shared, "child");
		strcpy(own, "child's own");
		printf("%s %s\n", shared, own);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("%s %s %s\n", shared, own, own + HUGE);
	SAY(close(fd));
	printf("%s %s\n", shared, own);
	SAY(munmap(shared, HUGE));
	SAY(munmap(own, 2 * HUGE));
}

static void growth(void)
{
	int fd = make();
	char *at = map(fd, HUGE, PROT_READ, MAP_SHARED);

	tell("read-only beyond the end", fd);
	touch(at, false);
	at = map(fd, 2 * HUGE, RW, MAP_SHARED);
	tell("shared beyond the end", fd);
	touch(at + HUGE, true);
	at = map(fd, 3 * HUGE, RW, MAP_PRIVATE);
	tell("private beyond the end", fd);
	touch(at + 2 * HUGE, true);
	SAY(lseek(fd, 0, SEEK_END));
	SAY(mmap(NULL, 20 * HUGE, RW, MAP_SHARED, fd, 0));
	tell("too much", fd);
}

static void io(void)
{
	int fd = make(), pipes[2], file = open("/dev/null", O_RDWR);
	char buf[16] = "", more[8] = "";
	struct iovec v[2] = {{buf, 4}, {more, 4}};
	loff_t from = 0;
	char *at, *big = malloc(3 * HUGE);

	SAY(write(fd, "x", 1));
	SAY(write(fd, nowhere, 1));
	SAY(pwrite(fd, "x", 1, 0));
	SAY(writev(fd, v, 2));
	SAY(read(fd, buf, 4));
	SAY(ftruncate(fd, 2 * HUGE));
	at = map(fd, 2 * HUGE, RW, MAP_SHARED);
	strcpy(at, "beginning");
	strcpy(at + HUGE - 4, "the seam");
	strcpy(at + HUGE + 123456, "inside");
	tell("written by stores", fd);
	SAY(read(fd, buf, 9));
	printf("%s\n", buf);
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(pread(fd, buf, 8, HUGE - 4));
	printf("%.8s\n", buf);
	SAY(preadv(fd, v, 2, HUGE - 4));
	printf("%.4s|%.4s\n", buf, more);
	SAY(pread(fd, buf, 6, HUGE + 123456));
	printf("%.6s\n", buf);
	SAY(lseek(fd, HUGE - 4, SEEK_SET));
	SAY(readv(fd, v, 2));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(pread(fd, big, 3 * HUGE, 0));
	SAY(memcmp(big, at, 2 * HUGE));
	SAY(pread(fd, buf, 4, 2 * HUGE));
	SAY(pread(fd, buf, 4, 2 * HUGE - 2));
	SAY(pread(fd, nowhere, 4, 0));
	SAY(pread(fd, buf, 4, -1));
	SAY(pread(fd, buf, 0, 0));
	SAY(munmap(at, 2 * HUGE));
	SAY(ftruncate(fd, 0));
	SAY(ftruncate(fd, HUGE));
	SAY(pread(fd, big, HUGE, 0));
	SAY(big[0] | big[HUGE - 4]);
	tell("a hole is read", fd);
	SAY(pipe(pipes));
	SAY(splice(fd, &from, pipes[1], NULL, 100, 0));
	SAY(sendfile(file, fd, NULL, 100));
	SAY(fsync(fd));
	SAY(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
}

static void allocation(void)
{
	int fd = make();
	char *at;

	SAY(fallocate(fd, 0, 0, 1));
	tell("one byte", fd);
	SAY(ftruncate(fd, 3 * HUGE));
	SAY(fallocate(fd, 0, HUGE, HUGE + 1));
	tell("two pages", fd);
	SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 4 * HUGE, 1));
	tell("beyond the end", fd);
	at = map(fd, 3 * HUGE, RW, MAP_SHARED);
	tell("mapped", fd);
	memset(at, 1, 3 * HUGE);
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	printf("%d %d %d\n", at[4095], at[4096], at[8192]);
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE - 1, HUGE + 2));
	printf("%d %d %d %d\n", at[HUGE - 2], at[HUGE - 1], at[2 * HUGE], at[2 * HUGE + 1]);
	tell("punched", fd);
	touch(at + HUGE, false);
	tell("touched again", fd);
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, HUGE));
	SAY(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, HUGE));
	SAY(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, HUGE));
	SAY(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, HUGE));
	SAY(fallocate(fd, 0x1000, 0, HUGE));
	SAY(fallocate(fd, 0, 0, 0));
	SAY(fallocate(fd, 0, -1, 5));
	SAY(fallocate(fd, 0, 1l << 62, 1l << 62));
	SAY(fallocate(fd, 0, 0, 20 * HUGE));
	tell("too much", fd);
	SAY(madvise(at, HUGE, MADV_REMOVE));
	tell("removed", fd);
}

static void sealing(void)
{
	int fd = make();
	char *at;

	SAY(ftruncate(fd, 2 * HUGE));
	at = map(fd, HUGE, PROT_READ, MAP_SHARED);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(munmap(at, HUGE));
	at = map(fd, HUGE, RW, MAP_PRIVATE);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	SAY(mmap(NULL, HUGE, RW, MAP_SHARED, fd, 0));
	at = map(fd, HUGE, PROT_READ, MAP_SHARED);
	SAY(mprotect(at, HUGE, RW));
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	SAY(ftruncate(fd, HUGE));
	SAY(ftruncate(fd, 3 * HUGE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL));
	SAY(ftruncate(fd, 4 * HUGE));
	SAY(fallocate(fd, 0, 0, 4 * HUGE));
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	tell("sealed", fd);
}

static void rights(void)
{
	int fd = make(), ro, wo;
	char path[64], c;

	SAY(ftruncate(fd, HUGE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	wo = open(path, O_WRONLY);
	SAY(ftruncate(ro, 0));
	SAY(fallocate(ro, 0, 0, HUGE));
	SAY(write(ro, "x", 1));
	SAY(fcntl(ro, F_ADD_SEALS, F_SEAL_GROW));
	SAY(mmap(NULL, HUGE, RW, MAP_SHARED, ro, 0));
	SAY(mprotect(map(ro, HUGE, PROT_READ, MAP_SHARED), HUGE, RW));
	SAY(map(ro, HUGE, RW, MAP_PRIVATE) != NULL);
	SAY(read(wo, &c, 1));
	SAY(mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE, wo, 0));
	SAY(ftruncate(wo, 2 * HUGE));
	tell("three descriptors", ro);
	SAY(truncate(path, HUGE));
	SAY(truncate(path, 4096));
	tell("by its name", fd);
	SAY(open(path, O_RDWR | O_TRUNC) >= 0);
	tell("by O_TRUNC", fd);
}

/* A descriptor that is on its way is one, too. */
static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, c = 0;
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	SAY(sendmsg(to, &m, 0));
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, c;
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd = -1;

	SAY(recvmsg(from, &m, 0));
	if (CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void holders(void)
{
	int fd = make(), other, ends[2];
	char *at;

	SAY(ftruncate(fd, 2 * HUGE));
	at = map(fd, 2 * HUGE, RW, MAP_SHARED);
	strcpy(at, "kept");
	SAY(munmap(at, 2 * HUGE));
	tell("unmapped", fd);
	other = dup(fd);
	SAY(close(fd));
	tell("a duplicate has it", other);
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	send_fd(ends[0], other);
	SAY(close(other));
	tell("it is on its way", -1);
	fflush(stdout);
	if (!fork()) {
		fd = receive_fd(ends[1]);
		at = map(fd, 2 * HUGE, RW, MAP_SHARED);
		printf("%s\n", at);
		strcpy(at, "by the child");
		SAY(munmap(at, 2 * HUGE));
		send_fd(ends[1], fd);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fd = receive_fd(ends[0]);
	at = map(fd, 2 * HUGE, PROT_READ, MAP_SHARED);
	printf("%s\n", at);
	SAY(munmap(at, 2 * HUGE));
	SAY(close(fd));
	tell("nobody has it", -1);
	fd = make();
	at = map(fd, HUGE, RW, MAP_SHARED);
	SAY(close(fd));
	tell("only mapped", -1);
	SAY(munmap(at, HUGE));
	tell("nor that", -1);
}

int main(int argc, char **argv)
{
	static const struct said_case cases[] = {{"creation", creation},
						 {"lengths", lengths},
						 {"mapping", mapping},
						 {"growth", growth},
						 {"io", io},
						 {"allocation", allocation},
						 {"sealing", sealing},
						 {"rights", rights},
						 {"holders", holders},
						 {NULL, NULL}};

	return said_main(argc, argv, cases);
}
