/* SPDX-License-Identifier: MIT */
/*
 * peak.c: the most RAM that was in use at once, what it was made of, and who held it.
 *
 * Owns run->peak->
 *
 *   1  RAM is asked for by requests alone, and the figure is looked at after each: between two
 *      looks of one thread it only falls.  What others do meanwhile may hide a few pages; the told
 *      figure is rounded up (peak_bytes), so that the run fits into a machine of that size.
 *   2  What it was made of is noted whenever more is in use than at the last note: by a 64th, or
 *      by anything if somebody has just died, whose memory is about to go.
 *   3  A dead process holds its memory until its address space is taken apart.
 */
#include "run/guest/peak.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

#include <string.h>

#define STEP_FRAMES 64u /* no note for less than 256 KiB more */
#define SLACK_FRAMES 8u
#define ROUND_FRAMES 16u

static bool worth_a_note(const struct run *run, uint64_t used)
{
	uint64_t noted = atomic_load_relaxed(&run->peak_noted);

	return used >= noted + noted / 64 + STEP_FRAMES;
}

/* Keeps the PEAK_HOLDERS largest, the largest first. */
static void add_holder(struct peak *peak, struct peak_holder h)
{
	unsigned i = 0;

	if (!h.anon && !h.shmem)
		return;
	if (peak->nr_holders < PEAK_HOLDERS)
		peak->holder[peak->nr_holders++] = (struct peak_holder){0};
	else
		peak->nr_others++;
	for (; i < peak->nr_holders; i++) {
		struct peak_holder old = peak->holder[i];

		if (old.anon + old.shmem >= h.anon + h.shmem)
			continue;
		peak->holder[i] = h;
		h = old;
	}
}

/* Whose memory is counted as this process's; NULL: none, or another's.  Invariant 3. */
static const struct space *space_held_locked(const struct proc *p)
{
	if (p->state == PROC_DEAD)
		return p->reap_last ? p->reap_space : NULL;
	return p->vforked ? NULL : p->space; /* vfork's child lives in its parent's memory */
}

static void note_holders_locked(struct run *run)
{
	struct peak *peak = run->peak;

	peak->nr_holders = peak->nr_others = 0;
	for (struct proc *p = run->procs; p; p = p->next) {
		const struct space *space = space_held_locked(p);
		struct peak_holder h = {.pid = p->pid};

		if (!space)
			continue;
		memcpy(h.comm, p->comm, sizeof(h.comm));
		quire_mm_in_ram(space->mm, &h.anon, &h.shmem);
		add_holder(peak, h);
	}
}

static void note_locked(struct run *run, uint64_t used)
{
	struct quire_machine_stats m;

	quire_machine_stats(run->machine, &m);
	atomic_store(&run->peak_noted, used);
	run->peak->anon = m.anon_frames;
	run->peak->shmem = m.shmem_frames;
	run->peak->tables = m.table_frames;
	note_holders_locked(run);
}

static uint64_t raise_peak(struct run *run)
{
	uint64_t used = quire_machine_used_frames(run->machine),
		 old = atomic_load_relaxed(&run->peak_used);

	while (used > old && !__atomic_compare_exchange_n(&run->peak_used, &old, used, true,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return used;
}

void peak_look(struct run *run)
{
	uint64_t used = raise_peak(run);

	if (!worth_a_note(run, used))
		return;
	pthread_mutex_lock(&run->lock);
	if (worth_a_note(run, used))
		note_locked(run, used);
	pthread_mutex_unlock(&run->lock);
}

void peak_look_at_death_locked(struct run *run)
{
	uint64_t used = raise_peak(run);

	if (used > run->peak_noted)
		note_locked(run, used);
}

uint64_t peak_bytes(const struct run *run)
{
	uint64_t frames = run->peak_used + SLACK_FRAMES + ROUND_FRAMES - 1;

	frames -= frames % ROUND_FRAMES;
	return frames * PAGE < run->ram_bytes ? frames * PAGE : run->ram_bytes;
}
