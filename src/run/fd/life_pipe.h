/* SPDX-License-Identifier: MIT */
/*
 * life_pipe.h: the pipe whose end says that a process is dead.
 */
#ifndef RUN_LIFE_PIPE_H
#define RUN_LIFE_PIPE_H

#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>

/* What a guest sent as its life pipe is one. */
static inline bool life_is_pipe(int life)
{
	struct stat st;

	return !fstat(life, &st) && S_ISFIFO(st.st_mode);
}

/* No process holds the read end any more. */
static inline bool life_hung_up(int life)
{
	struct pollfd fd = {.fd = life};

	return poll(&fd, 1, 0) == 1 && fd.revents;
}

#endif
