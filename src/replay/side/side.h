/* SPDX-License-Identifier: MIT */
/*
 * side.h: what a script is executed on: the library, the host kernel, or a program under
 * `quire run`.  Each has a stage (stage.h), a process of its own, which is started when it is
 * first needed and again after it has died.
 */
#ifndef REPLAY_SIDE_H
#define REPLAY_SIDE_H

#include "replay/board/board.h"

#include <sys/types.h>

enum side_kind { SIDE_QUIRE, SIDE_HOST, SIDE_RUN, NR_SIDES };
extern const char *const side_names[NR_SIDES];

struct side {
	enum side_kind kind;
	struct board *board; /* the script that was executed last, and what came of it */
	int board_fd;
	pid_t pid;      /* 0: not running */
	uint32_t nodes; /* of the machine that the stage is on */
	int commands, answers;
};

/* 0 or -errno. */
int side_open(struct side *s, enum side_kind kind);
/* False: the host is not as it was. */
bool side_close(struct side *s);
/*
 * True: it is no machine for this script, and *why says so, after its name: "has not 2 nodes".  The
 * host is none for what would damage it (filter/filter.h).
 */
#define SIDE_WHY 224
bool side_lacks(const struct side *s, const struct script *script, char *why, size_t len);
/* Begins to execute a script.  0 or -errno; -EPERM: it lacks something. */
int side_begin(struct side *s, const struct script *script);
/*
 * Waits for its end.  0; -ETIMEDOUT: it took longer than this, and -EPIPE: the stage has died: it
 * is ended then.  -ENOTRECOVERABLE: the host's huge pages do not come back.
 */
int side_finish(struct side *s, unsigned seconds);

/*
 * Shuts the calling process, which is about to become the host's stage, into namespaces of its own,
 * with limits for memory and tasks (sandbox.c).  Forks on the way; returns in the child.
 */
void sandbox_enter(void);

#endif
