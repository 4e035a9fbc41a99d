/* SPDX-License-Identifier: MIT */
/*
 * flush.c: flushes of an address space by somebody who is not in it: a file that several map is
 * punched, process_vm_writev breaks a copy-on-write.
 *
 * One of its threads is made to do it by a signal (proto.h, "service"), whatever it is doing; it
 * waits for nobody, so two processes may flush each other at the same time.  A thread that cannot
 * run (stopped, or vfork's parent) does not answer: after a while the next one is asked as well.
 *
 *   1  A stopped thread's signal stays pending and is taken before any instruction in user mode.
 *      So when all threads have been asked and were seen stopped after that, the flush is as good
 *      as done: whichever runs first does it first.  A thread that is no more counts as stopped;
 *      so does one that waits in vfork for a child that has spoken: the host is done with the
 *      guest's memory by then, and only the stub runs until the signal is taken.
 *   2  A thread that has not spoken yet gets no signal: it looks at its service area when its first
 *      request has been answered, before it runs guest code.
 *   3  While an earlier request is outstanding its ranges are not written over: it becomes one to
 *      flush everything.
 *   4  A request's number is the slot's own, and goes on when the slot changes hands: the new
 *      thread has not been asked.
 *
 * Owns every slot's service area: under E, of the address space that the slot's thread is in, and
 * G.
 */
#include "run/engine.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 2

struct flush {
	struct space *space;
	const struct quire_tlb_range *ranges;
	unsigned n;
	uint64_t id;
	/* The thread that was asked last. */
	const uint32_t *done;
	uint32_t service;
	pid_t pid, tid;
};

static uint64_t last_flush; /* A */

static void write_service(struct slot *s, const struct flush *f)
{
	struct answer *a = s->answer;
	bool outstanding = at_load(&s->chan->service_done) != s->service;

	for (unsigned i = 0; i < f->n && !outstanding; i++) {
		a->service_ranges[i].start = f->ranges[i].start;
		a->service_ranges[i].end = f->ranges[i].end;
	}
	at_store(&a->service_nranges, outstanding ? 0 : f->n);
	at_store(&a->service_seq, ++s->service);
	s->asked = f->id;
}

static void send_signal(struct slot *s, struct flush *f)
{
	siginfo_t si = {.si_signo = SIGBUS, .si_code = SI_QUEUE};

	si.si_pid = getpid();
	si.si_uid = getuid();
	f->done = &s->chan->service_done;
	f->service = s->service;
	f->pid = s->proc->pid;
	f->tid = slot_tid(s);
	s->proc->stats.remote_flushes++;
	syscall(SYS_rt_tgsigqueueinfo, f->pid, f->tid, SIGBUS, &si);
}

/* False: all have been asked that can be.  G held. */
static bool ask_next_locked(struct flush *f)
{
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (s->asked == f->id)
			continue;
		write_service(s, f);
		/* Looked at behind the store: whoever speaks meanwhile sees the one, or we the
		 * other. */
		if (at_load(&s->started)) {
			send_signal(s, f);
			return true;
		}
	}
	return false;
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

static bool rests(struct slot *s)
{
	struct proc *p = s->proc;
	pid_t tid = slot_tid(s);

	return thread_stopped(p->pid, tid) ||
	       (thread_in_vfork(p->pid, tid) && !has_silent_child(p->run, p));
}

/* Rule 1; none at all is as good.  G held. */
static bool all_stopped_locked(const struct flush *f)
{
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (at_load(&s->started) && !rests(s))
			return false;
	}
	return true;
}

static bool any_done_locked(const struct flush *f)
{
	for (struct slot *s = slot_first_locked(f->space, f->space->run->procs); s;
	     s = slot_next_locked(s, f->space)) {
		if (s->asked == f->id && at_load(&s->chan->service_done) == s->service)
			return true;
	}
	return false;
}

static bool await(const struct flush *f)
{
	uint32_t done = at_load(f->done);

	if (done != f->service)
		futex_wait((uint32_t *)f->done, done, PATIENCE_MS);
	return at_load(f->done) == f->service;
}

static void flush_chunk(struct flush *f)
{
	struct run *run = f->space->run;
	unsigned asked = 0;

	f->id = at_add(&last_flush, 1);
	for (;;) {
		bool over, sent;

		pthread_mutex_lock(&run->lock);
		over = asked && any_done_locked(f);
		sent = !over && ask_next_locked(f);
		over = over || (!sent && (!asked || all_stopped_locked(f)));
		pthread_mutex_unlock(&run->lock);
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

void flush_remote(struct space *space, const struct quire_tlb_range *ranges, unsigned n)
{
	struct flush f = {.space = space};
	unsigned done = 0;

	pthread_mutex_lock(&space->flush_lock);
	do {
		f.ranges = ranges + done;
		f.n = n - done < CHAN_SERVICE_RANGES ? n - done : CHAN_SERVICE_RANGES;
		flush_chunk(&f);
		done += f.n;
	} while (done < n && at_load(&space->users));
	pthread_mutex_unlock(&space->flush_lock);
}
