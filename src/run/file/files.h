/* SPDX-License-Identifier: MIT */
/*
 * files.h: which files of the host a space maps.
 */
#ifndef RUN_FILES_H
#define RUN_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct quire_file;
struct request;
struct space;

/* A file's name in one address space. */
struct window_ref {
	struct quire_file *file; /* H: referenced; NULL: free */
	uint32_t generation;     /* H: of the id */
	uint32_t busy;           /* H: so many are about to map it */
	bool leaving;            /* H: somebody looks whether it is still mapped */
};

/* The window's file by id, referenced and kept in the table; or NULL. */
struct quire_file *window_file(struct space *s, uint64_t id);
void window_file_done(struct space *s, struct quire_file *file);
void windows_destroy(struct space *s);
int windows_copy(struct space *to, struct space *from);
/* It is in a table no more: with the table's reference. */
void window_let_go(struct quire_file *file);
void op_file(struct request *q);
void op_mmap_file(struct request *q);

#endif
