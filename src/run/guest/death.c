/* SPDX-License-Identifier: MIT */
/*
 * death.c: the end of a guest process, and of children of it that were never made.
 *
 *   1  proc_died() only marks and hands over to the reaper: it never waits, for the main thread
 *      calls it.  It may be called again.
 *
 *   2  A dead process keeps its life pipe while children of it are new, but CLAIM_NS at most:
 *      somebody else may hold the other end for ever.
 *
 * All under G, but for proc_is_gone().
 */
#include "run/guest/death.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/fd/closer.h"
#include "run/fd/ctl.h"
#include "run/fd/fds.h"
#include "run/fd/life_pipe.h"
#include "run/guest/peak.h"
#include "run/guest/proc.h"
#include "run/guest/reaper.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIM_NS (10ull * 1000000000u)

/* The main thread tells processes apart by their serials (life.c). */
int death_watch(struct run *run, struct proc *p, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u64 = p->serial};

	return epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

/* The next older new child of parent, `left` new ones being still to be seen; the youngest come
 * first. */
static struct proc *new_child(struct proc *p, unsigned *left, const struct proc *parent)
{
	for (; p && *left; p = p->prev) {
		if (p->state != PROC_NEW)
			continue;
		(*left)--;
		if (p->parent_serial == parent->serial)
			return p;
	}
	return NULL;
}

static bool has_new_child(struct run *run, const struct proc *parent)
{
	unsigned left = run->nr_new;

	return new_child(run->last_proc, &left, parent);
}

/*
 * A child of p that was granted but has sent nothing although p's life pipe, which it inherits, has
 * hung up: it is dead, or was never made.  One that has sent its own pipe lives.
 */
static struct proc *orphan_locked(struct run *run, struct proc *parent)
{
	unsigned left = run->nr_new;
	struct proc *p = new_child(run->last_proc, &left, parent);

	for (; p; p = new_child(p->prev, &left, parent)) {
		int life = p->life;

		if (life < 0 && p->slots)
			life = ctl_take_any(run, p->slots->index);
		if (life >= 0 && p->life < 0 &&
		    (!life_is_pipe(life) || death_watch(run, p, life, 0))) {
			close_later(run, life);
			life = -1;
		}
		if (life < 0)
			return p;
		p->life = life;
	}
	return NULL;
}

/* A guest may have kept another descriptor of the same: closing ours would not end the watch. */
static void close_fd(struct run *run, int *fd)
{
	if (*fd >= 0) {
		epoll_ctl(run->epoll, EPOLL_CTL_DEL, *fd, NULL);
		close_later(run, *fd);
	}
	*fd = -1;
}

static void die_locked(struct run *run, struct proc *p)
{
	struct space *space = p->space;

	if (p->state == PROC_NEW)
		run->nr_new--;
	peak_look_at_death_locked(run);
	p->state = PROC_DEAD;
	p->died_ns = run_now_ns();
	run->nr_live--;
	run->nr_dead++;
	fds_settle(run, p->promised);
	p->promised = 0;
	while (p->slots)
		slot_retire_locked(p->slots);
	p->space = NULL;
	close_fd(run, &p->pidfd);
	if (space)
		reaper_push_locked(p, space, space_leave_locked(space));
	pthread_cond_broadcast(&run->changed);
}

/*
 * The pidfd may tell of the death before the life pipe does; while children are new their fate
 * hangs on that pipe, which is then watched on.
 */
static void settle_children_locked(struct run *run, struct proc *p)
{
	bool expired = run_now_ns() - p->died_ns > CLAIM_NS;
	struct proc *orphan;

	if (p->life >= 0 && has_new_child(run, p) && !life_hung_up(p->life) && !expired) {
		run->nr_claims += !p->has_claims;
		p->has_claims = true;
		return;
	}
	run->nr_claims -= p->has_claims;
	p->has_claims = false;
	while ((orphan = orphan_locked(run, p))) {
		die_locked(run, orphan);
		close_fd(run, &orphan->life);
	}
	close_fd(run, &p->life);
}

bool proc_is_gone(const struct proc *p)
{
	struct pollfd fds[2] = {{.fd = p->life}, {.fd = p->pidfd, .events = POLLIN}};

	return poll(fds, 2, 0) > 0 && (fds[0].revents || fds[1].revents);
}

void proc_died(struct proc *p)
{
	struct run *run = p->run;

	pthread_mutex_lock(&run->lock);
	if (p->state != PROC_DEAD)
		die_locked(run, p);
	settle_children_locked(run, p);
	pthread_mutex_unlock(&run->lock);
}

void claims_expire(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p && run->nr_claims; p = p->next) {
		if (p->has_claims)
			settle_children_locked(run, p);
	}
	pthread_mutex_unlock(&run->lock);
}
