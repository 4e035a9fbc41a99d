/* SPDX-License-Identifier: MIT */
/*
 * guest_mem.h: guest memory, as by the core's functions, and in files mapped shared as well.
 */
#ifndef RUN_GUEST_MEM_H
#define RUN_GUEST_MEM_H

#include "quire/quire.h"

#include <sys/types.h>

struct request;
struct space;

int64_t guest_read(struct space *s, uint64_t addr, void *buf, uint64_t len);
int64_t guest_write(struct space *s, uint64_t addr, const void *buf, uint64_t len);
/* pid: a process in the space; 0: the requester itself. */
int64_t guest_remote_read(struct space *s, pid_t pid, uint64_t addr, void *buf, uint64_t len);
int64_t guest_remote_write(struct space *s, pid_t pid, uint64_t addr, const void *buf,
			   uint64_t len);
/* The file of the host that is mapped at addr, referenced, and where; or NULL. */
struct quire_file *file_at(struct space *s, uint64_t addr, struct quire_vma_info *v);
/* Before pages are to be there, or told of: as much of the files as there is by now. */
void look_for_ends(struct request *q, uint64_t start, uint64_t len);
/* True: the page lies in what a file has grown by since: try again. */
bool file_has_grown(struct space *s, uint64_t addr);

#endif
