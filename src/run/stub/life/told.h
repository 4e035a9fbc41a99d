/* SPDX-License-Identifier: MIT */
/*
 * told.h: what the host is told of the program, for /proc.
 */
#ifndef STUB_TOLD_H
#define STUB_TOLD_H

#include "run/stub/life/start.h"

/* With the program's vector in s->auxv. */
void host_is_told(const struct start *s, uint64_t aux_bytes);

#endif
