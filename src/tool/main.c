/* SPDX-License-Identifier: MIT */
/*
 * main.c: `quire COMMAND ...`: finds the command and calls it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "quire/quire.h"
#include "run/start/run_main.h"
#include "tool/output.h"
#include "tool/tool.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);
static void help_help(void);
static void version_help(void);

const struct command commands[] = {
    {"run", "run a program on Quire's memory and report what its memory did", cmd_run, cmd_run_help,
     true},
    {"check", "explore the interleavings of small scenarios over Quire's core", cmd_program,
     cmd_check_help, true},
    {"replay", "execute a script of memory operations on Quire and on the host, and compare",
     cmd_program, cmd_replay_help, true},
    {"bench", "measure each operation in the library and in the host kernel", cmd_program,
     cmd_bench_help, true},
    {"help", "this text, or `quire help COMMAND`", cmd_help, help_help, false},
    {"version", "print the version", cmd_version, version_help, false},
    {NULL, NULL, NULL, NULL, false},
};

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static void print_help(FILE *out)
{
	fputs("usage: quire COMMAND [ARGUMENT...]\n\n"
	      "Quire is Linux's virtual memory as a library, and a tool that runs programs on "
	      "it.\n\n",
	      out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-9s %s\n", c->name, c->summary);
	fputs("\nTry: quire run -- ls -l /usr\n", out);
}

static void help_help(void)
{
	puts("usage: quire help [COMMAND]");
}

static void version_help(void)
{
	puts("usage: quire version");
}

static int unknown(const char *name)
{
	fprintf(stderr, "quire: there is no command '%s'; `quire help` lists them\n", name);
	return STATUS_USAGE;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static bool is_version(const char *word)
{
	return !strcmp(word, "--version") || !strcmp(word, "-V");
}

/* Of a command that has no options of its own. */
static bool common_option(const struct command *c, int argc, char **argv)
{
	if (argc < 2)
		return false;
	if (is_help(argv[1]))
		c->help();
	else if (is_version(argv[1]))
		printf("quire %s\n", quire_version());
	else
		return false;
	return true;
}

static int unexpected(const char *word)
{
	fprintf(stderr, "quire: unexpected argument '%s'\n", word);
	return STATUS_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	const struct command *c;

	if (argc > 2)
		return unexpected(argv[2]);
	if (argc < 2) {
		print_help(stdout);
		return 0;
	}
	c = find_command(argv[1]);
	if (!c)
		return unknown(argv[1]);
	c->help();
	return 0;
}

static int cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return unexpected(argv[1]);
	printf("quire %s\n", quire_version());
	return 0;
}

/* The words that people try before they have read anything. */
static const char *alias(const char *word)
{
	if (is_help(word))
		return "help";
	return is_version(word) ? "version" : word;
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], WAKER_COMMAND))
		return waker_main(argc - 2, argv + 2);
	c = find_command(alias(argv[1]));
	if (!c)
		return unknown(argv[1]);
	output_check_at_exit("quire", c->main == cmd_run ? STATUS_RUN : STATUS_PROGRAM);
	if (!c->has_options && common_option(c, argc - 1, argv + 1))
		return 0;
	return c->main(argc - 1, argv + 1);
}
