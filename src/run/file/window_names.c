/* SPDX-License-Identifier: MIT */
/*
 * window_names.c: what files are called now: the host's maps of a guest say it of the windows.
 *
 * The text is read once, and its lines of windows are kept by address: a name is as the file was
 * opened, by which of its links, renamed meanwhile, or "(deleted)"; device and inode are those
 * that maps shows, which are not fstat's on every file system.
 *
 * Owns the text, each thread the one that it tells from.
 */
#include "run/file/window_names.h"

#include "quire/quire.h"
#include "run/base/util.h"
#include "run/file/window.h"
#include "run/wire/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

struct line {
	uint64_t addr, dev, ino;
	const char *name;
};

struct window_names {
	char *text;
	struct line *lines; /* by address */
	size_t n, cap;
};

static __thread pid_t names_of;
static __thread struct window_names *names; /* NULL: not asked for yet */

/* maps writes a newline in a name as \012. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		bool newline = !strncmp(s, "\\012", 4);

		*to++ = newline ? '\n' : *s;
		s += newline ? 3 : 0;
	}
	*to = 0;
}

static bool add(struct window_names *to, const struct line *l)
{
	if (to->n == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 64;
		struct line *more = realloc(to->lines, cap * sizeof(*more));

		if (!more)
			return false;
		to->lines = more;
		to->cap = cap;
	}
	to->lines[to->n++] = *l;
	return true;
}

/* One line of maps, NUL-terminated.  False: no memory. */
static bool take_line(struct window_names *to, char *text)
{
	unsigned major, minor;
	struct line l;
	int at = 0;

	if (sscanf(text, "%lx-%*x %*s %*x %x:%x %lu %n", &l.addr, &major, &minor, &l.ino, &at) < 4)
		return true;
	if (!at || l.addr < SEEDS_BASE || l.addr >= WINDOWS_END)
		return true;
	l.dev = makedev(major, minor);
	unescape(text + at);
	l.name = text + at;
	return add(to, &l);
}

static struct window_names *read_names(pid_t pid)
{
	struct window_names *n = calloc(1, sizeof(*n));
	char path[32], *next;
	size_t len;

	if (!n)
		return NULL;
	snprintf(path, sizeof(path), "%d/maps", (int)pid);
	n->text = host_proc_read(path, &len);
	for (char *line = n->text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!take_line(n, line))
			break;
	}
	return n;
}

void file_names_begin(pid_t pid)
{
	names_of = pid;
}

void file_names_end(void)
{
	if (names) {
		free(names->text);
		free(names->lines);
		free(names);
	}
	names = NULL;
	names_of = 0;
}

static int by_address(const void *key, const void *line)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct line *)line)->addr;

	return a < b ? -1 : a > b;
}

static const struct line *find(uint64_t addr)
{
	if (names_of && !names)
		names = read_names(names_of);
	if (!names || !names->n)
		return NULL;
	return bsearch(&addr, names->lines, names->n, sizeof(struct line), by_address);
}

void file_name_now(struct quire_file *file, char *buf, size_t len, uint64_t *dev, uint64_t *ino)
{
	const struct window *w = file_window(file);
	const struct line *l = w ? find(w->addr) : NULL;

	quire_file_id(file, dev, ino);
	if (l) {
		*dev = l->dev;
		*ino = l->ino;
	}
	snprintf(buf, len, "%s", l ? l->name : quire_file_name(file));
}
