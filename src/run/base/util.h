/* SPDX-License-Identifier: MIT */
/*
 * util.h: what every room needs: the clock, futexes, small files of /proc.
 */
#ifndef RUN_UTIL_H
#define RUN_UTIL_H

#include <stddef.h>
#include <stdint.h>

uint64_t run_now_ns(void);

void futex_wait(uint32_t *addr, uint32_t val, unsigned ms);
void futex_wake(uint32_t *addr, int n);
/* Reads a whole small file of /proc into buf (NUL-terminated): length or -errno. */
long read_text(const char *path, char *buf, size_t len);
/* A number that such a file holds, as it is now. */
uint64_t host_number(const char *path, uint64_t otherwise);

/* The host's file /proc/<rest>, whole and NUL-terminated, from malloc; NULL: there is none. */
char *host_proc_read(const char *rest, size_t *len);

#endif
