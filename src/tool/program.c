/* SPDX-License-Identifier: MIT */
/*
 * program.c: commands that are programs of their own, and the way to them.
 *
 * The checker has the core a second time, on a port of its own; and `quire run` needs none of them:
 * they need not be built for it.  Each is told by TOOL_VARIABLE where this program is.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"
#include "tool/where.h"

#define OF_BUILD_TREE "build.ninja"

struct program {
	const char *command;
	const char *variable;   /* of the environment, which may name another */
	const char *in_build;   /* where it is, from the directory of this program */
	const char *in_install; /* .. or, installed, */
	const char *last_resort;
};

#define PROGRAM(name, variable)                                                                    \
	{                                                                                          \
		name, variable, "src/" name "/quire-" name, QUIRE_LIBEXEC_FROM_BIN "/quire-" name, \
		    QUIRE_LIBEXECDIR "/quire-" name                                                \
	}

static const struct program programs[] = {
    PROGRAM("bench", "QUIRE_BENCH"),
    PROGRAM("check", "QUIRE_CHECK"),
    PROGRAM("replay", "QUIRE_REPLAY"),
};

static const struct program *find_program(const char *command)
{
	const struct program *p = programs;

	while (strcmp(p->command, command))
		p++;
	return p;
}

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
static const char *path_of(const struct program *p)
{
	static char beside[PATH_MAX];
	const char *named = getenv(p->variable);

	if (named && *named)
		return named;
	if (beside_us(OF_BUILD_TREE, beside, sizeof(beside))) {
		if (beside_us(p->in_build, beside, sizeof(beside)))
			return beside;
		fprintf(stderr, "quire %s: %s is not built yet: `make` builds it\n", p->command,
			beside);
		return NULL;
	}
	if (beside_us(p->in_install, beside, sizeof(beside)))
		return beside;
	fprintf(stderr, "quire %s: there is none with this program: taking %s\n", p->command,
		p->last_resort);
	return p->last_resort;
}

static void tell_where_we_are(void)
{
	char us[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", us, sizeof(us) - 1);

	us[n > 0 ? n : 0] = 0;
	setenv(TOOL_VARIABLE, us, 1);
}

/* Returns only if it is not there. */
static int exec_program(const struct program *p, char **argv)
{
	const char *path = path_of(p);
	char name[32];

	if (!path)
		return STATUS_PROGRAM;
	tell_where_we_are();
	snprintf(name, sizeof(name), "quire %s", p->command);
	argv[0] = name;
	execv(path, argv);
	fprintf(stderr,
		"quire %s: cannot execute %s: %s\n"
		"It is built and installed together with quire; %s may name another.\n",
		p->command, path, strerror(errno), p->variable);
	return STATUS_PROGRAM;
}

int cmd_program(int argc, char **argv)
{
	(void)argc;
	return exec_program(find_program(argv[0]), argv);
}

/* The program's own; ends this one, which has nothing else to say. */
static void help_of(const char *command)
{
	static char help[] = "--help";
	char *argv[] = {NULL, help, NULL};

	fflush(stdout);
	exit(exec_program(find_program(command), argv));
}

void cmd_bench_help(void)
{
	help_of("bench");
}

void cmd_check_help(void)
{
	help_of("check");
}

void cmd_replay_help(void)
{
	help_of("replay");
}
