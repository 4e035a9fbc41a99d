/* SPDX-License-Identifier: MIT */
/*
 * files.c: which files of the host a space maps, and through which windows (window.c).
 *
 *   1  A file's id means the same in a forked child, which inherits the host mappings of the
 *      windows and a copy of the table.  Ids are not used again (generation): a thread that holds
 *      the id of a file that is gone gets ESTALE and makes a new window.
 *   2  A file is in the table while a VMA of the space maps it, or somebody is about to map it
 *      (busy).  The call that takes its last VMA away takes it out (files_leave.c).
 *
 * Owns space->windows (H).
 */
#include "run/file/files.h"

#include "quire/quire.h"
#include "run/file/files_leave.h"
#include "run/file/inode.h"
#include "run/file/window.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_WINDOWS 0xfffffu
#define ID(index, generation) ((uint64_t)(generation) << 20 | (index))

/* ---- the table of a space ---------------------------------------------------- */

static struct window_ref *find_id(struct space *s, uint64_t id)
{
	uint64_t index = id & MAX_WINDOWS;
	struct window_ref *r = index < s->cap_windows ? &s->windows[index] : NULL;

	return r && r->file && ID(index, r->generation) == id ? r : NULL;
}

static int64_t table_grow(struct space *s)
{
	unsigned cap = s->cap_windows ? 2 * s->cap_windows : 16;
	struct window_ref *t;

	if (cap > MAX_WINDOWS)
		return -ENOMEM;
	t = realloc(s->windows, cap * sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t + s->cap_windows, 0, (cap - s->cap_windows) * sizeof(*t));
	s->windows = t;
	s->cap_windows = cap;
	return 0;
}

/* Takes over the reference.  Returns the id of a busy file. */
static int64_t table_add_locked(struct space *s, struct quire_file *file)
{
	unsigned i = s->low_free;
	struct window_ref *r;
	int64_t err = 0;

	while (i < s->cap_windows && s->windows[i].file)
		i++;
	if (i == s->cap_windows)
		err = table_grow(s);
	if (err)
		return err;
	r = &s->windows[i];
	*r = (struct window_ref){.file = file, .generation = r->generation + 1, .busy = 1};
	file_window(file)->index = i;
	inode_enter(file_window(file));
	s->low_free = i + 1;
	return (int64_t)ID(i, r->generation);
}

static int64_t table_add(struct space *s, struct quire_file *file)
{
	int64_t id;

	pthread_mutex_lock(&s->lock);
	id = table_add_locked(s, file);
	pthread_mutex_unlock(&s->lock);
	if (id < 0)
		quire_file_put(file);
	return id;
}

struct quire_file *window_file(struct space *s, uint64_t id)
{
	struct quire_file *file = NULL;
	struct window_ref *r;

	pthread_mutex_lock(&s->lock);
	r = find_id(s, id);
	if (r && !r->leaving) {
		file = r->file;
		r->busy++;
		quire_file_get(file);
	}
	pthread_mutex_unlock(&s->lock);
	return file;
}

void window_file_done(struct space *s, struct quire_file *file)
{
	pthread_mutex_lock(&s->lock);
	s->windows[file_window(file)->index].busy--;
	pthread_mutex_unlock(&s->lock);
	quire_file_put(file);
}

int windows_copy(struct space *to, struct space *from)
{
	int err = 0;

	pthread_mutex_lock(&from->lock);
	if (from->cap_windows) {
		to->windows = calloc(from->cap_windows, sizeof(*to->windows));
		err = to->windows ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; !err && i < from->cap_windows; i++) {
		to->windows[i].file = from->windows[i].file;
		to->windows[i].generation = from->windows[i].generation;
		if (to->windows[i].file) {
			quire_file_get(to->windows[i].file);
			inode_enter(file_window(to->windows[i].file));
		}
	}
	if (!err) {
		to->cap_windows = from->cap_windows;
		to->low_free = from->low_free;
	}
	pthread_mutex_unlock(&from->lock);
	return err;
}

void window_let_go(struct quire_file *file)
{
	inode_leave(file_window(file));
	quire_file_put(file);
}

void windows_destroy(struct space *s)
{
	for (unsigned i = 0; i < s->cap_windows; i++) {
		if (s->windows[i].file)
			window_let_go(s->windows[i].file);
		s->windows[i].file = NULL;
	}
}

/* ---- the operations ----------------------------------------------------------- */

/* What the request's data[] says, copied first: the guest may write there meanwhile.  The file is
 * referenced, and busy in the table. */
static int64_t make(struct request *q, struct quire_file **out)
{
	struct chan *c = q->slot->chan;
	struct run_window r;
	char name[sizeof(c->data)];
	int64_t err, id;

	memcpy(&r, c->data, sizeof(r));
	memcpy(name, c->data + sizeof(r), sizeof(name) - sizeof(r));
	name[sizeof(name) - sizeof(r) - 1] = 0;
	err = window_create(q->run, &r, name, out);
	if (err)
		return err;
	quire_file_get(*out);
	id = table_add(q->space, *out);
	if (id < 0)
		quire_file_put(*out);
	return id;
}

/* Busy until OP_EXEC_LOAD. */
void op_file(struct request *q)
{
	struct quire_file *file;

	q->ret = make(q, &file);
	if (q->ret >= 0)
		quire_file_put(file);
}

static int64_t map(struct request *q, struct quire_file *file)
{
	uint64_t addr = 0;
	int err;

	atomic_store(&file_window(file)->size, q->a[7]);
	err = window_reserve(file_window(file), (q->a[6] + PAGE_UP(q->a[2])) / PAGE);
	if (err)
		return err;
	err = quire_mmap(q->space->mm, q->a[1], q->a[2], (int)q->a[3], wide_flags(q->a[4]), file,
			 q->a[6], &addr);
	return err ? err : (int64_t)addr;
}

void op_mmap_file(struct request *q)
{
	struct watch watch = {0};
	struct quire_file *file;

	q->v[0] = q->a[0];
	if (q->a[0] == RUN_NEW_WINDOW) {
		q->v[0] = (uint64_t)(q->ret = make(q, &file));
		if (q->ret < 0)
			return;
	} else {
		file = window_file(q->space, q->a[0]);
		q->ret = -ESTALE;
		if (!file)
			return;
	}
	if (q->a[4] & MAP_FIXED)
		watch_range(q, q->a[1], PAGE_UP(q->a[2]), &watch);
	q->ret = map(q, file);
	if (q->ret < 0)
		watch_file(&watch, file);
	window_file_done(q->space, file);
	watch_end(q, &watch);
}
