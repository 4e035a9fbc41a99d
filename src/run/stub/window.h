/* SPDX-License-Identifier: MIT */
/*
 * window.h: mapping files through windows (window.c).
 */
#ifndef STUB_WINDOW_H
#define STUB_WINDOW_H

#include "stub.h"

/* A mapping that the guest asks for. */
struct file_map {
	struct thread *t;
	int fd;
	bool shared;  /* MAP_SHARED */
	bool written; /* and PROT_WRITE */
	uint64_t first, pages;
	/* file_map_look() says: */
	uint64_t dev, ino, size, kind;
};

int64_t file_map_look(struct file_map *m, int64_t open_flags);
/* mmap with these arguments: the address, or -errno. */
int64_t window_map(const struct file_map *m, const uint64_t a[6]);
/* A window of the program's file, for OP_EXEC_LOAD: its id, or -errno. */
int64_t window_open(struct thread *t, int fd);
/* Descriptors [first, last] of the process are closed, or others. */
void windows_fd_gone(const struct process *proc, uint64_t first, uint64_t last);
/* An answer to OP_SYSCALL has come: unmaps what it says that nothing maps any more. */
void windows_gone(struct thread *t);
/* CMD_WINDOW. */
int64_t window_command(struct thread *t);
void windows_fork_begin(void);
void windows_fork_end(void);
void windows_after_fork(void);

#endif
