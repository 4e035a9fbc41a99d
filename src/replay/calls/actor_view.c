/* SPDX-License-Identifier: MIT */
/*
 * actor_view.c: what the host, or `quire run`, tells of the arena: smaps, numa_maps (actor_numa.c),
 * pagemap, mincore; and of
 * the process: status.
 *
 * The arena lies below all that belongs to the program itself, so that its mappings come first.
 */
#include "replay/calls/actor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PM_EXCLUSIVE (1ull << 56)
#define PM_FILE (1ull << 61)
#define PM_PRESENT (1ull << 63)

void lines_open(struct lines *l, const char *path)
{
	l->at = l->end = 0;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
}

void lines_close(const struct lines *l)
{
	close(l->fd);
}

char *lines_next(struct lines *l)
{
	for (;;) {
		char *line = l->buf + l->at, *stop = memchr(line, '\n', l->end - l->at);
		ssize_t n;

		if (stop) {
			*stop = 0;
			l->at = (size_t)(stop + 1 - l->buf);
			return line;
		}
		memmove(l->buf, line, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
		n = read(l->fd, l->buf + l->end, sizeof(l->buf) - l->end);
		if (n <= 0)
			return NULL;
		l->end += (size_t)n;
	}
}

/* The inode of a segment is its identifier, which may be 0. */
static int8_t file_of(uint64_t ino, bool segment)
{
	for (int8_t i = 0; i < MAX_FILES; i++)
		if (segment ? actor_files.shm[i] == (int)ino
			    : actor_files.fd[i] >= 0 && actor_files.ino[i] == ino)
			return i;
	return -1;
}

/* "start-end perms offset dev inode name" */
static bool read_head(struct vma_view *m, char *line)
{
	char *at;

	m->start = strtoull(line, &at, 16);
	m->end = strtoull(at + 1, &at, 16);
	memcpy(m->perms, at + 1, 4);
	m->perms[4] = 0;
	m->offset = strtoull(at + 6, &at, 16);
	at = strchr(at + 1, ' ');
	m->file = at ? file_of(strtoull(at, NULL, 10), strstr(at, " /SYSV")) : -1;
	return m->start < HUGE_START + HUGE_ROOM;
}

static void read_field(struct vma_view *m, const char *line)
{
	for (unsigned i = 0; i < NR_USAGE; i++) {
		size_t n = strlen(usage_names[i]);

		if (!strncmp(line, usage_names[i], n) && line[n] == ':') {
			m->kb[i] = (uint32_t)strtoul(line + n + 1, NULL, 10);
			return;
		}
	}
}

static void cut_blanks(char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == ' ')
		text[--n] = 0;
}

static bool read_vma(struct lines *l, struct vma_view *m)
{
	char *line = lines_next(l);

	memset(m, 0, sizeof(*m));
	if (!line || !read_head(m, line))
		return false;
	while ((line = lines_next(l))) {
		if (!strncmp(line, "VmFlags:", 8)) {
			snprintf(m->flags, FLAGS_LEN, "%s", line + 9);
			cut_blanks(m->flags);
			return true;
		}
		read_field(m, line);
	}
	return false;
}

static void read_smaps(struct view *v)
{
	struct lines l;
	struct vma_view m;

	lines_open(&l, "/proc/self/smaps");
	v->nr_vmas = 0;
	while (read_vma(&l, &m)) {
		if (v->nr_vmas < MAX_VIEW_VMAS && is_viewed(m.start))
			v->vmas[v->nr_vmas++] = m;
	}
	lines_close(&l);
}

static uint8_t page_bits(uint64_t entry)
{
	uint8_t bits = 0;

	if (entry & PM_PRESENT)
		bits |= PAGE_PRESENT;
	if (entry & PM_FILE)
		bits |= PAGE_FILE;
	if (entry & PM_EXCLUSIVE)
		bits |= PAGE_EXCLUSIVE;
	return bits;
}

static uint64_t entry_of(int fd, uint64_t addr)
{
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (off_t)(addr / REPLAY_PAGE * sizeof(entry))) !=
	    sizeof(entry))
		return 0;
	return entry;
}

