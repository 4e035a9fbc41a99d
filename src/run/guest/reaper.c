/* SPDX-License-Identifier: MIT */
/*
 * reaper.c: takes the address spaces of dead processes apart.
 *
 * A thread of its own, because unmapping needs the mm's lock, which a worker may hold that waits
 * for a guest; if that guest dies it is the main thread that says so.
 *
 * Owns the queue run->reap_head (G).
 */
#include "run/guest/reaper.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/account.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/wire/addresses.h"

void space_absorb(struct proc *p, struct space *space)
{
	struct run *run = p->run;
	struct quire_mm_stats mm;
	struct quire_usage usage = {0};

	quire_mm_stats(space->mm, &mm);
	if (!run->opts->quiet || run->opts->report)
		quire_range_usage(space->mm, 0, GUEST_TASK_SIZE, &usage);
	quire_mm_exit(space->mm);
	run->space_hooks->unmapped(run);
	pthread_mutex_lock(&run->lock);
	stats_add_mm(&p->stats, &mm);
	p->stats.usage = usage;
	run->torn++;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

void reaper_push_locked(struct proc *p, struct space *space, bool last)
{
	struct run *run = p->run;

	p->reap_space = space;
	p->reap_last = last;
	p->reap_next = NULL;
	proc_get(p);
	if (run->reap_tail)
		run->reap_tail->reap_next = p;
	else
		run->reap_head = p;
	run->reap_tail = p;
	run->nr_reaping++;
	pthread_cond_signal(&run->reap_ready);
}

static struct proc *pop_locked(struct run *run)
{
	struct proc *p = run->reap_head;

	run->reap_head = p->reap_next;
	if (!run->reap_head)
		run->reap_tail = NULL;
	return p;
}

static void reap(struct run *run, struct proc *p)
{
	struct space *space = p->reap_space;

	if (p->reap_last)
		space_absorb(p, space);
	pthread_mutex_lock(&run->lock);
	p->reap_space = NULL; /* before it is put: peak.c looks at it */
	pthread_mutex_unlock(&run->lock);
	space_put(space);
	pthread_mutex_lock(&run->lock);
	run->nr_reaping--;
	procs_fold_locked(run);
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	proc_put(p);
}

static void *reaper(void *arg)
{
	struct run *run = arg;

	pthread_mutex_lock(&run->lock);
	for (;;) {
		struct proc *p;

		while (!run->reap_head && !run->reaper_stop)
			pthread_cond_wait(&run->reap_ready, &run->lock);
		if (!run->reap_head)
			break;
		p = pop_locked(run);
		pthread_mutex_unlock(&run->lock);
		reap(run, p);
		pthread_mutex_lock(&run->lock);
	}
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

int reaper_start(struct run *run)
{
	return -pthread_create(&run->reaper, NULL, reaper, run);
}

/* After everything in the queue has been done. */
void reaper_stop(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	run->reaper_stop = true;
	pthread_cond_signal(&run->reap_ready);
	pthread_mutex_unlock(&run->lock);
	pthread_join(run->reaper, NULL);
}
