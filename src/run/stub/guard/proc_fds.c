/* SPDX-License-Identifier: MIT */
/*
 * proc_fds.c: descriptors of texts of /proc that are snapshots.  A program that keeps one open and
 * goes back to its start, as top and vmstat do, wants the text as it is now: the snapshot is made
 * anew.
 *
 * A small table per address space; a descriptor that was duplicated or has no place in the table
 * keeps its old text.  What is noted may be stale (closed by a way that we do not see): device and
 * inode tell.
 */
#include "run/stub/guard/proc_fds.h"

#include "run/stub/base/area.h"
#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"
#include "run/wire/sys.h"

#include <asm/stat.h>

#define NOTED 16

static struct noted {
	uint32_t table; /* of descriptors: thread->fd_table */
	int fd, which;
	int64_t pid;
	uint64_t dev, ino;
} noted[NOTED];
static uint32_t noted_lock, nr_noted;

static bool is_for(const struct noted *n, const struct thread *t, int fd)
{
	return n->ino && n->fd == fd && n->table == t->fd_table;
}

void proc_fd_note(const struct thread *t, int fd, int which, int64_t pid)
{
	struct stat st;

	if (sys(__NR_fstat, fd, &st))
		return;
	lock_take(&noted_lock);
	for (unsigned i = 0; i < NOTED; i++) {
		struct noted *n = &noted[i];

		if (i == NOTED - 1 || !n->ino || is_for(n, t, fd)) {
			*n = (struct noted){t->fd_table, fd, which, pid, st.st_dev, st.st_ino};
			break;
		}
	}
	atomic_store(&nr_noted, 1u);
	lock_drop(&noted_lock);
}

bool proc_fd_find(const struct thread *t, int fd, int *which, int64_t *pid)
{
	struct noted found = {0};
	struct stat st;

	if (!atomic_load(&nr_noted))
		return false;
	lock_take(&noted_lock);
	for (unsigned i = 0; i < NOTED; i++) {
		if (is_for(&noted[i], t, fd))
			found = noted[i];
	}
	lock_drop(&noted_lock);
	*which = found.which;
	*pid = found.pid;
	return found.ino && !sys(__NR_fstat, fd, &st) && st.st_dev == found.dev &&
	       st.st_ino == found.ino;
}

void proc_fds_lock(void)
{
	lock_take(&noted_lock);
}

void proc_fds_unlock(void)
{
	lock_drop(&noted_lock);
}
