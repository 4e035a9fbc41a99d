/* SPDX-License-Identifier: MIT */
/*
 * history.c: see history.h.
 *
 * Owns run->huge.  Its lock, L', is a leaf; who is who is asked under G before it.
 */
#include "run/huge/history.h"

#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct huge_history {
	pthread_mutex_t lock;
	uint64_t nr; /* L', A for readers: ever; v has the last ones */
	struct huge_note v[HUGE_NOTES];
};

/* G held. */
static void name_locked(const struct run *run, const void *space, pid_t *pid, char comm[16])
{
	const struct proc *p = run->procs;

	while (p && (p->space != space || p->vforked))
		p = p->next;
	if (!p)
		return;
	*pid = p->pid;
	memcpy(comm, p->comm, sizeof(p->comm));
}

void huge_note(void *ctx, const struct quire_huge_event *e)
{
	struct run *run = ctx;
	struct huge_history *h = run->huge;
	struct huge_note note = {.ns = run_now_ns(), .event = *e};

	pthread_mutex_lock(&run->lock);
	name_locked(run, e->cookie, &note.pid, note.comm);
	name_locked(run, e->by, &note.by, note.by_comm);
	pthread_mutex_unlock(&run->lock);
	pthread_mutex_lock(&h->lock);
	h->v[h->nr % HUGE_NOTES] = note;
	atomic_store(&h->nr, h->nr + 1);
	pthread_mutex_unlock(&h->lock);
}

/* The note is of this page, among others. */
static bool concerns(const struct quire_huge_event *e, const struct quire_huge_event *page)
{
	return e->dev == page->dev && e->ino == page->ino && page->offset >= e->offset &&
	       page->offset - e->offset < e->pages * e->page_size;
}

static void turn(struct huge_note *v, unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++) {
		struct huge_note first = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = first;
	}
}

unsigned huge_notes_of(struct run *run, const struct quire_huge_event *page, struct huge_note *out,
		       unsigned max)
{
	struct huge_history *h = run->huge;
	unsigned n = 0;

	pthread_mutex_lock(&h->lock);
	for (uint64_t i = 0; i < h->nr && i < HUGE_NOTES && n < max; i++) {
		const struct huge_note *note = &h->v[(h->nr - 1 - i) % HUGE_NOTES];

		if (concerns(&note->event, page))
			out[n++] = *note;
	}
	pthread_mutex_unlock(&h->lock);
	turn(out, n);
	return n;
}

bool huge_note_taken(struct run *run, const struct quire_huge_event *page, struct huge_note *out)
{
	struct huge_history *h = run->huge;
	const struct huge_note *found = NULL;
	bool same = false;

	pthread_mutex_lock(&h->lock);
	for (uint64_t i = 0; i < h->nr && i < HUGE_NOTES && !same; i++) {
		const struct huge_note *note = &h->v[(h->nr - 1 - i) % HUGE_NOTES];
		const struct quire_huge_event *e = &note->event;

		if (e->what != QUIRE_HUGE_TAKEN || e->dev != page->dev || e->ino != page->ino)
			continue;
		same = e->offset == page->offset;
		if (same || !found)
			found = note;
	}
	if (found)
		*out = *found;
	pthread_mutex_unlock(&h->lock);
	return found;
}

uint64_t huge_notes_nr(struct run *run)
{
	return atomic_load_relaxed(&run->huge->nr);
}

bool huge_note_unpromised(struct run *run, pid_t pid, uint64_t since, struct huge_note *out)
{
	struct huge_history *h = run->huge;
	bool found = false;

	pthread_mutex_lock(&h->lock);
	for (uint64_t i = h->nr; i > since && h->nr - i < HUGE_NOTES && !found; i--) {
		const struct huge_note *note = &h->v[(i - 1) % HUGE_NOTES];

		found = note->event.what == QUIRE_HUGE_UNPROMISED && note->pid == pid;
		if (found)
			*out = *note;
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

int huge_history_create(struct run *run)
{
	run->huge = calloc(1, sizeof(*run->huge));
	if (!run->huge)
		return -ENOMEM;
	pthread_mutex_init(&run->huge->lock, NULL);
	return 0;
}

void huge_history_destroy(struct run *run)
{
	if (run->huge)
		pthread_mutex_destroy(&run->huge->lock);
	free(run->huge);
	run->huge = NULL;
}
