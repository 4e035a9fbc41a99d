/* SPDX-License-Identifier: MIT */
/*
 * flush.c: flushes of an address space by somebody who is not in it: a file that several map is
 * punched, process_vm_writev breaks a copy-on-write.
 *
 * One of its threads is made to do it by a signal (proto.h, "service"), whatever it is doing; it
 * waits for nobody, so two processes may flush each other at the same time.  A thread that cannot
 * run (vfork's parent) does not answer: after a while the next one is asked as well.
 *
 * Owns every slot's service area, under remote_lock (leaf but for G).
 */
#include "run/engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 2
#define MAX_ASKED 64

static pthread_mutex_t remote_lock = PTHREAD_MUTEX_INITIALIZER;

struct asked {
	struct slot *slot;
	uint32_t seq;
};

static bool was_asked(const struct asked *asked, unsigned n, const struct slot *s)
{
	for (unsigned i = 0; i < n; i++) {
		if (asked[i].slot == s)
			return true;
	}
	return false;
}

static void write_service(struct chan *c, const struct quire_tlb_range *ranges, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		c->service_ranges[i].start = ranges[i].start;
		c->service_ranges[i].end = ranges[i].end;
	}
	c->service_nranges = n;
}

/* Asks a thread that has not been asked.  False: there is none left.  G held. */
static bool ask_locked(struct space *space, struct asked *asked, unsigned *nr,
		       const struct quire_tlb_range *ranges, unsigned n)
{
	struct run *run = space->run;
	siginfo_t si = {.si_signo = SIGBUS, .si_code = SI_QUEUE};

	si.si_pid = getpid();
	si.si_uid = getuid();
	for (struct proc *p = run->procs; p && *nr < MAX_ASKED; p = p->next) {
		for (struct slot *s = p->space == space ? p->slots : NULL; s; s = s->next) {
			pid_t tid = at_load(&s->tid);

			tid = tid ? tid : p->pid;

			if (!at_load(&s->started) || was_asked(asked, *nr, s))
				continue;
			write_service(s->chan, ranges, n);
			asked[*nr].slot = s;
			asked[(*nr)++].seq = at_add(&s->chan->service_seq, 1);
			p->stats.remote_flushes++;
			syscall(SYS_rt_tgsigqueueinfo, p->pid, tid, SIGBUS, &si);
			return true;
		}
	}
	return false;
}

static bool any_done(const struct asked *asked, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (at_load(&asked[i].slot->chan->service_done) == asked[i].seq)
			return true;
	}
	return false;
}

/* The thread may be dead, and its slot another's by now: then nobody has the translations. */
static bool anybody_left(struct space *space)
{
	bool left = false;

	if (!at_load(&space->users))
		return false;
	pthread_mutex_lock(&space->run->lock);
	for (struct proc *p = space->run->procs; p && !left; p = p->next) {
		for (struct slot *s = p->space == space ? p->slots : NULL; s; s = s->next)
			left = left || at_load(&s->started);
	}
	pthread_mutex_unlock(&space->run->lock);
	return left;
}

static void flush_chunk(struct space *space, const struct quire_tlb_range *ranges, unsigned n)
{
	struct run *run = space->run;
	struct asked asked[MAX_ASKED];
	unsigned nr = 0;

	do {
		struct chan *c;

		pthread_mutex_lock(&run->lock);
		ask_locked(space, asked, &nr, ranges, n);
		pthread_mutex_unlock(&run->lock);
		if (!nr)
			return;
		c = asked[nr - 1].slot->chan;
		futex_wait(&c->service_done, asked[nr - 1].seq - 1, PATIENCE_MS);
	} while (!any_done(asked, nr) && anybody_left(space));
}

void flush_remote(struct space *space, const struct quire_tlb_range *ranges, unsigned n)
{
	unsigned done = 0;

	pthread_mutex_lock(&remote_lock);
	do {
		unsigned k = n - done;

		if (k > CHAN_SERVICE_RANGES)
			k = CHAN_SERVICE_RANGES;
		flush_chunk(space, ranges + done, k);
		done += k;
	} while (done < n && at_load(&space->users));
	pthread_mutex_unlock(&remote_lock);
}
