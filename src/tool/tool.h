/* SPDX-License-Identifier: MIT */
/*
 * tool.h: the command line's commands.  Each gets argv with its own name at
 * argv[0] and returns the status that the process exits with.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>

struct command {
	const char *name;
	const char *summary; /* one line for `quire help` */
	int (*main)(int argc, char **argv);
	/* Prints the command's help on standard output. */
	void (*help)(void);
	bool has_options; /* and looks for -h and -V among them itself */
};

/* Ends with a NULL name. */
extern const struct command commands[];

/* Misuse of the tool itself.  `quire run` has STATUS_RUN instead:
 * there 2 could be the program's. */
#define STATUS_USAGE 2
/* `quire run` failed, not the program in it: as env(1) and timeout(1) have it. */
#define STATUS_RUN 125

/* The program of a command cannot be started: as quire-check(1) has it for what is
 * amiss outside. */
#define STATUS_PROGRAM 4

int cmd_run(int argc, char **argv);
void cmd_run_help(void);
/* The command in argv[0] is a program of its own (program.c). */
int cmd_program(int argc, char **argv);
void cmd_bench_help(void);
void cmd_check_help(void);
void cmd_replay_help(void);

#endif
