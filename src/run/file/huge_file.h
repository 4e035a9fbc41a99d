/* SPDX-License-Identifier: MIT */
/*
 * huge_file.h: files of huge pages, as guests have them open.
 */
#ifndef RUN_HUGE_FILE_H
#define RUN_HUGE_FILE_H

#include "quire/quire.h"

#include <pthread.h>
#include <stdint.h>

struct run;

struct huge_file {
	struct huge_file *next;  /* T': of one bucket */
	unsigned refs;           /* T' */
	int watch;               /* C */
	uint64_t dev, ino;       /* C: the host's */
	struct quire_file *file; /* C: the content; a reference */
	uint64_t page;           /* C: bytes */
	/* W': one change of its length, of its seals or of what maps it after the other.  Held over
	 * calls of the core that may wait for guests. */
	pthread_mutex_t lock;
};

/* As the number of an event of run->epoll: huge_files_look(). */
#define WATCH_HUGE_FILES (3ull << 40)

int huge_files_create(struct run *run);
/* Nobody has one open any more. */
void huge_files_destroy(struct run *run);
/* The host has told of files that nobody has open any more: they end, but for what is mapped. */
void huge_files_look(struct run *run);

/* What is open there is one from now on, of pages of that size.  0 or -errno; -ENODEV: there is no
 * such size. */
int huge_file_make(struct run *run, int fd, uint64_t page);
/* With a reference, or NULL. */
struct huge_file *huge_file_find(struct run *run, uint64_t dev, uint64_t ino);
struct huge_file *huge_file_of(struct run *run, int fd);
void huge_file_put(struct run *run, struct huge_file *h);

#endif
