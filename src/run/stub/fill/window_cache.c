/* SPDX-License-Identifier: MIT */
/*
 * window_cache.c: which open file has which window, told by the descriptors that it was mapped by.
 *
 *   1. A descriptor that is closed, or replaced, is forgotten before the host does it, and none is
 *      noted until it has: the number tells no more which open file that was.  What was mapped by
 *      it alone gets another window when it is mapped by another descriptor of the same open file.
 *   2. A number is one of a table of descriptors: threads have one together until one of them
 *      takes its own (unshare, close_range, clone).
 */
#include "run/stub/fill/window_cache.h"

#include "run/stub/base/area.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/far.h"
#include "run/stub/fill/windows.h"
#include "run/wire/atomic.h"
#include "run/wire/sys.h"

#include <linux/kcmp.h>

#define CACHE 16

static struct cached cache[CACHE];
static uint32_t cache_lock; /* guards all of this */
static uint32_t cache_next;
static uint32_t age_now; /* bumped when a descriptor is forgotten */
static uint32_t going;   /* threads that have the host close some */

/* For all but the descriptor. */
static bool serves_locked(const struct cached *w, const struct file_map *m)
{
	return w->id && w->table == m->t->fd_table && w->dev == m->dev && w->ino == m->ino &&
	       w->kind == m->kind && m->first >= w->first &&
	       m->first + m->pages <= w->first + w->pages;
}

/* The thread that closes one of the two forgets it first (fds_closing_begin), and waits for us. */
static bool same_open_file_locked(int a, int b)
{
	int64_t self = sys(__NR_gettid);

	return a == b || sys(__NR_kcmp, self, self, KCMP_FILE, a, b) == 0;
}

/* The same descriptor's before that of another one of the same open file. */
bool cache_find(const struct file_map *m, struct cached *out)
{
	bool found = false;

	lock_take(&cache_lock);
	for (int i = 0; i < 2 * CACHE && !found; i++) {
		const struct cached *w = &cache[i % CACHE];

		found = serves_locked(w, m) &&
			(i < CACHE ? w->fd == m->fd : same_open_file_locked(w->fd, m->fd));
		if (found)
			*out = *w;
	}
	lock_drop(&cache_lock);
	return found;
}

uint32_t cache_age(void)
{
	return atomic_load(&age_now);
}

void cache_add(const struct cached *w, uint32_t age)
{
	lock_take(&cache_lock);
	if (age_now == age && !going)
		cache[cache_next++ % CACHE] = *w;
	lock_drop(&cache_lock);
}

void cache_use(const struct file_map *m, struct cached *used, uint32_t age)
{
	lock_take(&cache_lock);
	for (int i = 0; i < CACHE; i++)
		if (cache[i].addr == used->addr)
			cache[i].written |= m->written;
	lock_drop(&cache_lock);
	if (used->fd == m->fd)
		return;
	used->fd = m->fd;
	used->written |= m->written;
	cache_add(used, age);
}

void cache_forget(uint64_t addr)
{
	lock_take(&cache_lock);
	for (int i = 0; i < CACHE; i++)
		if (cache[i].addr == addr)
			cache[i].id = 0;
	lock_drop(&cache_lock);
}

void fds_closing_begin(const struct thread *t, uint64_t first, uint64_t last)
{
	lock_take(&cache_lock);
	age_now++;
	going++;
	for (int i = 0; i < CACHE; i++) {
		struct cached *w = &cache[i];

		if (w->table == t->fd_table && (uint64_t)w->fd >= first && (uint64_t)w->fd <= last)
			w->id = 0;
	}
	lock_drop(&cache_lock);
}

void fds_closing_end(void)
{
	lock_take(&cache_lock);
	going--;
	lock_drop(&cache_lock);
}

void fd_table_take_new(struct thread *t)
{
	t->fd_table = atomic_add(&shared.nr_fd_tables, 1u);
}

/* Another thread of the parent may have held the lock, or been about to close something. */
static void cache_after_fork(void)
{
	going = 0;
	atomic_store(&cache_lock, 0u);
}

void windows_after_fork(void)
{
	cache_after_fork();
	atomic_store(&shared.windows_lock, 0u);
	far_after_fork();
}
