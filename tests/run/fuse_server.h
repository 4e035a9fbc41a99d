/* SPDX-License-Identifier: MIT */
/*
 * fuse_server.h: a file system whose server answers when it is told to, so that the host is held up
 * in a system call, with what it was given.
 *
 * The server is a child.  Files: "paged", through the page cache; "direct", past it.
 */
#ifndef FUSE_SERVER_H
#define FUSE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#define PG 4096ul
#define PAGES 192 /* in one request of the host's */
#define BYTES (PAGES * PG)

#define ANSWERED 0xd1 /* what a read gives */
#define WRITTEN 0xb0  /* what a write is to bring */

/* What is wrong, with errno, and the end. */
void fail(const char *what);

/* Mounted on dir.  holds_write: the second write is held, else each read.  Ends with 77 where there
 * is no /dev/fuse, or no mounting. */
pid_t server_start(const char *dir, bool holds_write);
/* Waits for its word: 'r', a request is held; 'g', a write has brought what it was to; 'b', other
 * bytes.  Another one than wanted ends the program. */
void server_says(char wanted);
/* On with the request that is held. */
void server_go(void);
void server_end(pid_t server, const char *dir);

#endif
