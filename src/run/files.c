/* SPDX-License-Identifier: MIT */
/*
 * files.c: which files of the host a space maps, and through which windows (window.c).
 *
 *   1  A file's id means the same in a forked child, which inherits the host mappings of the
 *      windows and a copy of the table.
 *   2  A window that no VMA of the space uses, and that nobody has asked for since the last look,
 *      is dropped when there are many.  Ids are not used again (generation), so a thread that still
 *      holds the id of a dropped one gets ESTALE and makes a new window.
 *
 * Owns space->windows (W).
 */
#include "run/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LOOK 64u
#define MAX_WINDOWS 0xfffffu
#define ID(index, generation) ((uint64_t)(generation) << 20 | (index))

/* ---- the table of a space ---------------------------------------------------- */

static struct window_ref *find_id(struct space *s, uint64_t id)
{
	uint64_t index = id & MAX_WINDOWS;
	struct window_ref *r = index < s->cap_windows ? &s->windows[index] : NULL;

	return r && r->file && ID(index, r->generation) == id ? r : NULL;
}

struct quire_file *window_file(struct space *s, uint64_t id)
{
	struct quire_file *file = NULL;
	struct window_ref *r;

	pthread_mutex_lock(&s->lock);
	r = find_id(s, id);
	if (r) {
		file = r->file;
		r->recent = true;
		quire_file_get(file);
	}
	pthread_mutex_unlock(&s->lock);
	return file;
}

static int64_t table_grow(struct space *s)
{
	unsigned cap = s->cap_windows ? 2 * s->cap_windows : 16;
	struct window_ref *t;

	if (cap > MAX_WINDOWS)
		return -ENFILE;
	t = realloc(s->windows, cap * sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t + s->cap_windows, 0, (cap - s->cap_windows) * sizeof(*t));
	s->windows = t;
	s->cap_windows = cap;
	return 0;
}

/* Takes over the reference.  Returns the id. */
static int64_t table_add(struct space *s, struct quire_file *file)
{
	unsigned i = 0;
	int64_t err = 0;

	if (s->nr_windows == s->cap_windows) {
		i = s->cap_windows;
		err = table_grow(s);
	}
	if (err)
		return err;
	while (s->windows[i].file)
		i++;
	s->windows[i].file = file;
	s->windows[i].generation++;
	s->windows[i].recent = true;
	s->nr_windows++;
	return (int64_t)ID(i, s->windows[i].generation);
}

int windows_copy(struct space *to, struct space *from)
{
	int err = 0;

	pthread_mutex_lock(&from->lock);
	to->collect_at = from->collect_at;
	if (from->cap_windows) {
		to->windows = calloc(from->cap_windows, sizeof(*to->windows));
		err = to->windows ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; !err && i < from->cap_windows; i++) {
		to->windows[i] = from->windows[i];
		if (to->windows[i].file)
			quire_file_get(to->windows[i].file);
	}
	if (!err) {
		to->cap_windows = from->cap_windows;
		to->nr_windows = from->nr_windows;
	}
	pthread_mutex_unlock(&from->lock);
	return err;
}

void windows_destroy(struct space *s)
{
	for (unsigned i = 0; i < s->cap_windows; i++) {
		if (s->windows[i].file)
			quire_file_put(s->windows[i].file);
		s->windows[i].file = NULL;
	}
	s->nr_windows = 0;
}

/* ---- dropping unused ones ----------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const uintptr_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The files that some VMA of the space maps, sorted; only compared, never looked into. */
static uintptr_t *files_in_use(struct space *s, size_t *nr)
{
	struct quire_vma_info v;
	struct quire_file *file;
	uintptr_t *list = NULL;
	size_t cap = 0;
	uint64_t addr = 0;

	*nr = 0;
	for (; !quire_vma_next_file(s->mm, addr, &v, &file); addr = v.end) {
		if (!file)
			continue;
		quire_file_put(file);
		if (*nr == cap) {
			uintptr_t *more = realloc(list, (cap = cap ? 2 * cap : 64) * sizeof(*list));

			if (!more) {
				free(list);
				return NULL;
			}
			list = more;
		}
		list[(*nr)++] = (uintptr_t)file;
	}
	if (list)
		qsort(list, *nr, sizeof(*list), by_address);
	return list;
}

