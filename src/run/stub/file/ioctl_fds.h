/* SPDX-License-Identifier: MIT */
/*
 * ioctl_fds.h: ioctls that are given a descriptor.
 */
#ifndef STUB_IOCTL_FDS_H
#define STUB_IOCTL_FDS_H

#include "run/stub/mem/call.h"

/* -EBADF: it is given one of ours.  May replace the argument. */
int64_t ioctl_check_fds(struct call *c);

#endif
