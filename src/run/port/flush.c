/* SPDX-License-Identifier: MIT */
/*
 * flush.c: flushes of an address space by a thread that is not in it: a file that several map is
 * punched, process_vm_writev breaks a copy-on-write.
 *
 * One of its threads is made to do it by a signal (proto.h, "service"), whatever it is doing; it
 * waits for nobody, so two processes may flush each other at the same time.  A thread that cannot
 * run (stopped, or vfork's parent) does not answer: after a while the next one is asked as well,
 * then the next two, four, .., so that a process of many threads is asked in few rounds.
 *
 *   1  A stopped thread's signal stays pending and is taken before any instruction in user mode.
 *      So when all threads have been asked and were seen stopped after that, the flush is as good
 *      as done: whichever runs first does it first.  A thread that is no more counts as stopped;
 *      so does one that waits in vfork for a child that has spoken: the host is done with the
 *      guest's memory by then, and only the stub runs until the signal is taken.
 *   2  A thread that has not spoken yet gets no signal: it looks at its service area when its first
 *      request has been answered, before it runs guest code.  So it need not be waited for, also
 *      if it speaks while others are asked.
 *   3  While an earlier request is outstanding its ranges are not written over: it becomes one to
 *      flush everything.
 *   4  What the host says of a thread is read without G: it takes long, and nothing is lost.  A
 *      thread that runs on meanwhile has taken its signal first, and so have those that it makes.
 *   5  A request's number is the slot's own, and goes on when the slot changes hands: the new
 *      thread has not been asked.
 *
 * Owns every slot's service area: under E, of the address space that the slot's thread is in, and
 * G.
 */
#include "run/port/flush.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/task.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 2

struct flush {
	struct space *space;
	const struct quire_tlb_range *ranges;
	unsigned n;
	uint64_t id;
	bool lent; /* whoever has done it has seen that (proto.h) */
	/* The thread that was asked last. */
	const struct chan *chan;
	uint32_t service;
	pid_t pid, tid;
	/* All, when all had been asked. */
	struct asked {
		pid_t pid, tid;
	} * all;
	unsigned nr_all, cap_all;
};

static void write_service(struct slot *s, const struct flush *f)
{
	struct answer *a = s->answer;
	bool outstanding = atomic_load(&s->chan->service_done) != s->service;

	for (unsigned i = 0; i < f->n && !outstanding; i++) {
		a->service_ranges[i].start = f->ranges[i].start;
		a->service_ranges[i].end = f->ranges[i].end;
	}
	atomic_store(&a->service_nranges, outstanding ? 0 : f->n);
	atomic_store(&a->service_seq, ++s->service);
	s->asked = f->id;
}

static void send_signal(struct slot *s, struct flush *f)
{
	siginfo_t si = {.si_signo = SIGBUS, .si_code = SI_QUEUE};

	si.si_pid = getpid();
	si.si_uid = getuid();
	f->chan = s->chan;
	f->service = s->service;
	f->pid = s->proc->pid;
	f->tid = slot_tid(s);
	s->signalled = f->id;
	s->proc->stats.remote_flushes++;
	syscall(SYS_rt_tgsigqueueinfo, f->pid, f->tid, SIGBUS, &si);
}

/* So many more, or all that are left: how many.  G held. */
static unsigned ask_locked(struct flush *f, unsigned max)
{
	unsigned sent = 0;

	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s && sent < max;
	     s = slot_next_locked(s, f->space)) {
		if (s->asked == f->id)
			continue;
		write_service(s, f);
		/* Looked at behind the store: whoever speaks meanwhile sees the one, or we the
		 * other. */
		if (atomic_load(&s->started)) {
			send_signal(s, f);
			sent++;
		}
	}
	return sent;
}

/* A thread of p in clone may be about to have its child's number written. */
static bool has_silent_child(struct run *run, const struct proc *p)
{
	unsigned left = run->nr_new;

	for (struct proc *c = run->last_proc; c && left; c = c->prev) {
		if (c->state != PROC_NEW)
			continue;
		left--;
		if (c->parent_serial == p->serial)
			return true;
	}
	return false;
}

