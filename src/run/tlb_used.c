/* SPDX-License-Identifier: MIT */
/*
 * tlb_used.c: which pages a guest has touched, by what the host says: /proc/PID/pagemap.
 *
 * A page that was mapped ahead is filled without the host's own entry (fill.c), which comes with
 * the first access.  Nothing is known of a guest that is dead, has left its address space by
 * execve, or forbids to be looked at (PR_SET_DUMPABLE).
 *
 * Owns nothing.  Called inside faults, and with the mm's lock held: takes G, as a flush does, but
 * not for the space of the worker's own thread.
 */
#include "run/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
#define CHUNK 64u

/* A thread that executes in the space: of its process, which may have lost its first one. */
struct who {
	pid_t pid, tid;
};

static bool names_thread(const struct slot *s, struct who *who)
{
	if (!at_load(&s->started))
		return false;
	*who = (struct who){s->proc->pid, slot_tid(s)};
	return true;
}

static bool find_thread(struct space *space, struct who *who)
{
	struct run *run = space->run;
	struct slot *s;

	if (current_slot && current_slot->space == space && names_thread(current_slot, who))
		return true;
	pthread_mutex_lock(&run->lock);
	s = slot_first_locked(space, run->procs);
	while (s && !names_thread(s, who))
		s = slot_next_locked(s, space);
	pthread_mutex_unlock(&run->lock);
	return s != NULL;
}

static int open_pagemap(struct space *space)
{
	struct who who;
	char name[64];

	if (!find_thread(space, &who))
		return -1;
	snprintf(name, sizeof(name), "/proc/%d/task/%d/pagemap", (int)who.pid, (int)who.tid);
	return open(name, O_RDONLY | O_CLOEXEC);
}

void tlb_used(void *ctx, struct quire_mm *mm, void *cookie, uint64_t start, unsigned pages,
	      uint8_t *used)
{
	struct space *space = cookie;
	int fd;

	(void)ctx;
	(void)mm;
	if (!space || !at_load(&space->users))
		return;
	fd = open_pagemap(space);
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
