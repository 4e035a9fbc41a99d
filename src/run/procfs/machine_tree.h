/* SPDX-License-Identifier: MIT */
/*
 * machine_tree.h: the directory of files that tell of the run's machine in the place of files of
 * /sys and /proc/sys (machine_tree.c), and what makes these files.
 */
#ifndef RUN_PROCFS_MACHINE_TREE_H
#define RUN_PROCFS_MACHINE_TREE_H

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/request.h"

#include <stdio.h>

/* What a program writes to a file. */
struct machine_write {
	const char *text; /* its beginning, and a 0 behind it */
	size_t n;         /* of so many bytes .. */
	uint64_t all;     /* .. out of these: more than 0 */
	uint64_t at;      /* offset in the file */
};

struct machine_file {
	/* Writes down what it tells now; NULL: that never changes. */
	void (*tell)(FILE *f, struct run *run, const struct machine_file *file);
	/* Does what is written: how many bytes of it are taken, or -errno.  NULL: none. */
	int64_t (*take)(struct request *q, const struct machine_file *file,
			const struct machine_write *w);
	mode_t mode;
	unsigned node;        /* of which it tells; QUIRE_ALL_NODES: of none alone */
	enum quire_huge size; /* of which huge pages */
	unsigned what;        /* its maker's */
	uint64_t ino;         /* set by machine_file() */
	int fd;               /* of a file with tell */
};

int machine_tree_create(struct run *run);
void machine_tree_destroy(struct run *run);
/* The directory is there: 0, or -errno. */
int machine_tree_make(struct run *run);
/* A guest has opened this file: it tells how things are now.  0 or -errno; RUN_NATIVE: there is no
 * such file. */
int64_t machine_tree_opened(struct run *run, uint64_t ino, bool to_write);
/* .. and has written to it: the call's result, or RUN_NATIVE. */
int64_t machine_tree_written(struct request *q, uint64_t ino, const struct machine_write *w);

/* ---- for those that make files: names are below the directory.  0 or -errno. */
__attribute__((format(printf, 2, 3))) int machine_mkdir(struct run *run, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) int machine_link(struct run *run, const char *to,
						       const char *fmt, ...);
/* One that always tells that. */
__attribute__((format(printf, 3, 4))) int machine_constant(struct run *run, const char *text,
							   const char *fmt, ...);
__attribute__((format(printf, 3, 4))) int
machine_file(struct run *run, const struct machine_file *file, const char *fmt, ...);
/* machine_nodes.c, with --nodes; machine_huge.c. */
int machine_nodes_make(struct run *run);
int machine_huge_make(struct run *run);
/* machine_node_text.c */
enum machine_node_what { NODE_MEMINFO, NODE_NUMASTAT, NODE_VMSTAT, NODE_WEIGHT };
void machine_node_text(FILE *f, struct run *run, const struct machine_file *file);

#endif
