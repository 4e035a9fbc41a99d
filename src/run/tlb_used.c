/* SPDX-License-Identifier: MIT */
/*
 * tlb_used.c: which pages a guest has touched, by what the host says: /proc/PID/pagemap.
 *
 * A page that was mapped ahead is filled without the host's own entry (fill.c), which comes with
 * the first access.  Nothing is known of a guest that is dead, has left its address space by
 * execve, or forbids to be looked at (PR_SET_DUMPABLE).
 *
 * Owns nothing.  Called with the mm's lock held: takes G, as a flush does.
 */
#include "run/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
#define CHUNK 64u

/* A process that executes in the space, or 0. */
static pid_t living_process(struct space *space)
{
	struct run *run = space->run;
	pid_t pid = 0;

	if (current_slot && current_slot->space == space)
		return current_slot->proc->pid;
	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p && !pid; p = p->next)
		if (p->state == PROC_ALIVE && p->space == space)
			pid = p->pid;
	pthread_mutex_unlock(&run->lock);
	return pid;
}

static int open_pagemap(pid_t pid)
{
	char name[40];

	snprintf(name, sizeof(name), "/proc/%d/pagemap", (int)pid);
	return pid ? open(name, O_RDONLY | O_CLOEXEC) : -1;
}

void tlb_used(void *ctx, struct quire_mm *mm, void *cookie, uint64_t start, unsigned pages,
	      uint8_t *used)
{
	struct space *space = cookie;
	int fd;

	(void)ctx;
	(void)mm;
	if (!at_load(&space->users))
		return;
	fd = open_pagemap(living_process(space));
	for (unsigned done = 0; fd >= 0 && done < pages; done += CHUNK) {
		uint64_t e[CHUNK] = {0};
		unsigned n = pages - done < CHUNK ? pages - done : CHUNK;

		if (pread(fd, e, n * sizeof(e[0]), (off_t)((start / PAGE + done) * sizeof(e[0]))) <=
		    0)
			break;
		for (unsigned i = 0; i < n; i++)
			used[done + i] = (e[i] & (PM_PRESENT | PM_SWAPPED)) != 0;
	}
	if (fd >= 0)
		close(fd);
}
