/* SPDX-License-Identifier: MIT */
/*
 * mem_calls.c: memory's system calls seen from a program: what they return and what memory holds
 * afterwards.  Natively and under quire run the output is the same; addresses are not printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul

static sigjmp_buf caught;
static volatile sig_atomic_t expected; /* inside touch() */
static int caught_code;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	if (!expected) {
		dprintf(2, "signal %d, unexpected, at %p\n", sig, si->si_addr);
		_exit(99);
	}
	caught_code = si->si_code;
	siglongjmp(caught, sig);
}

/* 0, or the signal that the access gives. */
static int touch(volatile char *p, int write)
{
	int sig = sigsetjmp(caught, 1);

	if (!sig) {
		expected = 1;
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	expected = 0;
	return sig;
}

static void say_touch(const char *what, char *p, int write)
{
	int sig = touch(p, write);

	printf("%s: signal %d code %d\n", what, sig, sig ? caught_code : 0);
}

static void say(const char *what, long r)
{
	printf("%s: %s", what, r == -1 ? strerror(errno) : r ? "something" : "0");
	printf("\n");
}

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PG, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		exit(1);
	}
	return p;
}

static void anonymous(void)
{
	char *p = map(64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q;
	/* The host fills it up to the hole, and neighbours of the mapping may come before that. */
	static unsigned char vec[1 << 20];

	memset(p, 7, 10 * PG);
	say("mincore", mincore(p, 64 * PG, vec));
	printf("resident: %d %d\n", vec[9] & 1, vec[20] & 1);
	say("mincore bad", mincore(p, 64 * PG, (void *)8));
	say("mincore hole", mincore(p, 1ul << 40, vec));
	say("mprotect", mprotect(p + 4 * PG, PG, PROT_READ));
	say_touch("write to it", p + 4 * PG, 1);
	say("munmap", munmap(p + 6 * PG, PG));
	say_touch("read of it", p + 6 * PG, 0);
	q = mremap(p + 16 * PG, 16 * PG, 48 * PG, MREMAP_MAYMOVE);
	printf("mremap: %d\n", q != MAP_FAILED);
	say("dontneed", madvise(p, PG, MADV_DONTNEED));
	printf("after dontneed: %d\n", p[0]);
	say("madvise bad", madvise(p, PG, 4711));
	say("mlock", mlock(p, 2 * PG));
	say("munlock", munlock(p, 2 * PG));
	say("msync", msync(p, 2 * PG, MS_SYNC));
	say("msync hole", msync(p + 6 * PG, PG, MS_SYNC));
	say("brk", (long)sbrk(100 * 4096) == -1 ? -1 : 0);
	say("munmap unaligned", munmap(p + 1, PG));
}

/* What lies before a hole is told. */
static void residents(void)
{
	unsigned char vec[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	char *p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[PG] = 1;
	munmap(p + 3 * PG, PG);
	say("mincore across a hole", mincore(p, 8 * PG, vec));
	for (int i = 0; i < 8; i++)
		printf(" %d", vec[i]);
	say("\nmincore from a hole", mincore(p + 3 * PG, 2 * PG, vec));
}

static void files(void)
{
	char name[] = "/tmp/quire-test-XXXXXX", buf[16];
	int fd = mkstemp(name);
	char *p, *q;

	unlink(name);
	if (ftruncate(fd, 8 * PG))
		exit(1);
	p = map(8, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	q = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	strcpy(p + 100, "shared");
	printf("private sees: %s\n", q + 100);
	strcpy(q + 100, "copied");
	if (pread(fd, buf, 7, 100) != 7)
		exit(1);
	printf("file has: %s, private: %s\n", buf, q + 100);
	if (pwrite(fd, "written", 8, 5 * PG) != 8)
		exit(1);
	printf("shared sees: %s\n", p + 5 * PG);
	say("msync", msync(p, 8 * PG, MS_SYNC));
	if (ftruncate(fd, 2 * PG))
		exit(1);
	say_touch("beyond the end", p + 4 * PG, 0);
	if (ftruncate(fd, 8 * PG))
		exit(1);
	printf("grown again: %d\n", touch(p + 4 * PG, 0));
	say("remove", madvise(p, PG, MADV_REMOVE));
	printf("after remove: %d\n", p[100]);
	p = mremap(p, 8 * PG, 16 * PG, MREMAP_MAYMOVE);
	printf("mremap beyond the end: %d\n", touch(p + 12 * PG, 0));
	if (ftruncate(fd, 16 * PG))
		exit(1);
	printf("after growing: %d\n", touch(p + 12 * PG, 1));
}

static void shared_removed(void)
{
	char *p = map(16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	int to[2], from[2], status;
	pid_t pid;
	char c;

	if (pipe(to) || pipe(from))
		exit(1);
	memset(p, 5, 16 * PG);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		c = p[3 * PG];
		if (write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(100);
		_exit(p[3 * PG]);
	}
	if (read(from[0], &c, 1) != 1)
		exit(1);
	say("remove of shared memory", madvise(p, 8 * PG, MADV_REMOVE));
	if (write(to[1], &c, 1) != 1)
		exit(1);
	waitpid(pid, &status, 0);
	printf("the other process had %d, has %d\n", c, WEXITSTATUS(status));
}

static void between_processes(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), buf[64] = "";
	struct iovec local = {buf, 20}, remote = {p + PG - 10, 20};
	int to[2], from[2], status;
	pid_t pid;
	char c = 0;

	if (pipe(to) || pipe(from))
		exit(1);
	strcpy(p + PG - 10, "parent's text");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		strcpy(p + PG - 10, "child's own text");
		if (write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(100);
		_exit(strcmp(p + PG - 10, "written from outside") ? 1 : 0);
	}
	if (read(from[0], &c, 1) != 1)
		exit(1);
	printf("process_vm_readv: %zd %s\n", process_vm_readv(pid, &local, 1, &remote, 1, 0), buf);
	strcpy(buf, "written from outside");
	local.iov_len = remote.iov_len = 21;
	printf("process_vm_writev: %zd\n", process_vm_writev(pid, &local, 1, &remote, 1, 0));
	remote.iov_base = NULL;
	printf("bad address: %zd\n", process_vm_writev(pid, &local, 1, &remote, 1, 0));
	printf("mine is still: %s\n", p + PG - 10);
	if (write(to[1], &c, 1) != 1)
		exit(1);
	waitpid(pid, &status, 0);
	printf("child says %d\n", WEXITSTATUS(status));
}

/* The other side's stack is not grown, the caller's own buffers may be in one that is. */
static void below_stacks(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE;
	char *p = mmap((void *)0x300000100000, PG, PROT_READ | PROT_WRITE, flags, -1, 0);
	struct iovec local = {p, 8}, remote = {p - PG, 8};

	printf("below a stack: read %zd", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	printf(", write %zd", process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	printf(", into a buffer %zd", process_vm_readv(getpid(), &remote, 1, &local, 1, 0));
	printf(", read again %zd\n", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static void sysv(void)
{
	int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600), status;
	char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
	struct shmid_ds ds;
	pid_t pid;

	printf("attached: %d %d\n", p != (void *)-1, q != (void *)-1);
	strcpy(p, "segment");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		strcpy(p + 4096, "from child");
		_exit(strcmp(q, "segment") != 0);
	}
	waitpid(pid, &status, 0);
	say("stat", shmctl(id, IPC_STAT, &ds));
	printf("%d %s nattch %lu size %zu mode %o\n", status, q + 4096,
	       (unsigned long)ds.shm_nattch, ds.shm_segsz, ds.shm_perm.mode);
	say("rmid", shmctl(id, IPC_RMID, NULL));
	say("stat", shmctl(id, IPC_STAT, &ds));
	printf("mode %o nattch %lu\n", ds.shm_perm.mode, (unsigned long)ds.shm_nattch);
	say("shmdt", shmdt(p));
	say("shmdt again", shmdt(p));
	printf("write to read-only: %d\n", touch(q, 1));
	say("shmdt", shmdt(q));
	say("stat of what is gone", shmctl(id, IPC_STAT, &ds));
	say("shmget without", shmget(0x4711beef, 100, 0));
	id = shmget(0x4711beef, 100, IPC_CREAT | IPC_EXCL | 0600);
	say("excl", shmget(0x4711beef, 100, IPC_CREAT | IPC_EXCL | 0600));
	say("too large", shmget(0x4711beef, 10000, 0));
	say("rmid", shmctl(id, IPC_RMID, NULL));
	say("size 0", shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
}

static void limits(void)
{
	struct rlimit r, old;
	char *p;

	getrlimit(RLIMIT_AS, &old);
	r = old;
	r.rlim_cur = 256 << 20;
	say("setrlimit", setrlimit(RLIMIT_AS, &r));
	p = mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("mmap beyond", p == MAP_FAILED ? -1 : 0);
	r.rlim_cur = 1;
	r.rlim_max = 0;
	say("cur > max", setrlimit(RLIMIT_STACK, &r));
	say("restore", setrlimit(RLIMIT_AS, &old));
	getrlimit(RLIMIT_STACK, &r);
	printf("stack %lu\n", (unsigned long)r.rlim_cur);
	say("no new limits", syscall(SYS_setrlimit, RLIMIT_AS, NULL));
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	anonymous();
	residents();
	files();
	shared_removed();
	between_processes();
	below_stacks();
	sysv();
	limits();
	return 0;
}
