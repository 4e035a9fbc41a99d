/* SPDX-License-Identifier: MIT */
/*
 * options.h: what `quire run` is told on its command line.
 */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include "quire/quire.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_MAX_NODES 32           /* as many as the core knows */
#define RUN_NODE_UNIT (4ull << 20) /* what a node is a multiple of */

#define RUN_MAX_HUGETLBFS 8

/* A file system of huge pages that the programs see. */
struct run_hugetlbfs {
	const char *path;
	uint64_t page;           /* bytes */
	uint64_t size, min_size; /* bytes; UINT64_MAX, 0: not limited */
	unsigned mode;           /* of its first directory */
};

struct run_options {
	/* Bytes of the machine's RAM; 0: three quarters of what the host has available. */
	uint64_t ram_bytes;
	/* Nodes that RAM is divided into, and bytes of each, ram_bytes together; 0: one, and what
	 * tells of nodes is the host's.  The sizes are all 0: the same of each. */
	unsigned nodes;
	uint64_t node_bytes[RUN_MAX_NODES];
	/* Pages in the pools of huge pages, of 2 MiB and of 1 GiB, and how many more of 2 MiB may
	 * be made on demand. */
	uint64_t huge_pages[QUIRE_NR_HUGE], huge_overcommit;
	struct run_hugetlbfs hugetlbfs[RUN_MAX_HUGETLBFS];
	unsigned nr_hugetlbfs;
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

#endif
