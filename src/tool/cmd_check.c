// SPDX-License-Identifier: MIT
/*
 * cmd_check.c: `quire check`: the way to the program that does it.
 *
 * The checker has the core a second time, on a port of its own, and so is a program of its own.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

#define OF_BUILD_TREE "build.ninja"
#define IN_BUILD_TREE "src/check/quire-check"
#define IN_INSTALLED_TREE QUIRE_LIBEXEC_FROM_BIN "/quire-check"

/* Puts into path what has this name from the directory of the running program; is it there? */
static bool beside_us(const char *name, char *path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", path, len - 1);
	size_t dir;

	if (n <= 0)
		return false;
	path[n] = 0;
	dir = (size_t)(strrchr(path, '/') + 1 - path);
	if (dir + strlen(name) >= len)
		return false;
	strcpy(path + dir, name);
	return !access(path, F_OK);
}

/*
 * What the user names comes first, then what was built or installed together with this program:
 * one of another version would answer for another core.  NULL: there is none, which has been said.
 */
static const char *find_checker(void)
{
	static char beside[PATH_MAX];
	const char *named = getenv("QUIRE_CHECK");

	if (named && *named)
		return named;
	if (beside_us(OF_BUILD_TREE, beside, sizeof(beside))) {
		if (beside_us(IN_BUILD_TREE, beside, sizeof(beside)))
			return beside;
		fprintf(stderr, "quire check: %s is not built yet: `make` builds it\n", beside);
		return NULL;
	}
	if (beside_us(IN_INSTALLED_TREE, beside, sizeof(beside)))
		return beside;
	fprintf(stderr, "quire check: there is none with this program: taking " QUIRE_LIBEXECDIR
			"/quire-check\n");
	return QUIRE_LIBEXECDIR "/quire-check";
}

/* Returns only if it is not there. */
static int exec_checker(char **argv)
{
	static char name[] = "quire check";
	const char *path = find_checker();

	if (!path)
		return STATUS_CHECK;
	argv[0] = name;
	execv(path, argv);
	fprintf(stderr,
		"quire check: cannot execute %s: %s\n"
		"It is built and installed together with quire; QUIRE_CHECK may name another.\n",
		path, strerror(errno));
	return STATUS_CHECK;
}

int cmd_check(int argc, char **argv)
{
	(void)argc;
	return exec_checker(argv);
}

/* The checker's own; ends this program, which has nothing else to say. */
void cmd_check_help(void)
{
	static char help[] = "--help";
	char *argv[] = {NULL, help, NULL};

	fflush(stdout);
	exit(exec_checker(argv));
}
