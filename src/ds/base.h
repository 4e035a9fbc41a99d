/* SPDX-License-Identifier: MIT */
/*
 * base.h: the few macros that every data structure needs, and mem*.
 *
 * Owns nothing and guards nothing.  ds/ is freestanding: a broken precondition
 * cannot be reported, so it traps.
 */
#ifndef QUIRE_DS_BASE_H
#define QUIRE_DS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All that freestanding code may have of libc; it has no <string.h>. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif

/* A broken precondition of the caller, never a condition of the environment. */
#define DS_BUG_ON(cond)                                                                            \
	do {                                                                                       \
		if (__builtin_expect(!!(cond), 0))                                                 \
			__builtin_trap();                                                          \
	} while (0)

/* What Linux calls ENOMEM; freestanding code has no <errno.h>. */
#define DS_ENOMEM 12

#endif
