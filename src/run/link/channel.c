/* SPDX-License-Identifier: MIT */
/*
 * channel.c: giving the turn to a guest thread and having it back.
 *
 * What the guest may do at any time: write anything anywhere in the channel.  So only `turn`
 * is looked at for control, only its lowest bit decides, and no wait depends on it alone: the death
 * of the thread bumps slot->event and sets slot->gone.
 *
 * Nor does a flush wait for a thread that is stopped, for the core's locks are held over it: such a
 * flush is made by way of a signal (flush.c), the thread owes us the turn, and the answer to its
 * request, over which no lock is held, waits for that.
 *
 * Sleeping: a worker that has waited long enough stores attached = 0, so that the guest kicks;
 * another worker receives that kick, sees that the slot has an owner, leaves the notification in
 * the slot and bumps `event`.
 */
#include "run/link/channel.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/task.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

/* How long a flush is waited for with sched_yield: it takes a guest some microseconds. */
#define FLUSH_SPIN_NS 30000u
#define SLEEP_MS 200u
/* .. and how long before it is looked at whether the thread is stopped. */
#define FLUSH_SLEEP_MS 10u

__thread struct slot *current_slot;

/* A guest that was killed meanwhile gives ENOENT, which is fine. */
void channel_answer_notif(struct run *run, uint64_t id)
{
	struct seccomp_notif_resp resp = {.id = id};
	int fd = atomic_load(&run->listener);

	if (fd >= 0)
		while (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) && errno == EINTR)
			;
}

void channel_give_turn(struct slot *s)
{
	struct run *run = s->proc->run;
	struct chan *c = s->chan;
	uint64_t notif;

	s->turn = (atomic_load_relaxed(&c->turn) | 1) + 1;
	atomic_store(&c->turn, s->turn);
	pthread_mutex_lock(&s->lock);
	notif = s->notif;
	s->notif = 0;
	pthread_mutex_unlock(&s->lock);
	if (notif)
		channel_answer_notif(run, notif);
	else if (atomic_load(&c->guest_sleeps))
		futex_wake(&c->turn, 1);
}

static bool ours(struct slot *s)
{
	return atomic_load(&s->chan->turn) & 1;
}

static bool spin_for_turn(struct slot *s, uint64_t ns)
{
	uint64_t start = run_now_ns();

	do {
		if (ours(s))
			return true;
		if (atomic_load(&s->gone))
			return false;
		sched_yield();
	} while (run_now_ns() - start < ns);
	return ours(s);
}

static bool is_stopped(const struct slot *s)
{
	return thread_stopped(s->proc->pid, slot_tid(s));
}

/* True: the turn is ours.  False: the thread is dead; or, for a flush, stopped. */
static bool await_turn(struct slot *s, bool flush)
{
	if (spin_for_turn(s, FLUSH_SPIN_NS))
		return true;
	atomic_store(&s->answer->attached, 0);
	for (;;) {
		uint32_t event = atomic_load(&s->event);

		if (ours(s))
			break;
		if (atomic_load(&s->gone))
			return false;
		futex_wait(&s->event, event, flush ? FLUSH_SLEEP_MS : SLEEP_MS);
		if (flush && !ours(s) && is_stopped(s))
			return false;
	}
	atomic_store(&s->answer->attached, 1);
	return true;
}

static bool turn_is_owed(struct slot *s)
{
	if (s->owes_turn && ours(s)) {
		s->owes_turn = false;
		atomic_store(&s->answer->attached, 1);
	}
	return s->owes_turn;
}

void channel_settle(struct slot *s)
{
	if (s->owes_turn)
		await_turn(s, false);
	s->owes_turn = false;
}

static unsigned put_ranges(struct answer *a, const struct quire_tlb_range *ranges, unsigned n)
{
	if (n > CHAN_MAX_RANGES)
		n = CHAN_MAX_RANGES;
	for (unsigned i = 0; i < n; i++) {
		a->ranges[i].start = ranges[i].start;
		a->ranges[i].end = ranges[i].end;
	}
	return n;
}

bool channel_flush(struct slot *s, const struct quire_tlb_range *ranges, unsigned n, bool *lent)
{
	struct answer *a = s->answer;
	unsigned done = 0;

	if (turn_is_owed(s))
		return false;
	do {
		unsigned k = put_ranges(a, ranges + done, n - done);

		a->nranges = k;
		a->cmd = CMD_FLUSH;
		channel_give_turn(s);
		s->owes_turn = !await_turn(s, true);
		if (s->owes_turn)
			return false;
		*lent |= atomic_load(&s->chan->lent) != 0;
		done += k;
	} while (done < n);
	return true;
}

int channel_window(struct slot *s, enum window_op op, const uint64_t where[4], void *mem,
		   uint64_t n)
{
	struct answer *a = s->answer;
	const struct chan *c = s->chan;
	int err;

	channel_settle(s);
	if (mem && (n > sizeof(c->data) || n > sizeof(a->store)))
		return -EINVAL;
	if (op == WINDOW_STORE)
		memcpy(a->store, mem, n);
	a->v[0] = op;
	memcpy(&a->v[1], where, 4 * sizeof(uint64_t));
	a->cmd = CMD_WINDOW;
	channel_give_turn(s);
	if (!await_turn(s, false))
		return -EIO;
	err = (int)atomic_load_relaxed(&c->done);
	if (!err && op == WINDOW_LOAD)
		memcpy(mem, c->data, n);
	return err > 0 ? -EIO : err;
}
