/* SPDX-License-Identifier: MIT */
/*
 * slot.c: which thread has which channel.
 *
 * A slot is free (on run->free_slots), used (one thread's), or retired: its thread is gone but a
 * worker is still attached, which frees it as it leaves.  An address space maps the channels of all
 * threads that it ever had: while it lives a slot that was its is idle, and only its again.
 *
 *   1  slot->proc and slot->space are referenced from allocation until the slot is free.
 *   2  A retired slot's `event` has been bumped: whoever waits for its thread looks again.
 */
#include "run/guest/slot.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/fd/ctl.h"
#include "run/guest/account.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int slots_create(struct run *run)
{
	run->slots = calloc(run->nr_slots, sizeof(struct slot));
	if (!run->slots)
		return -ENOMEM;
	for (uint32_t i = run->nr_slots; i-- > 0;) {
		struct slot *s = &run->slots[i];

		s->index = i;
		s->chan = (struct chan *)(void *)(run->chans + (size_t)i * CHAN_SLOT_SIZE);
		s->answer = (struct answer *)(void *)(run->answers + (size_t)i * ANSWER_SLOT_SIZE);
		pthread_mutex_init(&s->lock, NULL);
		s->next = run->free_slots;
		run->free_slots = s;
	}
	return 0;
}

/*
 * The last user of the channel may still be looking at `turn`: it goes on from where it is.  So do
 * the numbers of services, of which none is outstanding for the new one.
 */
static void chan_reset(struct slot *s, struct space *space)
{
	struct chan *c = s->chan;
	struct answer *a = s->answer;
	uint32_t turn = atomic_load(&c->turn);

	memset(&c->guest_sleeps, 0,
	       offsetof(struct chan, data) - offsetof(struct chan, guest_sleeps));
	memset(a, 0, offsetof(struct answer, ranges));
	a->root = space ? quire_mm_root(space->mm) : 0;
	s->asked = 0;
	s->signalled = 0;
	a->service_seq = ++s->service;
	atomic_store(&c->service_lent, 0);
	atomic_store(&c->service_done, s->service);
	atomic_store(&c->turn, (turn + 1) & ~1u);
}

static struct slot *take_free_locked(struct run *run, struct space *space)
{
	struct slot **list = space && space->idle ? &space->idle : &run->free_slots;
	struct slot *s = *list;

	if (s)
		*list = s->next;
	return s;
}

struct slot *slot_alloc_locked(struct run *run, struct proc *p, struct space *space)
{
	struct slot *s = take_free_locked(run, space);

	if (!s)
		return NULL;
	s->next = p->slots;
	p->slots = s;
	p->nr_slots++;
	s->proc = proc_get(p);
	s->space = space ? space_get(space) : NULL;
	if (space)
		atomic_add(&space->nr_slots, 1);
	run->nr_used_slots++;
	s->gap_ns = 0;
	s->answered_ns = 0;
	s->unfilled = 0;
	s->task = (struct quire_task){0};
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->tid, 0);
	s->notif = 0;
	atomic_store(&s->gone, false);
	atomic_store(&s->started, false);
	chan_reset(s, space);
	atomic_store(&s->used, true);
	ctl_open(run, s->index);
	pthread_mutex_unlock(&s->lock);
	return s;
}

void slot_set_space(struct slot *s, struct space *space)
{
	struct space *old = s->space;

	s->space = space_get(space);
	atomic_add(&space->nr_slots, 1);
	s->answer->root = quire_mm_root(space->mm);
	if (old) {
		atomic_add(&old->nr_slots, (uint32_t)-1);
		space_put(old);
	}
}

/* A thread that executes a program becomes the first thread of its process. */
void slot_set_leader(struct slot *s)
{
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->tid, atomic_load(&s->proc->pid));
	pthread_mutex_unlock(&s->lock);
}

static void unlink_from_proc(struct slot *s)
{
	struct slot **p = &s->proc->slots;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p) {
		*p = s->next;
		s->proc->nr_slots--;
	}
	if (s->proc->exec_slot == s)
		s->proc->exec_slot = NULL;
}

static void give_back_locked(struct run *run, struct slot *s, struct space *space)
{
	struct slot **list = space && atomic_load(&space->users) ? &space->idle : &run->free_slots;

	s->next = *list;
	*list = s;
}

void slots_unmapped_locked(struct space *space)
{
	while (space->idle) {
		struct slot *s = space->idle;

		space->idle = s->next;
		s->next = space->run->free_slots;
		space->run->free_slots = s;
	}
}

/*
 * No worker is attached, no thread uses it.  Returns the space that it referenced: putting the
 * last reference is not done under G.
 */
static struct space *slot_free_locked(struct slot *s)
{
	struct run *run = s->proc->run;
	struct space *space = s->space;
	struct proc *p = s->proc;

	pthread_mutex_lock(&s->lock);
	atomic_store(&s->used, false);
	pthread_mutex_unlock(&s->lock);
	/* After that nothing is taken in for it any more. */
	ctl_close(run, s->index);
	if (space)
		atomic_add(&space->nr_slots, (uint32_t)-1);
	s->space = NULL;
	s->proc = NULL;
	give_back_locked(run, s, space);
	proc_put(p);
	return space;
}

/* Nothing of the slot's use is left, the reference to the space included. */
static void used_up_locked(struct run *run)
{
	run->nr_used_slots--;
	pthread_cond_broadcast(&run->changed);
}

/* The caller holds a reference to the slot's space. */
void slot_retire_locked(struct slot *s)
{
	struct run *run = s->proc->run;
	struct space *space;
	bool owned;

	proc_count_slot(s->proc, s);
	unlink_from_proc(s);
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->gone, true);
	owned = s->owned;
	pthread_mutex_unlock(&s->lock);
	atomic_add(&s->event, 1);
	futex_wake(&s->event, INT32_MAX);
	if (owned)
		return;
	space = slot_free_locked(s);
	if (space)
		space_put(space);
	used_up_locked(run);
}

void slot_reap(struct slot *s)
{
	struct run *run = s->proc->run;
	struct space *space;

	pthread_mutex_lock(&run->lock);
	space = slot_free_locked(s);
	pthread_mutex_unlock(&run->lock);
	if (space)
		space_put(space);
	pthread_mutex_lock(&run->lock);
	used_up_locked(run);
	pthread_mutex_unlock(&run->lock);
}

struct slot *slot_first_locked(const struct space *space, struct proc *p)
{
	while (p && (p->space != space || !p->slots))
		p = p->next;
	return p ? p->slots : NULL;
}

struct slot *slot_next_locked(const struct slot *s, const struct space *space)
{
	return s->next ? s->next : slot_first_locked(space, s->proc->next);
}

pid_t slot_tid(const struct slot *s)
{
	pid_t tid = atomic_load(&s->tid);

	return tid ? tid : s->proc->pid;
}
