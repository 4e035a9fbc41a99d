/* SPDX-License-Identifier: MIT */
/*
 * files_leave.c: files that nothing of a space maps any more: out of its table, and their windows
 * told to the stub, which unmaps them before the guest goes on.
 *
 *   1  The thread that looks whether it was the last VMA holds no lock meanwhile: while `leaving`
 *      is set no thread gets the file to map it.
 *   2  A file for which the answer has no room stays in the table, and v2 says from which index on
 *      the stub has to ask for more, plus 1.
 */
#include "run/file/files_leave.h"

#include "quire/quire.h"
#include "run/file/files.h"
#include "run/file/window.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/proto.h"

#include <stdlib.h>

static bool answer_has_room(const struct request *q)
{
	return q->v[1] < ANSWER_MAX_GONE;
}

static void tell(struct request *q, const struct window *w)
{
	uint64_t *out = q->slot->answer->gone[q->v[1]++];

	out[0] = w->addr;
	out[1] = w->bytes;
}

static void tell_later(struct request *q, uint64_t index)
{
	if (!q->v[2] || index + 1 < q->v[2])
		q->v[2] = index + 1;
}

static bool begin_leaving(struct space *s, struct quire_file *file)
{
	const struct window *w = file_window(file);
	struct window_ref *r = NULL;

	pthread_mutex_lock(&s->lock);
	if (w->index < s->cap_windows && s->windows[w->index].file == file)
		r = &s->windows[w->index];
	if (r && (r->busy || r->leaving))
		r = NULL;
	if (r)
		r->leaving = true;
	pthread_mutex_unlock(&s->lock);
	return r != NULL;
}

/* Rules 1 and 2. */
static void leave_if_unmapped(struct request *q, struct quire_file *file)
{
	struct space *s = q->space;
	const struct window *w = file_window(file);
	bool mapped;

	if (!answer_has_room(q)) {
		tell_later(q, w->index);
		return;
	}
	if (!begin_leaving(s, file))
		return;
	mapped = quire_file_mapped_by(file, s->mm);
	pthread_mutex_lock(&s->lock);
	s->windows[w->index].leaving = false;
	if (!mapped) {
		s->windows[w->index].file = NULL;
		if (w->index < s->low_free)
			s->low_free = w->index;
		tell(q, w);
	}
	pthread_mutex_unlock(&s->lock);
	if (!mapped)
		window_let_go(file);
}

void watch_file(struct watch *w, struct quire_file *file)
{
	if (w->n && w->files[w->n - 1] == file)
		return;
	if (w->n == w->cap) {
		unsigned cap = w->cap ? 2 * w->cap : 8;
		struct quire_file **more = realloc(w->files, cap * sizeof(struct quire_file *));

		if (!more) {
			w->all = true;
			return;
		}
		w->files = more;
		w->cap = cap;
	}
	quire_file_get(file);
	w->files[w->n++] = file;
}

void watch_range(struct request *q, uint64_t start, uint64_t len, struct watch *w)
{
	uint64_t end = start + len;
	struct quire_file *file;
	struct quire_vma_info v;

	for (; start < end && !quire_vma_next_file(q->space->mm, start, &v, &file); start = v.end) {
		if (file && file_window(file) && v.start < end)
			watch_file(w, file);
		if (file)
			quire_file_put(file);
	}
}

void watch_end(struct request *q, struct watch *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		leave_if_unmapped(q, w->files[i]);
		quire_file_put(w->files[i]);
	}
	free(w->files);
	if (w->all)
		windows_forget_unmapped(q);
}

static struct quire_file *file_by_index(struct space *s, unsigned i)
{
	struct quire_file *file;

	pthread_mutex_lock(&s->lock);
	file = i < s->cap_windows ? s->windows[i].file : NULL;
	if (file)
		quire_file_get(file);
	pthread_mutex_unlock(&s->lock);
	return file;
}

/* From there on in the table, as far as the answer has room. */
static void forget_unmapped(struct request *q, uint64_t from)
{
	for (uint64_t i = from; i < q->space->cap_windows && !q->v[2]; i++) {
		struct quire_file *file = file_by_index(q->space, (unsigned)i);

		if (!file)
			continue;
		leave_if_unmapped(q, file);
		quire_file_put(file);
	}
}

void windows_forget_unmapped(struct request *q)
{
	forget_unmapped(q, 0);
}

void op_windows_gone(struct request *q)
{
	q->ret = 0;
	if (q->a[0])
		forget_unmapped(q, q->a[0] - 1);
}
