/* SPDX-License-Identifier: MIT */
/*
 * proc_fds.c: descriptors of texts of /proc that are snapshots.  A program that keeps one open and
 * goes back to its start, as top and vmstat do, wants the text as it is now: the snapshot is made
 * anew.
 *
 * A small table per address space; a descriptor that was duplicated or has no place in the table
 * keeps its old text.  What is noted may be stale (closed by a way that we do not see): the
 * inode tells.
 */
#include "proc_path.h"

#include <asm/stat.h>

#define NOTED 16

static struct noted {
	int fd, which;
	int64_t pid;
	uint64_t ino;
} noted[NOTED];
static uint32_t noted_lock, nr_noted;

static uint64_t inode_of(int fd)
{
	struct stat st;

	return sys(__NR_fstat, fd, &st) ? 0 : st.st_ino;
}

void proc_fd_note(int fd, int which, int64_t pid)
{
	uint64_t ino = inode_of(fd);

	lock_take(&noted_lock);
	for (unsigned i = 0; i < NOTED; i++) {
		struct noted *n = &noted[i];

		if (i == NOTED - 1 || !n->ino || n->fd == fd) {
			*n = (struct noted){fd, which, pid, ino};
			break;
		}
	}
	at_store(&nr_noted, 1u);
	lock_drop(&noted_lock);
}

bool proc_fd_find(int fd, int *which, int64_t *pid)
{
	struct noted found = {-1, 0, 0, 0};

	if (!at_load(&nr_noted))
		return false;
	lock_take(&noted_lock);
	for (unsigned i = 0; i < NOTED; i++) {
		if (noted[i].ino && noted[i].fd == fd)
			found = noted[i];
	}
	lock_drop(&noted_lock);
	*which = found.which;
	*pid = found.pid;
	return found.fd == fd && inode_of(fd) == found.ino;
}

void proc_fds_lock(void)
{
	lock_take(&noted_lock);
}

void proc_fds_unlock(void)
{
	lock_drop(&noted_lock);
}
