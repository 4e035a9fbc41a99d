/* SPDX-License-Identifier: MIT */
/*
 * chan.c: the channels that this address space maps: those of the threads that are or were in it.
 *
 *   1. A slot that was a thread's here is given to no other address space while this one lives
 *      (the supervisor's slot.c).  So a channel may stay mapped when its thread is gone: it is
 *      there when the slot comes again.
 */
#include "run/stub/link/chan.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/mman.h>

static bool mapped[RUN_MAX_SLOTS];

static bool map(uint64_t at, uint64_t bytes, uint64_t prot, int fd, uint64_t offset)
{
	return sys(__NR_mmap, at, bytes, prot, MAP_SHARED | MAP_FIXED, fd, offset) == (int64_t)at;
}

bool chan_map(struct thread *t, uint32_t slot)
{
	if (slot >= RUN_MAX_SLOTS)
		return false;
	t->slot = slot;
	t->chan = (struct chan *)CHAN_AT(slot);
	t->answer = (const struct answer *)ANSWER_AT(slot);
	if (!atomic_load(&mapped[slot]))
		atomic_store(&mapped[slot],
			     map(CHAN_AT(slot), CHAN_SLOT_SIZE, PROT_READ | PROT_WRITE,
				 RUN_FD(RUN_FD_CHAN), CHAN_OFFSET(slot)) &&
				 map(ANSWER_AT(slot), ANSWER_SLOT_SIZE, PROT_READ,
				     RUN_FD(RUN_FD_TABLES), ANSWER_OFFSET(slot)));
	return mapped[slot];
}

void chans_after_fork(void)
{
	sys(__NR_munmap, CHAN_AT(0), CHAN_AT(RUN_MAX_SLOTS) - CHAN_AT(0));
	memset(mapped, 0, sizeof(mapped));
}
