/* SPDX-License-Identifier: MIT */
/*
 * judge.h: an open descriptor, just got, of a file in /proc: what the guest gets for it.
 */
#ifndef STUB_JUDGE_H
#define STUB_JUDGE_H

#include "run/stub/base/stub.h"

#include <linux/openat2.h>

int64_t judge_opened(struct thread *t, int64_t fd, const struct open_how *how);

#endif
