/* SPDX-License-Identifier: MIT */
/*
 * output.h: a program whose standard output could not be written has failed, and says so.
 *
 * Included by the one file of each program that has its main().
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *program;
	int status;
} output_checked;

static void output_check(void)
{
	bool before = ferror(stdout);

	errno = 0;
	if (!fflush(stdout) && !before)
		return;
	fprintf(stderr, "%s: standard output: %s\n", output_checked.program,
		errno ? strerror(errno) : "could not be written");
	_exit(output_checked.status);
}

/* From now on: if what was printed has not all been written, the process ends with this status. */
static inline void output_check_at_exit(const char *program, int status)
{
	output_checked.program = program;
	output_checked.status = status;
	atexit(output_check);
}

#endif
