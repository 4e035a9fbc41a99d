/* SPDX-License-Identifier: MIT */
/*
 * oom.c: RAM is exhausted: the largest guest process dies.
 *
 * Called by the core in the thread of a faulting guest's worker, with no lock held.
 *
 *   1  One victim at a time: while one is dying, everybody waits for that.
 *   2  The faulting process as the victim gets QUIRE_FAULT_OOM: its stub is being killed.
 */
#include "run/engine.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEATH_SECONDS 5

static uint64_t rss_pages(struct quire_mm *mm)
{
	struct quire_mm_stats st;

	quire_mm_stats(mm, &st);
	return st.rss_anon + st.rss_file + st.rss_shmem;
}

/* Spaces of living processes, referenced, so that the core is not asked under G. */
static unsigned snapshot(struct run *run, struct space **out, unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&run->lock);
	for (struct space *s = run->spaces; s && n < max; s = s->next)
		out[n++] = space_get(s);
	pthread_mutex_unlock(&run->lock);
	return n;
}

static struct space *largest(struct run *run, uint64_t *pages)
{
	struct space *all[1024], *best = NULL;
	unsigned n = snapshot(run, all, 1024);

	*pages = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t rss = rss_pages(all[i]->mm);

		if (!best || rss > *pages) {
			if (best)
				space_put(best);
			best = all[i];
			*pages = rss;
		} else {
			space_put(all[i]);
		}
	}
	return best;
}

/* There is memory: the failure was asked for. */
static bool by_request(struct run *run)
{
	struct quire_machine_stats m;

	quire_machine_stats(run->machine, &m);
	return m.failed_points && m.free_frames > m.ram_frames / 64;
}

static void kill_locked(struct run *run, struct proc *p, uint64_t pages)
{
	if (p->oom_killed)
		return;
	p->oom_killed = true;
	run->oom_kills++;
	run_say("out of memory%s: killed process %d (%s), the largest with %llu KiB resident",
		by_request(run) ? " (an allocation that --fail names)" : "", (int)p->pid, p->comm,
		(unsigned long long)pages * 4);
	if (p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	else if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

/* Waits for the victims to be gone. */
static void wait_locked(struct run *run, struct space *victim)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEATH_SECONDS;
	while (!victim->torn) {
		if (pthread_cond_timedwait(&run->changed, &run->lock, &until) == ETIMEDOUT)
			break;
	}
}

bool oom_kill(void *ctx, struct quire_mm *mm, void *cookie)
{
	struct run *run = ctx;
	struct space *mine = cookie, *victim;
	uint64_t pages;
	bool retry;

	(void)mm;
	victim = largest(run, &pages);
	if (!victim)
		return false;
	retry = victim != mine;
	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p; p = p->next) {
		if (p->space == victim && p->state == PROC_ALIVE)
			kill_locked(run, p, pages);
	}
	if (retry)
		wait_locked(run, victim);
	pthread_mutex_unlock(&run->lock);
	space_put(victim);
	return retry;
}