/* Of a huge page what its first and its last small page have in common. */
static void read_pagemap(const struct board *b, struct view *v)
{
	uint64_t entries[ARENA_PAGES] = {0};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, entries, sizeof(entries),
			  (off_t)(ARENA_START / REPLAY_PAGE * sizeof(entries[0])));

	memset(v->pages, 0, sizeof(v->pages));
	for (unsigned i = 0; i < ARENA_PAGES; i++)
		v->pages[i] = n > 0 ? page_bits(entries[i]) : 0;
	for (unsigned i = ARENA_PAGES; b->huge && i < NR_CELLS; i++)
		v->pages[i] = page_bits(entry_of(fd, cell_address(i))) &
			      page_bits(entry_of(fd, cell_last_page(i)));
	close(fd);
}

static void add_mincore(struct view *v, unsigned cell)
{
	unsigned char first = 0, last = 0;

	if (mincore((void *)cell_address(cell), REPLAY_PAGE, &first))
		return;
	v->pages[cell] |= PAGE_MAPPED;
	if (!mincore((void *)cell_last_page(cell), REPLAY_PAGE, &last) && first & last & 1)
		v->pages[cell] |= PAGE_INCORE;
}

static void read_mincore(const struct board *b, struct view *v)
{
	unsigned char vec[ARENA_PAGES];

	for (unsigned i = 0; i < v->nr_vmas; i++) {
		const struct vma_view *m = &v->vmas[i];
		uint64_t start = m->start < ARENA_START ? ARENA_START : m->start;
		uint64_t end = m->end > ARENA_END ? ARENA_END : m->end;
		uint64_t first = (start - ARENA_START) / REPLAY_PAGE;

		if (start >= end || mincore((void *)start, end - start, vec))
			continue;
		for (uint64_t p = 0; p < (end - start) / REPLAY_PAGE; p++)
			v->pages[first + p] |=
			    (uint8_t)(PAGE_MAPPED | (vec[p] & 1 ? PAGE_INCORE : 0));
	}
	for (unsigned cell = ARENA_PAGES; b->huge && cell < NR_CELLS; cell++)
		add_mincore(v, cell);
}

/* ---- status ------------------------------------------------------------------ */

static int64_t status_before[NR_STATUS];

static void read_status(int64_t kb[NR_STATUS])
{
	struct lines l;
	char *line;

	lines_open(&l, "/proc/self/status");
	while ((line = lines_next(&l)))
		for (unsigned i = 0; i < NR_STATUS; i++) {
			size_t n = strlen(status_names[i]);

			if (!strncmp(line, status_names[i], n) && line[n] == ':')
				kb[i] = strtol(line + n + 1, NULL, 10) - status_before[i];
		}
	lines_close(&l);
}

void actor_view_begin(void)
{
	int64_t now[NR_STATUS] = {0};

	memset(status_before, 0, sizeof(status_before));
	read_status(now);
	memcpy(status_before, now, sizeof(status_before));
}

void actor_view_own_stack(uint64_t bytes)
{
	status_before[STATUS_SIZE] += (int64_t)(bytes >> 10);
	status_before[STATUS_DATA] += (int64_t)(bytes >> 10);
}

int64_t actor_status(enum status_field field)
{
	int64_t kb[NR_STATUS] = {0};

	read_status(kb);
	return kb[field];
}

void actor_view(const struct board *b, struct view *v)
{
	memset(v->pool, 0, sizeof(v->pool));
	read_smaps(v);
	actor_numa_maps(v);
	read_pagemap(b, v);
	read_mincore(b, v);
	read_status(v->status);
	if (b->huge)
		actor_counters(HUGE_2M, v->pool);
}

/* Of a huge page the last small one, so that no time goes by. */
void actor_contents(const struct board *b, struct result *r)
{
	struct view v;

	actor_view(b, &v);
	for (unsigned i = 0; i < NR_CELLS; i++)
		r->contents[i] = v.pages[i] & PAGE_MAPPED ? actor_page_sum(cell_last_page(i)) : 0;
}
