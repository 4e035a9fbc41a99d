/* SPDX-License-Identifier: MIT */
/*
 * self_exe.c: the program's own file, when it is moved and deleted while it runs; programs that are
 * executed by a descriptor; and what of the process stays as it was over fork and execve.
 */
#include "stub_test.h"

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static char dir[] = "/tmp/self_exe_XXXXXX";

/* "name, links, comm": as this process's and, through its number, another's. */
static void show(const char *what, pid_t pid)
{
	char link[32], name[256] = "", comm[16];
	struct stat st = {.st_nlink = 99};
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	CHECK(readlink(link, name, sizeof(name) - 1) > 0);
	CHECK(stat(link, &st) == 0);
	fd = open(link, O_RDONLY);
	CHECK(fd >= 0 && pread(fd, comm, 4, 0) == 4 && !memcmp(comm, "\177ELF", 4));
	close(fd);
	FAILS(open(link, O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
	prctl(PR_GET_NAME, comm);
	/* Kernels before 6.14 give who has no path another. */
	if (strstr(what, "descriptor") || strstr(what, "without"))
		comm[0] = 0;
	printf("%s: %s, comm %s\n", what, strrchr(name, '/') + 1, comm);
	fflush(stdout);
}

static void copy(int to)
{
	char buf[4096];
	int from = open("/proc/self/exe", O_RDONLY);
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		CHECK(write(to, buf, (size_t)n) == n);
	close(from);
	CHECK(fchmod(to, 0700) == 0);
}

static void run(const char *path, int fd, const char *what)
{
	char *argv[] = {"x", (char *)(uintptr_t)what, NULL};
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (path)
			execv(path, argv);
		else
			fexecve(fd, argv, environ);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void executed(void)
{
	int fd = open("one", O_CREAT | O_WRONLY, 0700), memfd;

	copy(fd);
	close(fd);
	run("./one", -1, "by its name");
	run("/proc/self/exe", -1, "by the link");
	fd = open("one", O_RDONLY | O_CLOEXEC);
	run(NULL, fd, "by a descriptor");
	CHECK(unlink("one") == 0);
	run(NULL, fd, "by a descriptor, deleted");
	close(fd);
	memfd = memfd_create("in-memory", MFD_CLOEXEC);
	copy(memfd);
	run(NULL, memfd, "without a name");
	close(memfd);
}

/* A copy of this program that takes itself away. */
static void moved(void)
{
	pid_t parent = getpid(), pid;
	int status;

	CHECK(rename("two", "three") == 0);
	show("moved", parent);
	CHECK(unlink("three") == 0);
	show("deleted", parent);
	pid = fork();
	if (!pid) {
		show("its child", getpid());
		show("its child's parent", parent);
		execl("/proc/self/exe", "x", "executed though deleted", NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void changes(void)
{
	int fd = open("two", O_CREAT | O_WRONLY, 0700);

	copy(fd);
	close(fd);
	run("./two", -1, "-moved");
}

/* The interpreter of a script must be able to open it. */
static void scripts(void)
{
	char *argv[] = {"x", NULL};
	int fd = open("script", O_CREAT | O_WRONLY, 0700), status;

	CHECK(write(fd, "#!/bin/sh\nexit 5\n", 17) == 17);
	close(fd);
	for (int cloexec = 0; cloexec < 2; cloexec++) {
		pid_t pid;

		fd = open("script", O_PATH | (cloexec ? O_CLOEXEC : 0));
		pid = fork();
		if (!pid) {
			syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
			_exit(errno == ENOENT ? 6 : 7);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == (cloexec ? 6 : 5) << 8);
		close(fd);
	}
	unlink("script");
}

static int no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static void *give_up(void *arg)
{
	int status;
	pid_t pid;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && no_new_privs() == 1);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "x", "-privs", NULL);
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 1 << 8);
	return arg;
}

static void privileges(void)
{
	pthread_t t;

	CHECK(no_new_privs() == 0);
	CHECK(pthread_create(&t, NULL, give_up, NULL) == 0);
	pthread_join(t, NULL);
	CHECK(no_new_privs() == 0);
	run("/proc/self/exe", -1, "-privs");
}

static int child(const char *what)
{
	if (!strcmp(what, "-privs"))
		return no_new_privs();
	if (!strcmp(what, "-moved"))
		moved();
	else
		show(what, getpid());
	return failures != 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child(argv[1]);
	CHECK(mkdtemp(dir) && chdir(dir) == 0);
	RUN(executed);
	RUN(changes);
	RUN(scripts);
	RUN(privileges);
	CHECK(rmdir(dir) == 0);
	return failures != 0;
}
