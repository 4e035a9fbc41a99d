/* SPDX-License-Identifier: MIT */
/*
 * window.h: mapping files through windows (window.c).
 */
#ifndef STUB_WINDOW_H
#define STUB_WINDOW_H

#include "run/stub/base/stub.h"

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
/* What the host says of this mmap, whatever the address: 0 or -errno.  Nothing stays mapped. */
int64_t window_ask(const uint64_t a[6]);
/* mmap with these arguments: the address, or -errno. */
int64_t window_map(const struct file_map *m, const uint64_t a[6]);
/* A window of the program's file, for OP_EXEC_LOAD: its id, or -errno. */
int64_t window_open(struct thread *t, int fd);
/* Descriptors [first, last] of the thread's are about to be closed, or to become others .. */
void fds_closing_begin(const struct thread *t, uint64_t first, uint64_t last);
/* .. and have been. */
void fds_closing_end(void);
/* The thread has a table of descriptors of its own from here on. */
void fd_table_take_new(struct thread *t);
/* An answer to OP_SYSCALL has come: unmaps what it says that nothing maps any more. */
void windows_gone(struct thread *t);

/* Nobody makes a window, or unmaps one, meanwhile. */
void windows_lock_take(void);
void windows_lock_drop(void);
void windows_after_fork(void);

/* ---- far.c */
/* As a fill: these frames, at that address.  -ENOENT: far_learn() is to ask for them. */
int64_t far_fill(uint64_t frame, uint64_t pages, uint64_t prot, uint64_t to);
/* False: it is none of this process's. */
bool far_learn(struct thread *t, uint64_t frame);
/* The window goes. */
void far_forget(struct thread *t, uint64_t seed);
/* Pages so far behind the window's first, mapped at *at until far_return(). */
int64_t far_lend(uint64_t seed, uint64_t distance, uint64_t pages, uint64_t *at);
void far_return(void);
void far_after_fork(void);

/* ---- window_serve.c: CMD_WINDOW, as the answer says it.  0 or -errno. */
int64_t window_serve(struct thread *t);

#endif
