/* SPDX-License-Identifier: MIT */
/*
 * proc_text.h: what the writers of /proc texts share: a buffered writer and the
 * list of an address space's mappings as /proc shows it.
 */
#ifndef RUN_PROC_TEXT_H
#define RUN_PROC_TEXT_H

#include "run/base/run.h"
#include "run/guest/proc.h"
#include "run/procfs/procfs.h"

#include <stdarg.h>
#include <stddef.h>

/* ---- proc_text_buf.c: text that goes to a descriptor.  The first error sticks. */
struct text {
	int fd;
	int err; /* 0 or -errno */
	size_t len;
	char buf[16384];
};

void text_init(struct text *t, int fd);
void text_bytes(struct text *t, const char *s, size_t len);
void text_str(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Like text_str, but each byte of `escape` as a backslash and three octal digits. */
void text_escaped(struct text *t, const char *s, const char *escape);
/* Writes out what is buffered.  0 or the first error. */
int text_finish(struct text *t);

/* ---- proc_text_vma.c: one mapping as maps shows it. */
struct map_line {
	uint64_t start, end, offset, dev, ino;
	int prot;
	bool shared;
	/* The vdso and its kin: not of the core; flags are given as text. */
	const char *special_flags;
	uint64_t vm_flags, policy, page_size;
	bool has_file;
	char name[4200];
};

/* The first mapping that ends above addr, vdso and vsyscall included.  False: none is left. */
bool map_next(struct space *space, uint64_t addr, struct map_line *out);
/* The same without what is no mapping of the process (vsyscall). */
bool map_next_own(struct space *space, uint64_t addr, struct map_line *out);
/* The line of maps, which also heads each entry of smaps. */
void map_print(struct text *t, const struct map_line *m);

/* ---- the texts, one function each; ->err tells of failure. */
void proc_text_maps(struct text *t, struct space *space);
void proc_text_smaps(struct text *t, struct space *space);
void proc_text_rollup(struct text *t, struct space *space);
void proc_text_numa(struct text *t, struct proc *p, struct space *space);
void proc_text_statm(struct text *t, struct space *space);
void proc_text_status(struct text *t, struct run *run, struct space *space, pid_t pid,
		      struct proc_reader reader);
void proc_text_stat(struct text *t, struct run *run, struct proc *p, struct space *space,
		    struct proc_reader reader);
void proc_text_meminfo(struct text *t, struct run *run);
/* ---- proc_text_signals.c: in the host's status; a number of its stat */
void status_signals(char *status, const struct proc_reader *r);
uint64_t stat_signals(uint64_t host, enum proc_signal_set which, const struct proc_reader *r);
void proc_text_shm(struct text *t, struct run *run);
void proc_text_mounts(struct text *t, struct run *run, pid_t pid, bool info);
/* Binary, and sparse: written by position. */
int proc_text_pagemap(int fd, struct run *run, struct space *space, struct proc_reader reader);

#endif
