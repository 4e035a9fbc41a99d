/* SPDX-License-Identifier: MIT */
/*
 * machine_dir.h: the directory for the files that tell of a run's machine.
 */
#ifndef RUN_PROCFS_MACHINE_DIR_H
#define RUN_PROCFS_MACHINE_DIR_H

#include <stddef.h>

/*
 * A new directory in `where`, whose path is in dir then.  Returns a descriptor of it, which says as
 * long as it is open that the run lives; or -errno.  Removes those of runs that were killed.
 */
int machine_dir_make(const char *where, char *dir, size_t size);
/* With all that lies in it.  Closes the descriptor. */
void machine_dir_remove(char *dir, int fd);

#endif
