/* SPDX-License-Identifier: MIT */
/*
 * files_leave.h: files that a space maps no more.
 */
#ifndef RUN_FILES_LEAVE_H
#define RUN_FILES_LEAVE_H

#include <stdbool.h>
#include <stdint.h>

struct quire_file;
struct request;

/*
 * Around whatever may unmap a file: which files have mappings in the range; and then those that
 * have none left in the space are let go, and the answer says so.
 */
struct watch {
	struct quire_file **files; /* referenced */
	unsigned n, cap;
	bool all; /* there was no memory to note which */
};
void watch_file(struct watch *w, struct quire_file *file);
void watch_range(struct request *q, uint64_t start, uint64_t len, struct watch *w);
void watch_end(struct request *q, struct watch *w);
/* Those that were left behind by fork (MADV_DONTFORK). */
void windows_forget_unmapped(struct request *q);
void op_windows_gone(struct request *q);

#endif
