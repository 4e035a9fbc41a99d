/* SPDX-License-Identifier: MIT */
/*
 * run_main.h: `quire run` as the tool sees it.
 */
#ifndef RUN_RUN_MAIN_H
#define RUN_RUN_MAIN_H

#include "run/base/options.h"

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
