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
	FAILS(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH), EBADF);
	FAILS(syscall(SYS_execveat, AT_FDCWD, "", NULL, NULL, AT_EMPTY_PATH), EACCES);
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

static size_t content(const char *path, char *buf, size_t most)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, most);

	CHECK(n > 0 && (size_t)n < most);
	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

#define GET_AUXV 0x41555856

/* The vector is the one that the program has got, whoever is asked. */
static void compare_vector(const unsigned long *v, size_t bytes)
{
	const unsigned long *got;
	char **end = environ;
	size_t n = 0;

	while (*end)
		end++;
	got = (const unsigned long *)(end + 1);
	while (got[2 * n] != AT_NULL)
		n++;
	CHECK(n > 10 && bytes >= (n + 1) * 2 * sizeof(*v));
	CHECK(!memcmp(v, got, (n + 1) * 2 * sizeof(*v)));
}

static void compare_environment(const char *text, size_t bytes)
{
	size_t at = 0;

	for (int i = 0; environ[i]; i++) {
		CHECK(at < bytes && !strcmp(text + at, environ[i]));
		at += strlen(environ[i]) + 1;
	}
	CHECK(at == bytes);
}

static int told(void)
{
	static unsigned long vector[512];
	static char text[1 << 20];
	long n;

	compare_vector(vector, content("/proc/self/auxv", (char *)vector, sizeof(vector)));
	memset(vector, 0, sizeof(vector));
	n = prctl(GET_AUXV, vector, sizeof(vector), 0, 0);
	CHECK(n > 0);
	compare_vector(vector, (size_t)n);
	compare_environment(text, content("/proc/self/environ", text, sizeof(text)));
	return failures != 0;
}

static void start_is_told(void)
{
	pid_t pid;
	int status;

	setenv("SELF_EXE", "some", 1);
	run("/proc/self/exe", -1, "-told");
	pid = fork();
	if (!pid) {
		execle("/proc/self/exe", "x", "-told", NULL, (char *[]){"ONLY=this", NULL});
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static int child(const char *what)
{
	if (!strcmp(what, "-told"))
		return told();
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
	RUN(start_is_told);
	CHECK(rmdir(dir) == 0);
	return failures != 0;
}
