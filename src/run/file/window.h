/* SPDX-License-Identifier: MIT */
/*
 * window.h: windows: files of the host, mapped by guests.
 */
#ifndef RUN_WINDOW_H
#define RUN_WINDOW_H

#include "ds/itree.h"
#include "run/wire/requests.h"

#include <stdbool.h>

struct run;
struct quire_file;

/* Numbers for the pages of a window from its first on (far.c). */
struct far_range {
	struct itree_node node; /* F'; its interval is constant */
	struct window *window;  /* C */
};
#define MAX_FAR_RANGES 8

struct window {
	struct run *run;                      /* C */
	uint32_t magic;                       /* C: tells our files' priv from others' */
	unsigned index;                       /* C: in the tables of the spaces that have it */
	uint64_t dev, ino;                    /* C */
	struct quire_file *file;              /* C: whose it is */
	struct window *next, *prev;           /* I': of one bucket, while `tables`; newest first */
	uint64_t serial;                      /* I': of its entry */
	unsigned tables;                      /* I': so many spaces have it in their tables */
	uint64_t addr, bytes;                 /* C: in the guests' address spaces */
	uint64_t first;                       /* C: page offset of addr in the file */
	struct far_range far[MAX_FAR_RANGES]; /* C: [0, nr_far), each longer than the one before */
	unsigned nr_far;                      /* A, writers F' */
	uint64_t size;                        /* A: of the file, as far as is known */
};

struct window *file_window(struct quire_file *file); /* NULL: not one of ours */
/* 0 or -errno. */
int window_create(struct run *run, const struct run_window *r, const char *name,
		  struct quire_file **out);
/* Its frame number * 4096: where it stands in the guests that have the window, or, from FAR_FIRST
 * on, what they know how to get at; 0: neither. */
uint64_t window_addr(const struct window *w, uint64_t pgoff);
/* The host says that this page does not exist. */
void window_shrunk(struct window *w, uint64_t pgoff);
/* True: it exists after all, which was not known: a thread that was refused it may try again. */
bool window_find_page(struct window *w, uint64_t pgoff);
/* The same for all pages up to `last`. */
void window_find_end(struct window *w, uint64_t last);
/* From now on pages of the file up to `end` can be mapped: 0 or -errno. */
int window_reserve(struct window *w, uint64_t end);

#endif
