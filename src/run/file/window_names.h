/* SPDX-License-Identifier: MIT */
/*
 * window_names.h: what files are called now.
 */
#ifndef RUN_WINDOW_NAMES_H
#define RUN_WINDOW_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct quire_file;

/* Between the two this thread tells of that process: its files are called what they
 * are called now. */
void file_names_begin(pid_t pid);
void file_names_end(void);
/*
 * The file's name, with " (deleted)" where it is, and where it lives, as the host's maps have them;
 * as it was when it was mapped, where the host does not tell.  With a reference.
 */
void file_name_now(struct quire_file *file, char *buf, size_t len, uint64_t *dev, uint64_t *ino);

#endif
