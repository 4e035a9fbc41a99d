/* SPDX-License-Identifier: MIT */
/*
 * proc_fds.c: /proc/PID/fd and its kin list the descriptors that are open, and no others.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "must_fork.h"
#include "stub_test.h"

#define NR 2048 /* numbers that are looked at */

/* Numbers in a list that is read `bytes` at a time, by the old call or the new one. */
static int read_list(const char *path, bool *listed, long nr, size_t bytes)
{
	unsigned name_at = nr == SYS_getdents64 ? 19 : 18;
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	char buf[8192];
	long n;

	memset(listed, 0, NR);
	CHECK(fd >= 0);
	while ((n = syscall(nr, fd, buf, bytes)) > 0) {
		for (long at = 0; at < n; at += *(unsigned short *)(void *)(buf + at + 16)) {
			unsigned long i = strtoul(buf + at + name_at, NULL, 10);

			if (buf[at + name_at] != '.' && i < NR)
				listed[i] = true;
		}
	}
	CHECK(n == 0);
	close(fd);
	return fd;
}

/* The directory's own descriptor is open only while the list is read. */
static void check_list(const char *path, long nr, size_t bytes)
{
	bool listed[NR];
	int own = read_list(path, listed, nr, bytes);

	for (int i = 0; i < NR; i++) {
		if (i != own && listed[i] != (fcntl(i, F_GETFD) >= 0))
			printf("%s, %zu bytes: descriptor %d\n", path, bytes, i), failures++;
	}
}

static void both_calls(void)
{
	CHECK(dup2(0, 200) == 200);
	dup2(0, 990); /* the limit may be lower */
	dup2(0, 1500);
	for (size_t bytes = 24; bytes <= 8192; bytes = bytes < 64 ? bytes + 8 : 2 * bytes) {
		check_list("/proc/self/fd", SYS_getdents64, bytes);
		check_list("/proc/self/fdinfo", SYS_getdents64, bytes);
		check_list("/proc/thread-self/fd", SYS_getdents, bytes);
	}
}

static void of_a_child(void)
{
	char path[40];
	pid_t pid = must_fork();
	int status;

	if (!pid) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	check_list(path, SYS_getdents64, 4096);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd", (int)pid, (int)pid);
	check_list(path, SYS_getdents64, 4096);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
}

/* What is in no list has no name either. */
static void names(void)
{
	static const char *const lists[] = {"/proc/self/fd/", "/proc/thread-self/fd/",
					    "/proc/self/fdinfo/", "/dev/fd/"};
	char path[64], to[64];
	struct stat st;

	for (unsigned i = 0; i < NR * 4; i++) {
		if (fcntl((int)i / 4, F_GETFD) >= 0)
			continue;
		snprintf(path, sizeof(path), "%s%u", lists[i % 4], i / 4);
		FAILS(open(path, O_RDONLY), ENOENT);
		FAILS(readlink(path, to, sizeof(to)), ENOENT);
		FAILS(stat(path, &st), ENOENT);
		FAILS(lstat(path, &st), ENOENT);
	}
}

static void errors(void)
{
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY),
	    other = open("/proc/self", O_RDONLY);
	char buf[64];

	FAILS(syscall(SYS_getdents64, fd, (void *)8, 4096l), EFAULT);
	FAILS(syscall(SYS_getdents64, fd, buf, 8l), EINVAL);
	CHECK(syscall(SYS_getdents64, fd, buf, 64l) > 0);
	CHECK(syscall(SYS_getdents64, other, buf, 64l) > 0);
	FAILS(syscall(SYS_getdents64, 0, buf, 64l), ENOTDIR);
	close(fd);
	FAILS(syscall(SYS_getdents64, fd, buf, 64l), EBADF);
	close(other);
}

/* ---- texts that are read again --------------------------------------------------- */

static long vm_size(int fd)
{
	static char text[8192];
	char *line;
	long n;

	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	line = strstr(text, "VmSize:");
	CHECK(line);
	return line ? atol(line + 7) : 0;
}

/* The same number is another text's in this thread's own table. */
static void *opens_another(void *arg)
{
	int number = *(int *)arg;

	CHECK(unshare(CLONE_FILES) == 0 && close(number) == 0);
	CHECK(open("/proc/self/maps", O_RDONLY) == number);
	return NULL;
}

static void texts_of_threads(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	pthread_t thread;
	long before;

	CHECK(!pthread_create(&thread, NULL, opens_another, &fd));
	pthread_join(thread, NULL);
	before = vm_size(fd);
	CHECK(anon(64 << 20) != MAP_FAILED);
	CHECK(vm_size(fd) - before == 64 << 10);
	close(fd);
}

int main(void)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, 0);
	if (null)
		close(null);
	RUN(both_calls);
	RUN(of_a_child);
	RUN(names);
	RUN(errors);
	RUN(texts_of_threads);
	return failures != 0;
}
