/* SPDX-License-Identifier: MIT */
/*
 * sys_path.h: what a name leads to, for a call that changes it.
 */
#ifndef STUB_SYS_PATH_H
#define STUB_SYS_PATH_H

#include "run/stub/mem/call.h"

struct spare_use {
	bool taken;    /* the process's spare descriptors are lent to it */
	uint64_t soft; /* its limit, as it was */
};
/* As O_PATH: none of ours, or why there is nothing.  path_done() when the call is over. */
int64_t path_found(struct thread *t, int64_t dirfd, uint64_t path, uint64_t flags,
		   struct spare_use *spare);
/* What the call says where path_found() gave `err`: another argument may be wrong as well. */
int64_t path_missing(struct call *c, int path_arg, int64_t err);
void path_done(struct thread *t, int64_t fd, const struct spare_use *spare);
/* The call, with the name of fd in place of these arguments, by number.  dirfd_arg -1: none. */
int64_t path_by_name(struct call *c, int dirfd_arg, int path_arg, int64_t fd);

#endif
