/* SPDX-License-Identifier: MIT */
/*
 * window.c: one open file of the host as the core sees it: an external file.
 *
 * The guests that map it have it in a window, from which their stubs fill; frame numbers are window
 * addresses.  Nothing else holds the file: what ends with its last mapping on a host (locks,
 * leases, a deleted file's space) ends here with the last window.  So the supervisor has no
 * descriptor, and reaches content only through the window of a guest (window_reach.c).
 *
 *   1  The frame number of page p is window / 4096 + p - first, if the window has the page; else
 *      one of a far range's (far.c).
 *   2  The struct lives as long as the core's file, and is constant but for `size`, for the far
 *      ranges, and for what inode.c knows of it.
 *   3  Pages below `size` existed when somebody looked last.  A file may have become longer since:
 *      a thread that is refused a page beyond asks window_find_page() and tries again.  And it may
 *      have become shorter: the host says so when the page is touched.
 */
#include "run/file/window.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/file/far.h"
#include "run/file/window_reach.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x77696e64u
#define MAX_PAGES (1ull << 51)

/* ---- the core's callbacks ---------------------------------------------------- */

static int window_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	const struct window *w = priv;
	uint64_t addr = window_addr(w, pgoff);

	if (!addr)
		return -ENXIO;
	*frame = addr / PAGE;
	return 0;
}

static int window_copy(void *priv, uint64_t pgoff, void *mem)
{
	struct window *w = priv;
	int err = window_load(w, pgoff, mem);

	if (err == -EFAULT)
		window_shrunk(w, pgoff);
	return err == -EFAULT ? -ENXIO : err;
}

static int window_punch(void *priv, uint64_t off, uint64_t len)
{
	return window_command(priv, WINDOW_REMOVE, off, len);
}

static uint64_t window_size(void *priv)
{
	const struct window *w = priv;

	return atomic_load(&w->size);
}

static void window_release(void *priv)
{
	far_release(priv);
	free(priv);
}

static const struct quire_file_ops window_ops = {
    .frame = window_frame,
    .copy_page = window_copy,
    .file_size = window_size,
    .release = window_release,
    .punch_hole = window_punch,
};

/* ---- what is known of it ------------------------------------------------------- */

struct window *file_window(struct quire_file *file)
{
	struct window *w = quire_file_priv(file);

	return w && w->magic == MAGIC ? w : NULL;
}

uint64_t window_addr(const struct window *w, uint64_t pgoff)
{
	if (pgoff < w->first)
		return 0;
	if (pgoff - w->first < w->bytes / PAGE)
		return w->addr + (pgoff - w->first) * PAGE;
	return far_frame(w, pgoff - w->first) * PAGE;
}

int window_reserve(struct window *w, uint64_t end)
{
	if (end <= w->first || window_addr(w, end - 1))
		return 0;
	return far_extend(w, end - w->first);
}

void window_shrunk(struct window *w, uint64_t pgoff)
{
	if (atomic_load(&w->size) > pgoff * PAGE)
		atomic_store(&w->size, pgoff * PAGE);
}

static bool known(const struct window *w, uint64_t pgoff)
{
	return pgoff < PAGE_UP(atomic_load(&w->size)) / PAGE;
}

bool window_find_page(struct window *w, uint64_t pgoff)
{
	if (known(w, pgoff) || !window_has(w, pgoff))
		return false;
	atomic_store(&w->size, (pgoff + 1) * PAGE);
	return true;
}

/* By halves, between a page that is there and one that is not. */
void window_find_end(struct window *w, uint64_t last)
{
	uint64_t low = PAGE_UP(atomic_load(&w->size)) / PAGE, high = last;

	if (known(w, last) || window_find_page(w, last))
		return;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (window_find_page(w, middle))
			low = middle + 1;
		else
			high = middle;
	}
}

/* ---- making -------------------------------------------------------------- */

static bool window_ok(const struct run_window *r)
{
	return !(r->addr % PAGE) && !(r->bytes % PAGE) && r->bytes && r->addr >= SEEDS_BASE &&
	       r->addr < WINDOWS_END && r->bytes <= WINDOWS_END - r->addr && r->first < MAX_PAGES;
}

static int create(struct run *run, const struct run_window *r, const char *name, struct window *w,
		  struct quire_file **out)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_EXTERNAL};

	o.ops = &window_ops;
	o.priv = w;
	o.writable = r->flags & RUN_WINDOW_WRITABLE;
	o.noexec = r->flags & RUN_WINDOW_NOEXEC;
	o.name = name;
	o.dev = r->dev;
	o.ino = r->ino;
	return quire_file_create(run->machine, &o, out);
}

int window_create(struct run *run, const struct run_window *r, const char *name,
		  struct quire_file **out)
{
	struct window *w = window_ok(r) ? calloc(1, sizeof(*w)) : NULL;
	int err;

	if (!w)
		return window_ok(r) ? -ENOMEM : -EINVAL;
	*w = (struct window){.run = run,
			     .dev = r->dev,
			     .ino = r->ino,
			     .magic = MAGIC,
			     .addr = r->addr,
			     .bytes = r->bytes,
			     .first = r->first,
			     .size = r->size};
	err = create(run, r, name, w, out);
	if (err)
		free(w);
	else
		w->file = *out;
	return err;
}
