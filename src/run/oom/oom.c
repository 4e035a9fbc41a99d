/* SPDX-License-Identifier: MIT */
/*
 * oom.c: memory has run out: who is waited for, and who dies.
 *
 * Called by the core in the thread of a worker that serves a guest's fault, fork or mremap, with no
 * lock held.
 *
 *   1  No process dies while another's memory is on its way back, or has come meanwhile: unless
 *      that was not enough, or others have taken it, again and again.
 *   2  One at a time: a thread that comes meanwhile waits for the first, and tries again.
 *   3  The process that asks, as the victim, gets a refusal: its stub is being killed.
 *   4  Where nobody may be killed, nobody is: the process that asks gets SIGBUS (op_fault.c), or
 *      its call fails.
 */
#include "run/oom/oom.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/link/channel.h"
#include "run/oom/holders.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those on which the thread that asks has found nothing; 0: all that there are. */
static uint64_t missing_nodes(struct run *run, enum quire_memory what)
{
	uint64_t all = quire_machine_node_set(run->machine);
	uint64_t missing =
	    what == QUIRE_MEMORY_RAM && current_slot ? current_slot->task.missing & all : 0;

	return missing == all ? 0 : missing;
}

static bool any_free(struct run *run, uint64_t nodes)
{
	struct quire_node_stats st;

	for (unsigned i = 0; nodes >> i; i++)
		if (nodes >> i & 1 && !quire_node_stats(run->machine, i, &st) && st.free_frames)
			return true;
	return false;
}

static bool is_there(struct run *run, enum quire_memory what, uint64_t nodes)
{
	struct quire_machine_stats m;

	quire_machine_stats(run->machine, &m);
	if (what == QUIRE_MEMORY_TABLES)
		return m.free_table_frames || m.waiting_table_frames;
	if (nodes && any_free(run, nodes))
		return true;
	return what == QUIRE_MEMORY_RAM && ((m.free_frames && !nodes) || m.waiting_frames);
}

/*
 * Looking at who holds what has waited for unmappings that were under way.  What there is now may
 * as well be what the call itself had taken and has given back, of which it needs more (a fork of
 * a process with many tables): it does not get to try for ever.
 */
static bool has_come(struct run *run, enum quire_memory what, uint64_t nodes)
{
	return is_there(run, what, nodes) && oom_take_try();
}

static void kill_locked(struct proc *p)
{
	atomic_store(&p->oom_killed, true);
	if (p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	else if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

/* All in the victim's space. */
static void kill_all(struct run *run, const struct space *space)
{
	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p; p = p->next)
		if (p->space == space && p->state != PROC_DEAD)
			kill_locked(p);
	pthread_mutex_unlock(&run->lock);
}

/* Everybody is exempt, or is being killed already. */
static void say_nobody(struct run *run, const struct holders *h)
{
	for (unsigned i = 0; i < h->nr; i++)
		if (atomic_load(&h->v[i].who->proc->oom_killed))
			return;
	run_say(run,
		"out of memory: %s: no process may be killed (oom_score_adj): process %d (%s) gets "
		"SIGBUS, or an error from its call",
		oom_memory_name(h->what), (int)current_slot->proc->pid, current_slot->proc->comm);
}

static bool choose_and_kill(struct run *run, struct space *mine, struct holders *h)
{
	struct holder *victim = holders_choose(h);
	bool other = victim && victim->who->space != mine;

	if (!victim) {
		say_nobody(run, h);
		return false;
	}
	oom_tell(run, h, victim);
	kill_all(run, victim->who->space);
	if (other)
		oom_wait(run, mine, true);
	return other;
}

static bool make_room(struct run *run, struct space *mine, enum quire_memory what)
{
	uint64_t nodes = missing_nodes(run, what);
	struct holders *h;
	bool again;

	if (what != QUIRE_MEMORY_OTHER && oom_wait(run, mine, false))
		return true;
	if (what == QUIRE_MEMORY_HUGE)
		return true; /* they may have come before anybody was asked who is dying */
	h = malloc(sizeof(*h));
	if (!h)
		return false;
	holders_find(run, what, nodes, h);
	again = has_come(run, what, nodes) || choose_and_kill(run, mine, h);
	holders_put(h);
	free(h);
	return again;
}

bool oom_kill(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	struct run *run = ctx;
	bool first, again;

	(void)mm;
	first = !pthread_mutex_trylock(&run->ooms->one_at_a_time);
	if (!first)
		pthread_mutex_lock(&run->ooms->one_at_a_time);
	again = (!first && what != QUIRE_MEMORY_OTHER) || make_room(run, cookie, what);
	pthread_mutex_unlock(&run->ooms->one_at_a_time);
	return again;
}

int oom_create(struct run *run)
{
	run->ooms = calloc(1, sizeof(*run->ooms));
	if (!run->ooms)
		return -ENOMEM;
	pthread_mutex_init(&run->ooms->one_at_a_time, NULL);
	return 0;
}
