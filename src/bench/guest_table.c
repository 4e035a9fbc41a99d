/* SPDX-License-Identifier: MIT */
/*
 * guest_table.c: runs the program that is measured natively and under `quire run`, in pairs.
 */
#include "bench/guest.h"
#include "bench/measure.h"
#include "tool/where.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PAIRS 101

static void exec_guest(unsigned row, bool under_run, int out)
{
	static char run[] = "run", quiet[] = "--quiet", dashes[] = "--", command[] = GUEST_COMMAND;
	char exe[4096], number[16];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *guest[] = {tool_name(), run, quiet, dashes, exe, command, number, NULL};
	char **argv = under_run ? guest : guest + 4;

	exe[len > 0 ? len : 0] = 0;
	snprintf(number, sizeof(number), "%u", row);
	dup2(out, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/* ns; ends the program if the guest fails. */
static double measure(unsigned row, bool under_run)
{
	char text[64] = "";
	int fd[2], status = 0;
	pid_t pid;

	bench_must(!pipe(fd), guest_rows[row].name, "a pipe");
	pid = fork();
	bench_must(pid >= 0, guest_rows[row].name, "fork");
	if (!pid)
		exec_guest(row, under_run, fd[1]);
	close(fd[1]);
	if (read(fd[0], text, sizeof(text) - 1) < 0)
		*text = 0;
	close(fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	bench_must(!status && *text, guest_rows[row].name,
		   under_run ? "under quire run" : "natively");
	return strtod(text, NULL);
}

static void measure_pairs(unsigned row, unsigned pairs)
{
	const struct guest_row *g = &guest_rows[row];
	double native[MAX_PAIRS], guest[MAX_PAIRS], ratio[MAX_PAIRS];
	struct spread n, q, r;
	char within[32];

	for (unsigned i = 0; i < pairs; i++) {
		if (i % 2)
			guest[i] = measure(row, true);
		native[i] = measure(row, false);
		if (i % 2 == 0)
			guest[i] = measure(row, true);
		ratio[i] = guest[i] / native[i];
	}
	n = spread_of(native, pairs);
	q = spread_of(guest, pairs);
	r = spread_of(ratio, pairs);
	snprintf(within, sizeof(within), "%.2f..%.2f", r.low, r.high);
	printf("%-32s%9.0f ns%9.0f ns%8.2f%14s%8.1f%s\n", g->name, n.median, q.median, r.median,
	       within, g->aim, r.median > g->aim ? "  above its aim" : "");
	fflush(stdout);
}

int guest_table(const char *only, unsigned pairs)
{
	printf("%-32s%12s%12s%8s%14s%8s\n", "operation", "native", "quire run", "ratio",
	       "half within", "aim");
	for (unsigned i = 0; i < nr_guest_rows; i++)
		if (!only || strstr(guest_rows[i].name, only))
			measure_pairs(i, pairs < MAX_PAIRS ? pairs : MAX_PAIRS);
	return 0;
}
