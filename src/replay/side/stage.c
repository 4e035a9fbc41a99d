/* SPDX-License-Identifier: MIT */
/*
 * stage.c: executes the scripts that it is asked for.
 */
#include "replay/side/stage.h"
#include "replay/calls/actor.h"
#include "replay/lib/lib.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void reset(struct board *b)
{
	memset(b->vars, 0, sizeof(b->vars));
	memset(b->pids, 0, sizeof(b->pids));
	memset(b->segments, 0, sizeof(b->segments));
	b->vars[VAR_ARENA] = ARENA_START;
	b->vars[VAR_HUGE] = HUGE_START;
}

/* Quire is as on a processor without protection keys: memory that may only be executed can be read.
 * The host guards it by a key, as long as the process has one left. */
static void use_up_keys(void)
{
	while (syscall(SYS_pkey_alloc, 0, 0) >= 0)
		continue;
}

int stage_main(int argc, char **argv)
{
	void (*execute)(struct board * b);
	struct board *b;
	int commands, answers;
	char byte;

	if (argc != 4)
		return 2;
	execute = strcmp(argv[0], "library") ? actors_execute : library_execute;
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
	commands = atoi(argv[2]);
	answers = atoi(argv[3]);
	if (b == MAP_FAILED) {
		fprintf(stderr, "quire replay: the board: %s\n", strerror(errno));
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[0], "host"))
		use_up_keys();
	while (read(commands, &byte, 1) == 1) {
		reset(b);
		execute(b);
		if (write(answers, "", 1) != 1)
			return 1;
	}
	return 0;
}
