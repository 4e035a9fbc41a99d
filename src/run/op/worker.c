/* SPDX-License-Identifier: MIT */
/*
 * worker.c: the pool of threads that answer guests.
 *
 *   idle ──kick──> attached to a slot: serve, linger, serve .. ──nothing came──> idle
 *
 * An idle worker blocks in receiving a seccomp notification, from which the host wakes it on the
 * guest's own CPU.  Attached, it watches the slot's turn; how long, depends on how soon the
 * thread's requests have been following each other.
 *
 *   1  At any time some worker is idle: the last idle one starts a new worker when it takes a kick.
 *      So a worker may block in a request for as long as it likes.
 *
 *   2  A slot has at most one attached worker (slot->owned, S).  A kick that comes while there is
 *      one is left in slot->notif, or answered at once if the turn is the guest's already.
 *
 *   3  A worker that leaves stores attached = 0 and then looks at turn once more.  The guest hands
 *      over and then looks at attached.  So one of them sees the other.
 */
#include "run/op/worker.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/base/util.h"
#include "run/fd/ctl.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/link/channel.h"
#include "run/link/kick.h"
#include "run/op/ops.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1ull
#endif

#define MAX_IDLE 16
#define MAX_GAP_NS 1000000u

static void *worker(void *arg);

static int spawn(struct run *run)
{
	pthread_attr_t attr;
	pthread_t t;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_add(&run->nr_idle, 1);
	err = pthread_create(&t, &attr, worker, run);
	if (err)
		atomic_add(&run->nr_idle, (uint32_t)-1);
	pthread_attr_destroy(&attr);
	return -err;
}

/* How long it pays to watch this slot: not at all if its requests are far apart. */
static uint64_t linger_ns(const struct slot *s)
{
	uint64_t max = s->proc->run->info->linger_us * 1000ull;

	return s->gap_ns < max ? max : 0;
}

static void note_gap(struct slot *s)
{
	uint64_t gap = run_now_ns() - s->answered_ns;

	if (gap > MAX_GAP_NS)
		gap = MAX_GAP_NS;
	s->gap_ns = (uint32_t)((3ull * s->gap_ns + gap) / 4);
}

/* True: a request is there. */
static bool linger(struct slot *s)
{
	uint64_t limit = linger_ns(s);

	for (;;) {
		if (atomic_load(&s->chan->turn) & 1)
			return true;
		if (!limit || atomic_load(&s->gone) || run_now_ns() - s->answered_ns > limit)
			return false;
		sched_yield();
	}
}

/* Rule 3.  False: a request came just now. */
static bool leave(struct slot *s)
{
	struct run *run = s->proc->run;
	uint64_t notif = 0;
	bool left, gone;

	atomic_store(&s->answer->attached, 0);
	pthread_mutex_lock(&s->lock);
	gone = s->gone;
	left = gone || !(atomic_load(&s->chan->turn) & 1);
	if (left) {
		notif = s->notif;
		s->notif = 0;
		s->owned = false;
	}
	pthread_mutex_unlock(&s->lock);
	if (!left)
		atomic_store(&s->answer->attached, 1);
	if (notif)
		channel_answer_notif(run, notif);
	if (left && gone)
		slot_reap(s);
	return left;
}

static void attached(struct run *run, struct slot *s)
{
	atomic_store(&s->answer->attached, 1);
	current_slot = s;
	for (;;) {
		while (!atomic_load(&s->gone) && (atomic_load(&s->chan->turn) & 1)) {
			if (s->answered_ns)
				note_gap(s);
			request_serve(run, s);
			s->answered_ns = run_now_ns();
			if (!linger(s))
				break;
		}
		if (leave(s))
			break;
	}
	current_slot = NULL;
}

/*
 * Rule 2.  True: the caller is attached now.  Any guest may name any slot: a kick only says "look
 * at it", and a thread that was told to sleep there is woken to look for itself.  The number of a
 * thread that kicks for a request of its own is the slot's (the host's word, not the guest's).
 */
static bool attach(struct run *run, struct slot *s, const struct kick *k)
{
	uint64_t answer = k->notif;
	uint32_t turn;
	bool mine = false;

	pthread_mutex_lock(&s->lock);
	turn = atomic_load(&s->chan->turn);
	if (s->used && !s->gone && (turn & 1) && (!k->notif || turn == k->turn)) {
		mine = !s->owned;
		if (mine && k->tid)
			atomic_store(&s->tid, k->tid);
		if (mine)
			atomic_count(&s->proc->stats.kicks);
		s->owned = true;
		if (k->notif) {
			answer = s->notif;
			s->notif = k->notif;
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (!mine) {
		atomic_add(&s->event, 1);
		futex_wake(&s->event, INT32_MAX);
	}
	if (answer)
		channel_answer_notif(run, answer);
	return mine;
}

/* False: the kick's business is over. */
static bool look_at(struct run *run, const struct kick *k)
{
	if (k->index < run->nr_slots && kick_check(run, &run->slots[k->index], k))
		return attach(run, &run->slots[k->index], k);
	if (k->index == RUN_KICK_DRAIN)
		ctl_drain(run);
	if (k->notif)
		channel_answer_notif(run, k->notif);
	return false;
}

static void sync_wake(struct run *run)
{
	ioctl(atomic_load(&run->listener), SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static void *worker(void *arg)
{
	struct run *run = arg;
	struct kick k;

	if (atomic_load(&run->listener) >= 0 && !atomic_swap(&run->sync_wake, 1u))
		sync_wake(run);
	while (kick_receive(run, &k) && !atomic_load(&run->workers_stop)) {
		if (!look_at(run, &k))
			continue;
		if (!atomic_add(&run->nr_idle, (uint32_t)-1) && spawn(run))
			run_say(run, "no thread for another worker: guests may have to wait");
		attached(run, &run->slots[k.index]);
		if (atomic_add(&run->nr_idle, 1) > MAX_IDLE)
			break;
	}
	atomic_add(&run->nr_idle, (uint32_t)-1);
	return NULL;
}

int workers_start(struct run *run)
{
	return spawn(run);
}

void workers_stop(struct run *run)
{
	atomic_store(&run->workers_stop, 1);
}
