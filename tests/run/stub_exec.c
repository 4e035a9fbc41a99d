/* SPDX-License-Identifier: MIT */
/* stub_exec.c: execve: what it refuses, what it follows, and what it hands on. */
#include "stub_test.h"

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

extern char **environ;
static char self[4096], dir[] = "/tmp/stub_exec_XXXXXX";

static char *in_dir(const char *name)
{
	static char path[8][4200];
	static int n;

	n = (n + 1) % 8;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static char *make(const char *name, const char *text, mode_t mode)
{
	char *path = in_dir(name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	fchmod(fd, mode);
	close(fd);
	return path;
}

/* Runs it in a child: its standard output, or the errno. */
static int output(const char *path, char *const argv[], char *const envp[], char *out, size_t len)
{
	int p[2], status;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	if (pipe(p))
		abort();
	pid = fork();
	if (!pid) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execve(path, argv, envp);
		_exit(100 + errno);
	}
	close(p[1]);
	while ((k = read(p[0], out + n, len - 1 - n)) > 0)
		n += (size_t)k;
	out[n] = 0;
	close(p[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int try_exec(const char *path)
{
	char *argv[] = {(char *)"x", NULL}, out[8192];

	return output(path, argv, environ, out, sizeof(out));
}

static void refusals(void)
{
	char longname[5000];

	memset(longname, 'x', sizeof(longname));
	longname[4999] = 0;
	CHECK(try_exec("/nonexistent") == 100 + ENOENT);
	CHECK(try_exec("") == 100 + ENOENT);
	CHECK(try_exec("/etc/passwd/x") == 100 + ENOTDIR);
	CHECK(try_exec("/etc/passwd") == 100 + EACCES);
	CHECK(try_exec("/tmp") == 100 + EACCES);
	CHECK(try_exec(longname) == 100 + ENAMETOOLONG);
	CHECK(try_exec(make("empty", "", 0755)) == 100 + ENOEXEC);
	CHECK(try_exec(make("text", "hello\n", 0755)) == 100 + ENOEXEC);
	CHECK(try_exec(make("short", "\177ELF", 0755)) == 100 + ENOEXEC);
	CHECK(try_exec(make("bad", "#!\n", 0755)) == 100 + ENOEXEC);
	CHECK(try_exec(make("blank", "#!  \t \n", 0755)) == 100 + ENOEXEC);
	CHECK(try_exec(make("lost", "#!/nonexistent/x y\n", 0755)) == 100 + ENOENT);
	CHECK(try_exec(make("noexec", "#!/bin/sh\n", 0644)) == 100 + EACCES);
	CHECK(try_exec(make("toplain", "#!/etc/passwd\n", 0755)) == 100 + EACCES);
}

/* Prints its arguments, each on a line. */
static void show_args(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("<%s>", argv[i]);
	printf("\n");
}

static void script(const char *line, const char *name)
{
	char text[8192], out[8192], *argv[] = {(char *)"zero", (char *)"one", NULL};
	int r;

	snprintf(text, sizeof(text), line, self);
	r = output(make(name, text, 0755), argv, environ, out, sizeof(out));
	for (char *p; (p = strstr(out, dir));)
		memset(p, 'D', strlen(dir));
	for (char *p; (p = strstr(out, self));)
		memmove(p, p + strlen(self), strlen(p + strlen(self)) + 1);
	printf("%s: %d %s%s", name, r, out, out[0] ? "" : "\n");
	fflush(stdout);
}

static void scripts(void)
{
	char deep[64], text[8192];
	size_t n;

	script("#!%s --args\nrest\n", "arg");
	script("#! \t%s \t --args  two words \t\n", "blanks");
	script("#!%s --args", "no_newline");
	/* A name that is cut off after 256 bytes; an argument that is. */
	n = (size_t)snprintf(text, sizeof(text), "#!%s", self);
	memset(text + n, '/', 300);
	strcpy(text + n + 300, "\n");
	script(text, "long_name");
	n = (size_t)snprintf(text, sizeof(text), "#!%s --args", self);
	memset(text + n, 'y', 300);
	strcpy(text + n + 300, "\n");
	script(text, "long_arg");
	snprintf(text, sizeof(text), "#!%s --args\n", self);
	make("deep0", text, 0755);
	for (int i = 1; i <= 6; i++) {
		snprintf(text, sizeof(text), "#!%s/deep%d\n", dir, i - 1);
		snprintf(deep, sizeof(deep), "deep%d", i);
		script(text, deep);
	}
}

static void big_arguments(void)
{
	static char big[131072], *argv[30], out[8192];

	memset(big, 'b', sizeof(big) - 1);
	for (int i = 0; i < 10; i++)
		argv[i] = big;
	argv[1] = (char *)"--count";
	CHECK(output(self, argv, environ, out, sizeof(out)) == 0);
	printf("%s", out);
	for (int i = 0; i < 29; i++)
		argv[i] = big;
	CHECK(output(self, argv, environ, out, sizeof(out)) == 100 + E2BIG);
	static char bigger[131073];

	memset(bigger, 'c', sizeof(bigger) - 1);
	argv[0] = bigger;
	argv[1] = NULL;
	CHECK(output(self, argv, environ, out, sizeof(out)) == 100 + E2BIG);
	CHECK(output(self, (char *[]){NULL}, environ, out, sizeof(out)) >= 0);
}

/* The child looks at what it got. */
static void inspect(void)
{
	struct sigaction sa;
	sigset_t set;
	char name[32] = "";
	FILE *f = fopen("/proc/self/comm", "r");

	sigprocmask(SIG_BLOCK, NULL, &set);
	printf("mask");
	for (int i = 1; i < 64; i++) {
		if (sigismember(&set, i) == 1)
			printf(" %d", i);
	}
	printf("; ignored");
	for (int i = 1; i < 32; i++) {
		if (sigaction(i, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			printf(" %d", i);
		if (sa.sa_handler != SIG_IGN && sa.sa_handler != SIG_DFL)
			printf(" HANDLER %d", i);
	}
	if (!fgets(name, sizeof(name), f))
		abort();
	printf("; descriptors");
	for (int i = 3; i < 64; i++) {
		if (i != fileno(f) && fcntl(i, F_GETFD) >= 0)
			printf(" %d", i);
	}
	fclose(f);
	printf("; comm %s", name);
	printf("env %s, last %s\n", getenv("STUB_TEST") ? getenv("STUB_TEST") : "none",
	       environ[0] ? "some" : "empty");
	printf("execfn %s\n", (char *)getauxval(AT_EXECFN));
	printf("pagesz %lu clktck %lu secure %lu vdso %d random %d platform %s\n",
	       getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE),
	       getauxval(AT_SYSINFO_EHDR) != 0, getauxval(AT_RANDOM) != 0,
	       (char *)getauxval(AT_PLATFORM));
}

static void ignore(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
}

static void handed_on(void)
{
	char *argv[] = {(char *)"name", (char *)"--inspect", NULL},
	     *envp[] = {(char *)"STUB_TEST=set", NULL};
	char out[8192];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGSEGV);
	sigaddset(&set, SIGRTMIN + 5);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGBUS, SIG_IGN);
	catch_with(SIGUSR2, ignore, 0, 0);
	catch_with(SIGSYS, ignore, 0, 0);
	CHECK(open("/dev/null", O_RDONLY) == 3);
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) == 4);
	CHECK(output(self, argv, envp, out, sizeof(out)) == 0);
	for (char *p; (p = strstr(out, self));)
		memmove(p, p + strlen(self), strlen(p + strlen(self)) + 1);
	printf("%s", out);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	close(3);
	close(4);
}

static void at_variants(void)
{
	int d = open(dir, O_RDONLY | O_DIRECTORY), f = open(self, O_RDONLY | O_CLOEXEC), status;
	char *argv[] = {(char *)"x", (char *)"--exit5", NULL};
	pid_t pid;

	CHECK(symlink(self, in_dir("link")) == 0);
	fflush(stdout);
	for (int i = 0; i < 4; i++) {
		pid = fork();
		if (!pid) {
			errno = 0;
			if (i == 0)
				syscall(SYS_execveat, d, "link", argv, environ, 0);
			else if (i == 1)
				syscall(SYS_execveat, f, "", argv, environ, AT_EMPTY_PATH);
			else if (i == 2)
				syscall(SYS_execveat, d, "link", argv, environ,
					AT_SYMLINK_NOFOLLOW);
			else
				syscall(SYS_execveat, d, "link", argv, environ, 0x40000000);
			_exit(100 + errno);
		}
		waitpid(pid, &status, 0);
		printf("execveat %d: %d\n", i, WEXITSTATUS(status));
		fflush(stdout);
	}
	close(d);
	close(f);
}

/* A failed execve leaves everything as it was. */
static void failing(void)
{
	int before = open("/dev/null", O_RDONLY);

	close(before);
	for (int i = 0; i < 50; i++) {
		FAILS(execl(in_dir("text"), "x", (char *)NULL), ENOEXEC);
		FAILS(execl("/nonexistent", "x", (char *)NULL), ENOENT);
	}
	CHECK(open("/dev/null", O_RDONLY) == before);
	close(before);
	raise(SIGUSR2);
	CHECK(try_exec("/bin/true") == 0);
}

static void self_link(void)
{
	char path[4096], *argv[] = {(char *)"x", (char *)"--exit5", NULL}, out[100];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct stat a, b;

	path[n > 0 ? n : 0] = 0;
	CHECK(strcmp(path, self) == 0);
	CHECK(stat("/proc/self/exe", &a) == 0 && stat(self, &b) == 0 && a.st_ino == b.st_ino);
	CHECK(output("/proc/self/exe", argv, environ, out, sizeof(out)) == 5);
}

static volatile bool failed_enough;

static void *fault_on(void *arg)
{
	volatile char *page = anon(4096);

	(void)arg;
	while (!failed_enough) {
		*page = 1;
		madvise((void *)page, 4096, MADV_DONTNEED);
	}
	munmap((void *)page, 4096);
	return NULL;
}

/* An execve that the host refuses at last: ignored signals must not reach the other thread. */
static void failing_ignoring(void)
{
	static char *argv[64], big[100000];
	pthread_t thread;
	pid_t pid = fork();
	int status;

	if (!pid) {
		memset(big, 'x', sizeof(big) - 1);
		for (int i = 0; i < 63; i++)
			argv[i] = big;
		signal(SIGSEGV, SIG_IGN);
		pthread_create(&thread, NULL, fault_on, NULL);
		for (int i = 0; i < 200; i++) {
			if (execve("/bin/true", argv, environ) != -1 || errno != E2BIG)
				_exit(1);
		}
		failed_enough = true;
		pthread_join(thread, NULL);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* By a number that is another file's in the process's first thread. */
static void *executes_its_own(void *arg)
{
	char *argv[] = {"true", NULL};
	int fd;

	(void)arg;
	if (unshare(CLONE_FILES) || close(0))
		_exit(1);
	fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(2);
}

static void table_of_a_thread(void)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pthread_t thread;

		pthread_create(&thread, NULL, executes_its_own, NULL);
		pthread_join(thread, NULL);
		_exit(3);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strncmp(argv[1], "--args", 6) == 0) {
		show_args(argc, argv);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--count")) {
		printf("%d arguments, the last %zu long\n", argc, strlen(argv[argc - 1]));
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--inspect")) {
		inspect();
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--exit5"))
		return 5;
	if (argc != 1 || !argv[0][0])
		return 0;
	if (!realpath(argv[0], self) || !mkdtemp(dir))
		return 2;
	RUN(refusals);
	RUN(scripts);
	RUN(big_arguments);
	RUN(handed_on);
	RUN(at_variants);
	RUN(table_of_a_thread);
	RUN(failing);
	RUN(failing_ignoring);
	RUN(self_link);
	if (system("rm -rf /tmp/stub_exec_??????"))
		return 3;
	return failures != 0;
}
