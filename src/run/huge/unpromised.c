/* SPDX-License-Identifier: MIT */
/*
 * unpromised.c: see unpromised.h.
 *
 * Owns run->unpromised.
 */
#include "run/huge/unpromised.h"

#include "run/base/run.h"
#include "run/guest/proc.h"

#include <errno.h>
#include <stdlib.h>

static bool is_same(const struct huge_note *a, const struct huge_note *b)
{
	return a->pid == b->pid && a->event.page_size == b->event.page_size &&
	       a->event.reason == b->event.reason;
}

/* Counts it with those that are equal.  True: there are none, and there is room for it. */
static bool is_new_locked(struct unpromised_list *l, const struct huge_note *note)
{
	for (unsigned i = 0; i < l->nr; i++) {
		if (is_same(&l->v[i].note, note)) {
			l->v[i].times++;
			return false;
		}
	}
	if (l->nr < MAX_UNPROMISED)
		return true;
	l->more++;
	return false;
}

void huge_mmap_refused(struct run *run, const struct proc *p, uint64_t since)
{
	struct unpromised_list *l = run->unpromised;
	struct huge_note note;
	struct huge_why *why;
	bool is_new;

	if (!huge_note_unpromised(run, p->pid, since, &note))
		return;
	pthread_mutex_lock(&l->lock);
	is_new = is_new_locked(l, &note);
	if (is_new)
		l->v[l->nr++] = (struct unpromised){.note = note, .times = 1};
	pthread_mutex_unlock(&l->lock);
	if (!is_new)
		return;
	why = huge_why_unpromised(run, &note);
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->nr; i++)
		if (is_same(&l->v[i].note, &note))
			l->v[i].why = why;
	pthread_mutex_unlock(&l->lock);
}

int unpromised_create(struct run *run)
{
	run->unpromised = calloc(1, sizeof(*run->unpromised));
	if (!run->unpromised)
		return -ENOMEM;
	pthread_mutex_init(&run->unpromised->lock, NULL);
	return 0;
}
