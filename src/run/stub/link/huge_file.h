/* SPDX-License-Identifier: MIT */
/*
 * huge_file.h: descriptors of files of huge pages, whose content is the supervisor's
 * (file/huge_file.c).
 */
#ifndef STUB_HUGE_FILE_H
#define STUB_HUGE_FILE_H

#include "run/stub/base/stub.h"
#include "run/wire/requests.h"

struct huge_look {
	uint64_t page, bytes, blocks; /* of a page; the file's length; of 512 bytes */
};

/* Costs nothing as long as there are no such files in the run. */
bool huge_file_numbered(struct thread *t, uint64_t dev, uint64_t ino, struct huge_look *out);
bool huge_file_look(struct thread *t, int64_t fd, struct huge_look *out);
/* Of an open one: what the call is answered. */
int64_t huge_file_call(struct thread *t, int64_t fd, enum run_huge_call call, uint64_t a,
		       uint64_t b, uint64_t c);

/* A file system of huge pages has that number on the host. */
bool huge_system_is(uint64_t dev);
/* The guest has opened a file of it: fd, or why it may not have it (it is closed then). */
int64_t huge_file_opened(struct thread *t, int64_t fd, uint64_t flags);

#endif
