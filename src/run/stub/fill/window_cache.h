/* SPDX-License-Identifier: MIT */
/*
 * window_cache.h: which open file has which window (window_cache.c).
 */
#ifndef STUB_WINDOW_CACHE_H
#define STUB_WINDOW_CACHE_H

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

struct cached {
	uint64_t table; /* of descriptors: thread->fd_table */
	int fd;
	uint64_t dev, ino;
	uint64_t kind; /* run_window.flags, PRIVATE_SEALABLE */
	uint64_t addr, bytes, first;
	uint64_t pages; /* that have frame numbers */
	bool written;   /* its mapping is writable */
	int64_t id;     /* 0: unused */
};
#define PRIVATE_SEALABLE 0x100ull
#define FOR_ALL 0x200ull /* of shared mappings: may be, or become, writable */

/* The window that serves this mapping. */
bool cache_find(const struct file_map *m, struct cached *out);
/* Before the descriptor is looked at: for cache_add(),
 * which does nothing if any was closed since. */
uint32_t cache_age(void);
void cache_add(const struct cached *w, uint32_t age);
/* The window has served this mapping, and is as it wants it. */
void cache_use(const struct file_map *m, struct cached *used, uint32_t age);
/* The window at addr goes. */
void cache_forget(uint64_t addr);
/* Descriptors [first, last] of the thread's are about to be closed, or to become others .. */
void fds_closing_begin(const struct thread *t, uint64_t first, uint64_t last);
/* .. and have been. */
void fds_closing_end(void);
/* The thread has a table of descriptors of its own from here on. */
void fd_table_take_new(struct thread *t);

#endif
