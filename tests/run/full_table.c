/* SPDX-License-Identifier: MIT */
/*
 * full_table.c: a process that has opened all the descriptors that it may forks, executes, maps
 * files and starts threads as ever, and none of its descriptors changes.
 */
#include "stub_test.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char script[] = "/tmp/full_table_XXXXXX";
static int passwd;

static int fill(void)
{
	int n = 0;

	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		n++;
	CHECK(errno == EMFILE);
	return n;
}

static void make_script(void)
{
	int fd = mkstemp(script);

	CHECK(write(fd, "#!/bin/sh\nexit 9\n", 17) == 17);
	CHECK(fchmod(fd, 0755) == 0);
	close(fd);
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static void forks(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(fork() ? 7 : 8);
		CHECK(status_of(pid) == 7 << 8);
	}
}

static pid_t vfork_exec(const char *path)
{
	pid_t pid = vfork();

	if (!pid) {
		execl(path, path, (char *)NULL);
		_exit(errno);
	}
	return pid;
}

static void executes(void)
{
	for (int i = 0; i < 3; i++) {
		CHECK(status_of(vfork_exec("/bin/true")) == 0);
		CHECK(status_of(vfork_exec(script)) == 9 << 8);
		CHECK(status_of(vfork_exec("/nonexistent")) == ENOENT << 8);
		CHECK(status_of(vfork_exec("/etc")) == EACCES << 8);
	}
}

static void fails_to_execute(void)
{
	for (int i = 0; i < 3; i++) {
		FAILS(execl("/etc/passwd", "x", (char *)NULL), EACCES);
		FAILS(execl("/nonexistent", "x", (char *)NULL), ENOENT);
	}
}

static void spawns(void)
{
	char *argv[] = {script, NULL};
	pid_t pid;

	CHECK(posix_spawn(&pid, script, NULL, NULL, argv, NULL) == 0);
	CHECK(status_of(pid) == 9 << 8);
}

static void maps(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, passwd, 0);

	CHECK(p != MAP_FAILED && p[0]);
	CHECK(munmap(p, 4096) == 0);
}

static void *thread(void *arg)
{
	executes();
	return arg;
}

static void in_a_thread(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
	pthread_join(t, NULL);
	executes();
}

/* What is closed is what is opened next, and no more. */
static void stays_full(void)
{
	int fds[2];

	FAILS(open("/dev/null", O_RDONLY), EMFILE);
	FAILS(pipe(fds), EMFILE);
	CHECK(close(passwd + 5) == 0);
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) == passwd + 5);
	FAILS(open("/dev/null", O_RDONLY), EMFILE);
}

static void all(void)
{
	RUN(forks);
	RUN(executes);
	RUN(fails_to_execute);
	RUN(spawns);
	RUN(maps);
	RUN(in_a_thread);
	RUN(stays_full);
}

static void limit(rlim_t soft, rlim_t hard)
{
	struct rlimit r = {soft, hard};

	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
}

int main(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	make_script();
	passwd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	limit(100, r.rlim_max);
	CHECK(fill() > 90);
	all();
	limit(10, r.rlim_max); /* fewer than there are */
	RUN(forks);
	limit(r.rlim_max < 3000 ? r.rlim_max : 3000, r.rlim_max);
	CHECK(fill() > 0);
	all();
	limit(50, 50);
	RUN(forks);
	RUN(fails_to_execute);
	unlink(script);
	return failures != 0;
}
