/* SPDX-License-Identifier: MIT */
/*
 * report.h: what is told of a run.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include "quire/quire.h"

struct run;

/* What the report is made of at the end: run->procs and run->folded, and this. */
struct run_verdict {
	unsigned violations; /* quire_verify */
	struct quire_machine_stats machine;
	unsigned unreached; /* points of --fail that did not come */
	uint64_t wall_ns;
};

/* The report, after the last process died.  0 or -errno (said on stderr by itself). */
int report_write(struct run *run, const struct run_verdict *verdict);
/* The live line of --stat on stderr. */
void report_stat_line(struct run *run);

#endif
