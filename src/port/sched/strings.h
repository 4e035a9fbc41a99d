/* SPDX-License-Identifier: MIT */
/*
 * strings.h: memcpy and its kin for what is compiled for the checker: the command line renames
 * them to these (hooks.c), which check what they touch.
 */
#ifndef SCHED_STRINGS_H
#define SCHED_STRINGS_H

#include <stddef.h>

void *sched_memcpy(void *to, const void *from, size_t n);
void *sched_memmove(void *to, const void *from, size_t n);
void *sched_memset(void *p, int c, size_t n);
int sched_memcmp(const void *a, const void *b, size_t n);

#endif
