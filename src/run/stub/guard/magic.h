/* SPDX-License-Identifier: MIT */
/*
 * magic.h: where a path leads through a link of /proc to what some process has open.
 */
#ifndef STUB_MAGIC_H
#define STUB_MAGIC_H

#include "run/stub/base/stub.h"

#include <linux/openat2.h>

int64_t open_magic(struct thread *t, int64_t dirfd, const char *path, const struct open_how *how);

#endif
