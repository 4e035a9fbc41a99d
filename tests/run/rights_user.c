/* SPDX-License-Identifier: MIT */
/*
 * rights_user.c: what a process may do follows who it is now: limits of locking, low addresses,
 * another process's memory, limits and texts, as root and after each way of becoming less.
 *
 * Natively and under quire run the output is the same.  Only root can become less: anybody else
 * compares what he may do himself.
 */
#include "rights.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <pthread.h>

#define PG 4096ul
#define USER 1000

static pid_t other; /* as it was started: root, where we are */
static char there[64] = "what the other has";

static void *fresh(size_t len, int flags)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void locking(void)
{
	struct rlimit r = {16 * PG, 16 * PG};
	char *p = fresh(64 * PG, 0);

	SAY("limit of locking", setrlimit(RLIMIT_MEMLOCK, &r));
	SAY("mlock below it", mlock(p, 8 * PG));
	SAY("mlock beyond it", mlock(p, 64 * PG));
	SAY("MAP_LOCKED beyond it", fresh(32 * PG, MAP_LOCKED));
	SAY("mlockall", mlockall(MCL_CURRENT));
	munlockall();
	r.rlim_cur = 0;
	SAY("no locking at all", setrlimit(RLIMIT_MEMLOCK, &r));
	SAY("mlock of a page", mlock(p, PG));
	SAY("MAP_LOCKED of a page", fresh(PG, MAP_LOCKED));
	r.rlim_max = 128 * PG;
	SAY("raising the hard limit", setrlimit(RLIMIT_MEMLOCK, &r));
}

static void low_addresses(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, rw = PROT_READ | PROT_WRITE;
	char *p = fresh(PG, 0);
	volatile char *null = (volatile char *)(uintptr_t)0;
	long at;

	__asm__("" : "+r"(null)); /* a real access */
	at = syscall(SYS_mmap, 0, PG, rw, flags, -1, 0);
	say("mmap at 0", at);
	if (at == 0) {
		*null = 7;
		printf("  stored there: %d\n", *null);
		munmap((void *)(uintptr_t)null, PG);
	}
	SAY("mremap to 0", syscall(SYS_mremap, p, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, 0));
	munmap((void *)(uintptr_t)null, PG);
}

static void open_text(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)other, name);
	fd = open(path, O_RDONLY);
	say(path + strcspn(path, "m" /* of /proc/N/m.. */), fd);
	close(fd);
}

/* Fields of /proc/PID/stat that tell addresses: shown, or what stands in their place. */
static void stat_addresses(void)
{
	char path[64], text[2048], *p;
	unsigned long code = 0, stack = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)other);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	for (int field = 2; p && field < 28; field++) {
		p = strchr(p + 1, ' ');
		if (p && field == 25)
			code = strtoul(p, NULL, 10);
		if (p && field == 27)
			stack = strtoul(p, NULL, 10);
	}
	printf("  stat: code %lu, stack %lu\n", code > 1 ? 2 : code, stack ? 1ul : 0);
}

static void the_other(void)
{
	static char here[64];
	struct iovec l = {here, sizeof(here)}, r = {there, sizeof(there)};
	unsigned long node = 1;
	struct rlimit lim = {0};

	SAY("process_vm_readv", process_vm_readv(other, &l, 1, &r, 1, 0));
	SAY("process_vm_writev", process_vm_writev(other, &l, 1, &r, 1, 0));
	SAY("move_pages", syscall(SYS_move_pages, other, 0, NULL, NULL, NULL, 0));
	SAY("move_pages of all", syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 4));
	SAY("migrate_pages", syscall(SYS_migrate_pages, other, 64, &node, &node));
	SAY("its limit", syscall(SYS_prlimit64, other, RLIMIT_AS, NULL, &lim));
	SAY("its limit set", syscall(SYS_prlimit64, other, RLIMIT_AS, &lim, NULL));
	open_text("maps");
	open_text("mem");
	stat_addresses();
}

/* Frame numbers are for CAP_SYS_ADMIN. */
static void frames(void)
{
	char *p = fresh(PG, 0);
	uint64_t e = 0;
	int fd;

	*p = 1;
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd >= 0 && pread(fd, &e, sizeof(e), (off_t)((uintptr_t)p / PG * 8)) != sizeof(e))
		e = 0;
	printf("  pagemap: %s, frame %s\n", fd >= 0 ? "open" : "not open",
	       e & ((1ull << 55) - 1) ? "shown" : "not shown");
	close(fd);
}

static void become(int how)
{
	switch (how) {
	case 1:
		setgroups(0, NULL);
		if (setgid(USER) || setuid(USER))
			_exit(2);
		break;
	case 2:
		if (seteuid(USER))
			_exit(2);
		break;
	case 3:
		no_capabilities();
		break;
	case 4:
		if (setresuid(USER, USER, 0))
			_exit(2);
		break;
	case 5:
		prctl(PR_SET_KEEPCAPS, 1);
		if (setuid(USER))
			_exit(2);
		break;
	default:
		break;
	}
}

static void ask(int how)
{
	(void)how;
	locking();
	low_addresses();
	the_other();
	frames();
}

/* Root, or who it was, and somebody else. */
static void another_user(void)
{
	static char here[64];
	struct iovec l = {here, sizeof(here)}, r = {there, sizeof(there)};
	pid_t pid;
	int said[2];
	char c;

	fflush(stdout);
	if (pipe(said))
		_exit(2);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(USER) || setuid(USER) ||
		    write(said[1], "x", 1) != 1)
			_exit(2);
		for (;;)
			pause();
	}
	if (read(said[0], &c, 1) != 1)
		_exit(2);
	SAY("another user's memory", process_vm_readv(pid, &l, 1, &r, 1, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Credentials are a thread's: what another has given up does not count for this one. */
static void *lesser_thread(void *arg)
{
	char *p = arg;

	if (syscall(SYS_setresuid, USER, USER, USER))
		return NULL;
	SAY("a thread that is less", mlock(p, 64 * PG));
	return NULL;
}

static void threads(void)
{
	struct rlimit r = {PG, PG};
	char *p = fresh(64 * PG, 0);
	pthread_t t;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_MEMLOCK, &r);
		pthread_create(&t, NULL, lesser_thread, p);
		pthread_join(t, NULL);
		SAY("the one that is not", mlock(p, 64 * PG));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	other = fork();
	if (!other) {
		for (;;)
			pause();
	}
	as("as we are", become, 0, ask);
	if (!geteuid()) {
		as("setuid", become, 1, ask);
		as("seteuid", become, 2, ask);
		as("capset", become, 3, ask);
		as("setresuid with root kept", become, 4, ask);
		as("setuid with capabilities kept", become, 5, ask);
		threads();
		another_user();
	} else {
		printf("not root: cannot become less\n");
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}