static bool silent_children_locked(const struct flush *f)
{
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (has_silent_child(f->space->run, s->proc))
			return true;
	}
	return false;
}

static bool add(struct flush *f, const struct slot *s)
{
	if (f->nr_all == f->cap_all) {
		unsigned cap = f->cap_all ? f->cap_all * 2 : 64;
		struct asked *more = realloc(f->all, cap * sizeof(*more));

		if (!more)
			return false;
		f->all = more;
		f->cap_all = cap;
	}
	f->all[f->nr_all++] = (struct asked){s->proc->pid, slot_tid(s)};
	return true;
}

/* Rule 2: those that were sent a signal.  False: no memory.  G held. */
static bool list_locked(struct flush *f)
{
	f->nr_all = 0;
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (s->signalled == f->id && !add(f, s))
			return false;
	}
	return true;
}

/* Rule 1; none at all is as good. */
static bool all_rest(const struct flush *f)
{
	struct run *run = f->space->run;
	bool vfork = false, silent = false;

	for (unsigned i = 0; i < f->nr_all; i++) {
		const struct asked *a = &f->all[i];

		if (thread_stopped(a->pid, a->tid))
			continue;
		if (!thread_in_vfork(a->pid, a->tid))
			return false;
		vfork = true;
	}
	if (vfork) {
		pthread_mutex_lock(&run->lock);
		silent = silent_children_locked(f);
		pthread_mutex_unlock(&run->lock);
	}
	return !silent;
}

static bool is_done(struct flush *f, const struct chan *c, uint32_t service)
{
	if (atomic_load(&c->service_done) != service)
		return false;
	f->lent |= atomic_load(&c->service_lent) != 0;
	return true;
}

static bool any_done_locked(struct flush *f)
{
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (s->asked == f->id && is_done(f, s->chan, s->service))
			return true;
	}
	return false;
}

static bool await(struct flush *f)
{
	const uint32_t *word = &f->chan->service_done;
	uint32_t done = atomic_load(word);

	if (done != f->service)
		futex_wait((uint32_t *)word, done, PATIENCE_MS);
	return is_done(f, f->chan, f->service);
}

/* One round: how many were asked in it; over: nobody needs to be waited for. */
static unsigned ask(struct flush *f, unsigned asked, bool *over)
{
	struct run *run = f->space->run;
	bool listed = false;
	unsigned sent;

	pthread_mutex_lock(&run->lock);
	*over = asked && any_done_locked(f);
	sent = *over ? 0 : ask_locked(f, asked ? asked : 1);
	if (!*over && !sent)
		listed = list_locked(f);
	pthread_mutex_unlock(&run->lock);
	if (listed)
		*over = all_rest(f);
	return sent;
}

static void flush_chunk(struct flush *f)
{
	unsigned asked = 0;

	f->id = atomic_add(&f->space->run->last_flush, 1);
	for (;;) {
		bool over;
		unsigned sent = ask(f, asked, &over);

		if (over)
			return;
		asked += sent;
		/* The first mostly answers at once: it costs less to wait than to look. */
		if (sent && asked > 1 && thread_stopped(f->pid, f->tid))
			continue;
		if (await(f))
			return;
	}
}

void flush_remote(struct space *space, const struct quire_tlb_range *ranges, unsigned n, bool *lent)
{
	struct flush f = {.space = space};
	unsigned done = 0;

	pthread_mutex_lock(&space->flush_lock);
	do {
		f.ranges = ranges + done;
		f.n = n - done < CHAN_SERVICE_RANGES ? n - done : CHAN_SERVICE_RANGES;
		flush_chunk(&f);
		done += f.n;
	} while (done < n && atomic_load(&space->users));
	pthread_mutex_unlock(&space->flush_lock);
	free(f.all);
	*lent |= f.lent;
}
