/* SPDX-License-Identifier: MIT */
/*
 * chan.c: the channels that this process maps: those of its own threads, and no others.
 *
 *   1. A place among the mappings belongs to a thread area, as long as that does; which slot is
 *      mapped there changes with the thread.  So nobody unmaps another thread's.
 *   2. A thread's is unmapped when its slot may be another's: at its end; by the parent in vfork
 *      when the child is gone; a CLONE_VM child's without vfork when the area is used again.
 */
#include "stub.h"

#include <linux/mman.h>

#define PLACE_BYTES (CHAN_AT(1) - CHAN_AT(0))

static bool map(uint64_t at, uint64_t bytes, uint64_t prot, int fd, uint64_t offset)
{
	return sys(__NR_mmap, at, bytes, prot, MAP_SHARED | MAP_FIXED, fd, offset) == (int64_t)at;
}

bool chan_map(struct thread *t, uint32_t slot)
{
	uint64_t chan = CHAN_AT(t->index), answer = ANSWER_AT(t->index);

	t->slot = slot;
	t->chan = (struct chan *)chan;
	t->answer = (const struct answer *)answer;
	t->maps_chan = true;
	return map(chan, CHAN_SLOT_SIZE, PROT_READ | PROT_WRITE, RUN_FD(RUN_FD_CHAN),
		   CHAN_OFFSET(slot)) &&
	       map(answer, ANSWER_SLOT_SIZE, PROT_READ, RUN_FD(RUN_FD_TABLES), ANSWER_OFFSET(slot));
}

void chan_unmap(struct thread *t)
{
	t->maps_chan = false;
	sys(__NR_munmap, CHAN_AT(t->index), PLACE_BYTES);
}

void chan_sweep(struct thread *t)
{
	if (!t->maps_chan || at_load(&t->host_tid) || !at_cas(&t->host_tid, 0u, 1u))
		return;
	if (t->maps_chan)
		chan_unmap(t);
	area_free(t);
}

void chans_after_fork(void)
{
	sys(__NR_munmap, CHAN_AT(0), shared.nr_areas * PLACE_BYTES);
}
