/* SPDX-License-Identifier: MIT */
/*
 * program.h: the program that `quire run` starts, found and opened.
 */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "run/wire/exec_resolve.h"

#include <limits.h>

struct program {
	struct exec_resolved files;
	char name[PATH_MAX]; /* what was found in PATH: the name that execve would be given */
	char path[PATH_MAX]; /* absolute, of the ELF file, as /proc/PID/exe has it */
	char comm[16];
	char **argv; /* with a script's interpreter in front; allocated */
};

/* Looks argv[0] up as execvp does, and checks the files.  0 or the errno that execve gives. */
int program_find(char **argv, struct program *out);
void program_free(struct program *p);

#endif