/* Tells the stub of one window to unmap.  False: no room for more in this answer. */
static bool drop(struct request *q, struct space *s, struct window_ref *r, uint64_t *out)
{
	const struct window *w = file_window(r->file);

	if (q->v[0] >= sizeof(q->slot->answer->data) / 16 - 1)
		return false;
	out[2 * q->v[0]] = w->addr;
	out[2 * q->v[0] + 1] = w->bytes;
	q->v[0]++;
	s->nr_windows--;
	return true;
}

/* Rule 2.  The references are dropped outside W. */
static void collect(struct request *q)
{
	struct space *s = q->space;
	uint64_t *out = (uint64_t *)(void *)q->slot->answer->data;
	struct quire_file *dead[512];
	unsigned nr_dead = 0;
	size_t nr;
	uintptr_t *used = files_in_use(s, &nr);

	if (!used)
		return;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->cap_windows && nr_dead < 512; i++) {
		struct window_ref *r = &s->windows[i];
		uintptr_t key = (uintptr_t)r->file;

		if (r->file && !r->recent && !bsearch(&key, used, nr, sizeof(key), by_address)) {
			if (!drop(q, s, r, out))
				break;
			dead[nr_dead++] = r->file;
			r->file = NULL;
		}
		r->recent = false;
	}
	s->collect_at = 2 * s->nr_windows < FIRST_LOOK ? FIRST_LOOK : 2 * s->nr_windows;
	pthread_mutex_unlock(&s->lock);
	while (nr_dead)
		quire_file_put(dead[--nr_dead]);
	free(used);
}

/* ---- the operations ----------------------------------------------------------- */

void op_file(struct request *q)
{
	struct space *s = q->space;
	struct quire_file *file;
	int fd = ctl_take(q->run, q->slot, q->a[0]);

	q->ret = fd < 0 ? fd : window_create(q, fd, &file);
	if (q->ret)
		return;
	if (s->nr_windows >= (s->collect_at ? s->collect_at : FIRST_LOOK))
		collect(q);
	pthread_mutex_lock(&s->lock);
	q->ret = table_add(s, file);
	pthread_mutex_unlock(&s->lock);
	if (q->ret < 0)
		quire_file_put(file);
}

static bool serves(const struct window *w, const struct request *q)
{
	return w->ino == q->a[1] && w->dev == q->a[0] && w->writable == (q->a[2] == 1) &&
	       (S_ISREG(w->host->mode) || S_ISBLK(w->host->mode)) && q->a[3] >= w->first &&
	       q->a[4] <= w->bytes / PAGE && q->a[3] - w->first <= w->bytes / PAGE - q->a[4];
}

void op_file_find(struct request *q)
{
	struct space *s = q->space;

	q->ret = -ENOENT;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->cap_windows; i++) {
		struct window_ref *r = &s->windows[i];

		if (!r->file || !serves(file_window(r->file), q))
			continue;
		r->recent = true;
		q->ret = (int64_t)ID(i, r->generation);
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

void op_mmap_file(struct request *q)
{
	struct quire_file *file = window_file(q->space, q->a[0]);
	uint64_t addr = 0;

	if (!file) {
		q->ret = -ESTALE;
		return;
	}
	q->ret = quire_mmap(q->space->mm, q->a[1], q->a[2], (int)q->a[3], (int)q->a[4], file,
			    q->a[6], &addr);
	if (!q->ret)
		q->ret = (int64_t)addr;
	quire_file_put(file);
}
