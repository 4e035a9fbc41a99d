/* SPDX-License-Identifier: MIT */
/*
 * filter.h: the seccomp filter.
 */
#ifndef STUB_FILTER_H
#define STUB_FILTER_H

#include "run/stub/base/stub.h"

void filter_install(struct thread *t);

#endif
