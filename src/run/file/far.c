/* SPDX-License-Identifier: MIT */
/*
 * far.c: frame numbers for pages that a window does not show: of mappings for which there are no
 * addresses among the windows, or that have grown beyond theirs.
 *
 * The numbers are the run's: a range means the same in every process, whoever asked for it, so
 * that a forked child can be told (OP_FAR) what it did not see made.
 *
 *   1  Ranges do not overlap, nor touch: pages in a row are of one range.
 *   2  A range is its window's until the window is released: entries with its numbers may exist.
 *
 * Owns the ranges, under F' (a leaf).
 */
#include "run/file/far.h"

#include "ds/itree.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/file/files.h"
#include "run/file/window.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct far_numbers {
	pthread_mutex_t lock; /* F' */
	struct itree ranges;  /* F': with the number behind each, which stays free (1) */
	uint64_t next;        /* F': where to look first */
};

int far_create(struct run *run)
{
	struct far_numbers *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	pthread_mutex_init(&f->lock, NULL);
	f->next = FAR_FIRST;
	run->far = f;
	return 0;
}

/* First free number of so many in a row, from `from` on; 0: none. */
static uint64_t find_free(struct far_numbers *f, uint64_t from, uint64_t n)
{
	struct itree_node *node;

	while (from + n < FAR_END) {
		node = itree_first(&f->ranges, from, from + n);
		if (!node)
			return from;
		from = node->last + 1;
	}
	return 0;
}

static bool add_range(struct window *w, uint64_t pages)
{
	struct far_numbers *f = w->run->far;
	struct far_range *r = &w->far[w->nr_far];
	uint64_t at = pages < FAR_END ? find_free(f, f->next, pages) : 0;

	if (!at && pages < FAR_END)
		at = find_free(f, FAR_FIRST, pages);
	if (!at)
		return false;
	r->window = w;
	itree_insert(&f->ranges, &r->node, at, at + pages);
	f->next = at + pages + 1;
	atomic_store(&w->nr_far, w->nr_far + 1);
	return true;
}

static uint64_t pages_of(const struct far_range *r)
{
	return r->node.last - r->node.first;
}

/* With room to grow in, the more the oftener it has grown; without, where numbers are short. */
int far_extend(struct window *w, uint64_t pages)
{
	struct far_numbers *f = w->run->far;
	int err = 0;

	pthread_mutex_lock(&f->lock);
	if (w->nr_far && pages_of(&w->far[w->nr_far - 1]) >= pages)
		err = 0;
	else if (w->nr_far == MAX_FAR_RANGES || pages >= FAR_END)
		err = -ENOMEM;
	else if (!add_range(w, pages + (pages << w->nr_far)) && !add_range(w, pages))
		err = -ENOMEM;
	pthread_mutex_unlock(&f->lock);
	return err;
}

uint64_t far_frame(const struct window *w, uint64_t distance)
{
	unsigned n = atomic_load(&w->nr_far);
	const struct far_range *r = n ? &w->far[n - 1] : NULL;

	return r && distance < pages_of(r) ? r->node.first + distance : 0;
}

void far_release(struct window *w)
{
	struct far_numbers *f = w->run->far;

	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < w->nr_far; i++)
		itree_remove(&f->ranges, &w->far[i].node);
	pthread_mutex_unlock(&f->lock);
}

/* Only to be compared with what the space has: it may be gone by then. */
static const struct quire_file *find(struct request *q, unsigned *index)
{
	struct far_numbers *f = q->run->far;
	const struct quire_file *file = NULL;
	struct itree_node *node;

	pthread_mutex_lock(&f->lock);
	node = itree_first(&f->ranges, q->a[0], q->a[0]);
	if (node && q->a[0] < node->last) {
		const struct far_range *r = (const struct far_range *)(const void *)node;

		q->v[0] = node->first;
		q->v[1] = pages_of(r);
		q->v[2] = r->window->addr;
		file = r->window->file;
		*index = r->window->index;
	}
	pthread_mutex_unlock(&f->lock);
	return file;
}

void op_far(struct request *q)
{
	unsigned index = 0;
	const struct quire_file *file = find(q, &index);
	struct space *s = q->space;

	pthread_mutex_lock(&s->lock);
	q->ret = file && index < s->cap_windows && s->windows[index].file == file ? 0 : -ENOENT;
	pthread_mutex_unlock(&s->lock);
}
