/* SPDX-License-Identifier: MIT */
/*
 * reach_handler.c CASE: a user namespace has a binfmt_misc of its own.  A handler that takes the
 * stub's file for its format would be started by the host where it executes the stub, natively and
 * with the stub's descriptors.
 */
#include "reach.h"

#include <sys/wait.h>

static char dir[] = "/tmp/reach_XXXXXX";

/* Never the machine's own binfmt_misc.  False: not here. */
static bool own_handlers(void)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "0 %u 1", geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", getegid());
	CHECK(mkdtemp(dir) != NULL);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		printf("no user namespace: %s\n", strerror(errno));
		return false;
	}
	put_text("/proc/self/setgroups", "deny");
	put_text("/proc/self/uid_map", users);
	put_text("/proc/self/gid_map", groups);
	if (mount("none", dir, "binfmt_misc", 0, NULL)) {
		printf("no binfmt_misc of one's own: %s\n", strerror(errno));
		return false;
	}
	return !failures;
}

/* For programs that are not position-independent, of x86-64: the stub is one, /bin/true is not. */
static void add_handler(const char *flags)
{
	char name[64], text[100];

	snprintf(name, sizeof(name), "%s/register", dir);
	snprintf(text, sizeof(text), ":ours:M:16:\\x02\\x00\\x3e\\x00::/bin/true:%s", flags);
	put_text(name, text);
}

static void remove_handler(void)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/ours", dir);
	put_text(name, "-1");
}

#define SAID_SO 42

/* Neither the program nor the handler, which would end in another way. */
static void executes_nothing(void)
{
	pid_t pid = must_fork();
	int status;

	if (pid == 0) {
		execl("/bin/false", "false", NULL);
		_exit(errno == ENOEXEC ? SAID_SO : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == SAID_SO);
}

static void executes(void)
{
	pid_t pid = must_fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "/bin/true && exit 7", NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* F: opened when it is registered; O and C: with the file open, and by its credentials. */
static void taken(void)
{
	static const char *const flags[] = {"", "F", "OC", "P"};

	if (own_handlers()) {
		for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
			add_handler(flags[i]);
			executes_nothing();
			remove_handler();
			executes();
		}
	}
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

static const struct test_case cases[] = {
    {"taken", taken},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
	return argc == 2 ? reach(cases, argv[1]) : 2;
}
