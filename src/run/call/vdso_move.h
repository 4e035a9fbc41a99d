/* SPDX-License-Identifier: MIT */
/*
 * vdso_move.h: an mremap of the vdso or its data, and what it gives.
 */
#ifndef RUN_VDSO_MOVE_H
#define RUN_VDSO_MOVE_H

#include <stdbool.h>
#include <stdint.h>

struct request;

/* A call's first two arguments name pages of them. */
bool vdso_named(const struct request *q);
/* mremap(2).  False: the range does not begin there. */
bool vdso_move(struct request *q, int64_t *ret);

#endif
