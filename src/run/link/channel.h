/* SPDX-License-Identifier: MIT */
/*
 * channel.h: the turn between a guest thread and its worker.
 */
#ifndef RUN_CHANNEL_H
#define RUN_CHANNEL_H

#include "quire/port.h"
#include "run/wire/proto.h"

#include <stdbool.h>

struct run;
struct slot;

/* The worker's slot: what the core's flushes go through. */
extern __thread struct slot *current_slot;
void channel_give_turn(struct slot *s);
/* Before a request is answered, with no lock held: the turn is ours, or the thread is dead. */
void channel_settle(struct slot *s);
/* False: the thread died or was stopped before it had done it all.  *lent: set if chan->lent. */
bool channel_flush(struct slot *s, const struct quire_tlb_range *ranges, unsigned n, bool *lent);
/* Has the stub do that with its window: 0 or -errno.  mem: n bytes that go there, or come. */
int channel_window(struct slot *s, enum window_op op, const uint64_t where[4], void *mem,
		   uint64_t n);
void channel_answer_notif(struct run *run, uint64_t id);

#endif
