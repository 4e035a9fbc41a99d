/* SPDX-License-Identifier: MIT */
/*
 * lib.h: a few functions of a libc, and the last words of a process.
 */
#ifndef STUB_LIB_H
#define STUB_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t str_len(const char *s);
bool str_starts(const char *s, const char *prefix);
bool str_equal(const char *a, const char *b);
/* Decimal number at *s, which moves behind it; false if there is none. */
bool str_number(const char **s, int64_t *out);
char *str_put(char *to, const char *s);
char *str_put_number(char *to, uint64_t n);
/* "/proc/thread-self/fd/N": the name of an open descriptor, which may be in no table but ours. */
#define FD_PATH 40
void fd_path(char path[FD_PATH], uint64_t fd);
/* A piece of a mapping (0 bytes of it: a duplicate) comes to that address.  0 or -errno. */
int64_t remap_to(uint64_t from, uint64_t old, uint64_t bytes, uint64_t to);
/* One line on stderr, and the end of the process. */
_Noreturn void die(const char *why);
/* The same with -errno, or an answer that makes no sense. */
_Noreturn void die_error(const char *why, int64_t err);
void say(const char *what, uint64_t number);

#endif
