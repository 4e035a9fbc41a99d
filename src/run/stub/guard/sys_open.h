/* SPDX-License-Identifier: MIT */
/*
 * sys_open.h: files opened for a guest, and by its names.
 */
#ifndef STUB_SYS_OPEN_H
#define STUB_SYS_OPEN_H

#include "run/stub/base/stub.h"

#include <linux/openat2.h>

/* As openat2(), with both of the above. path: the guest's, or the stub's own. */
int64_t guarded_open(struct thread *t, int64_t dirfd, uint64_t path, const struct open_how *how);
/* The guest's descriptor opened anew, if /proc leads to it. */
int64_t guarded_reopen(struct thread *t, int64_t fd, uint64_t flags);

#endif
