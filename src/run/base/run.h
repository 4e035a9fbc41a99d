/* SPDX-License-Identifier: MIT */
/*
 * run.h: `quire run` as the tool sees it.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct run_options {
	/* Bytes of the machine's RAM; 0: three quarters of what the host has available. */
	uint64_t ram_bytes;
	/* No report on stderr at the end. */
	bool quiet;
	/* Where the report goes; NULL: stderr, "-": stdout.  JSON if the name ends in .json,
	 * however it is written. */
	const char *report;
	/* The same, opened, unless it is a regular file, which is opened when it is written. */
	int report_fd;
	/* Allocation points to fail, ascending. */
	const uint64_t *fail_points;
	unsigned nr_fail_points;
	/* Seconds between live lines on stderr; 0: none. */
	double stat_seconds;
	/* Program and arguments, NULL-terminated; argv[0] is looked for in PATH as execvp does. */
	char **argv;
};

/* Exit statuses of quire run that are not the guest's. */
enum {
	RUN_EXIT_VERIFY =
	    125, /* accounting was not conserved; also: the supervisor could not start */
	RUN_EXIT_NOEXEC = 126,   /* found, but it cannot be executed */
	RUN_EXIT_NOTFOUND = 127, /* no such program */
};

/*
 * Runs the program to its end, and every process it made, and writes the report.
 * Returns the guest's exit status; a guest that died by a signal makes this process die by it too.
 */
int run_main(const struct run_options *opts);

/* What `quire run` starts quire as when it stops itself (waker.c); argv: its number, and whose. */
#define WAKER_COMMAND "run-waker"
int waker_main(int argc, char **argv);

#endif
