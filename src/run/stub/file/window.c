/* SPDX-License-Identifier: MIT */
/*
 * window.c: file windows: what an open file has mapped at high addresses, once; fills duplicate
 * pieces of it (fill.c).  Nothing else of ours holds the file.
 *
 *   1. A window belongs to the supervisor's file object from the request that names it on, and is
 *      unmapped when an answer says that nothing maps it any more.
 *   2. One window serves all mappings that a program makes of one open file, while it is known
 *      which that is (window_cache.c).
 *   3. Rights are those of the descriptor and its mount.  A window is writable from the first
 *      shared mapping that is made writable on; private ones have windows of their own, and one
 *      of a file that may yet be sealed is never counted as a writer.
 *   4. Windows come and go under windows_lock, which fork takes too: parent and child have the
 *      same ones.
 */
#include "run/stub/file/window.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/fill/windows.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/link/rpc.h"
#include "run/stub/link/window_told.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define ROOM_PAGES 4096u    /* behind a window, for a file that grows .. */
#define ROOM_PAGES_MANY 64u /* .. when there are */
#define MANY 1024u
#define ROOM_MAX (1u << 18)
#define WHOLE_MAX ((WINDOWS_END - WINDOWS_BASE) / PAGE / 8)
#define FROM_START_MAX (1ull << 30) /* pages: numbers are for the whole of a file up to that */
#define STATFS_NOEXEC 8
#define ASKED_MAX (1ull << 30)
#define WHOLE_TRIES 64 /* then one page will do */
#define FULL_TRIES 4

/* ---- places ----------------------------------------------------------------------- */

static uint64_t address_in(uint64_t base, uint64_t end, uint64_t *next, uint64_t bytes)
{
	uint64_t at;

	bytes = PAGE_UP(bytes) + PAGE;
	if (bytes > end - base)
		return 0;
	do {
		at = atomic_load(next);
		if (at < base || at > end - bytes)
			atomic_cas(next, at, base);
		else if (atomic_cas(next, at, at + bytes))
			return at;
	} while (1);
}

/*
 * A place for so many bytes, not reserved: map there with MAP_FIXED_NOREPLACE.  A page behind it
 * stays free: the frames of two windows never stand in a row (fill.c, 2).
 */
uint64_t window_address(uint64_t bytes)
{
	return address_in(WINDOWS_BASE, WINDOWS_END, &shared.next_window, bytes);
}

static uint64_t seed_address(uint64_t bytes)
{
	return address_in(SEEDS_BASE, WINDOWS_BASE, &shared.next_seed, bytes);
}

/* At the host's limit on mappings fills make way. */
static int64_t place(const struct file_map *m, int fd, uint64_t first, uint64_t bytes,
		     uint64_t prot)
{
	bool seed = bytes == PAGE;
	int64_t got = -ENOMEM;

	for (int i = 0, full = 0; i < (seed ? PLACE_TRIES : WHOLE_TRIES); i++) {
		uint64_t at = seed ? seed_address(bytes) : window_address(bytes);

		if (!at)
			return -ENOMEM;
		got = sys(__NR_mmap, at, bytes, prot,
			  MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, first * PAGE);
		if (got == -ENOMEM && full++ < FULL_TRIES)
			drop_all(m->t);
		else if (got != -EEXIST)
			return got;
	}
	return got;
}

/* ---- what a file allows -------------------------------------------------------------- */

/* 1: nothing may be executed from there; 0; or why its pages cannot be ours. */
static int64_t check_mount(int fd)
{
	struct statfs64 fs;

	if (sys(__NR_fstatfs, fd, &fs))
		return 0;
	/* As on a host without a pool: its mappings could only be filled by whole huge pages. */
	if (fs.f_type == HUGETLBFS_MAGIC)
		return -ENOMEM;
	return (fs.f_flags & STATFS_NOEXEC) != 0;
}

/* What sealing has taken, or may yet take, from a file that is open for writing. */
static uint64_t seal_kind(int fd, bool for_all)
{
	int64_t seals = sys(__NR_fcntl, fd, F_GET_SEALS);

	if (seals < 0)
		return RUN_WINDOW_WRITABLE | (for_all ? FOR_ALL : 0);
	if (for_all)
		return seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ? 0
								    : RUN_WINDOW_WRITABLE | FOR_ALL;
	return seals & F_SEAL_SEAL ? RUN_WINDOW_WRITABLE : PRIVATE_SEALABLE;
}

int64_t file_map_look(struct file_map *m, int64_t open_flags)
{
	struct stat st;
	int64_t r = sys(__NR_fstat, m->fd, &st);

	if (r)
		return r;
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	m->size = (uint64_t)st.st_size;
	m->kind = 0;
	if (S_ISBLK(st.st_mode)) {
		m->kind |= RUN_WINDOW_DEVICE;
		if (sys(__NR_ioctl, m->fd, BLKGETSIZE64, &m->size))
			m->size = 0;
	}
	if ((open_flags & O_ACCMODE) == O_RDWR)
		m->kind |= seal_kind(m->fd, m->shared);
	return 0;
}

/* ---- making ------------------------------------------------------------------------- */

/*
 * All of the file if it can be had, so that one window serves all its mappings, and some more. Else
 * one page, from which the rest can be reached (far.c).
 */
static void choose_range(const struct file_map *m, struct run_window *w)
{
	uint64_t end = PAGE_UP(m->size) / PAGE, room;

	if (end < m->first + m->pages)
		end = m->first + m->pages;
	room = shared.nr_windows < MANY ? ROOM_PAGES : ROOM_PAGES_MANY;
	room = m->kind & RUN_WINDOW_DEVICE ? 0 : room + (end < ROOM_MAX ? end : ROOM_MAX);
	w->first = end > FROM_START_MAX ? m->first : 0;
	w->bytes = end > WHOLE_MAX ? PAGE : (end + room) * PAGE;
}

/* A descriptor of the same file that cannot write, so that the window holds up no seal. */
static int64_t reopen_to_read(const struct file_map *m)
{
	return guarded_reopen(m->t, m->fd, O_RDONLY | O_CLOEXEC);
}

static int64_t map_host(const struct file_map *m, struct run_window *w, uint64_t prot)
{
	int64_t other = m->kind & PRIVATE_SEALABLE ? reopen_to_read(m) : -1;
	int fd = other >= 0 ? (int)other : m->fd;
	int64_t at = place(m, fd, w->first, w->bytes, prot);

	if (at == -EEXIST || at == -ENOMEM) {
		w->bytes = PAGE;
		at = place(m, fd, w->first, w->bytes, prot);
	}
	if (other >= 0)
		sys(__NR_close, other);
	if (sys_is_error(at))
		return at;
	w->addr = (uint64_t)at;
	shared.nr_windows++;
	return 0;
}

/* For data[]: the window, and what the file is called. */
static void describe(struct thread *t, const struct file_map *m, const struct run_window *w)
{
	char *name = t->chan->data + sizeof(*w), link[FD_PATH];
	int64_t n;

	memcpy(t->chan->data, w, sizeof(*w));
	fd_path(link, (uint64_t)m->fd);
	n = sys(__NR_readlink, link, name, sizeof(t->chan->data) - sizeof(*w) - 1);
	name[n > 0 ? n : 0] = 0;
}

static int64_t window_make(const struct file_map *m, struct run_window *w)
{
	int64_t noexec = check_mount(m->fd), r;
	uint64_t prot = m->written ? PROT_READ | PROT_WRITE : PROT_READ;

	if (noexec < 0) {
		rpc_unsupported(m->t, __NR_mmap, MAP_HUGETLB);
		return noexec;
	}
	if (shared.nr_windows >= INFO->max_windows)
		return -ENOMEM; /* nothing could be filled any more */
	*w = (struct run_window){.dev = m->dev, .ino = m->ino, .size = m->size};
	w->flags = (m->kind & ~(PRIVATE_SEALABLE | FOR_ALL)) | (noexec ? RUN_WINDOW_NOEXEC : 0);
	choose_range(m, w);
	r = map_host(m, w, prot);
	if (!r)
		describe(m->t, m, w);
	return r;
}

static int64_t map_new(const struct file_map *m, const uint64_t a[6])
{
	uint32_t age = cache_age();
	struct run_window w;
	struct cached n;
	uint64_t pages;
	int64_t r = window_make(m, &w);
	const struct answer *c = m->t->answer;

	if (r)
		return r;
	r = rpc(m->t, OP_MMAP_FILE, RUN_NEW_WINDOW, a[0], a[1], a[2], a[3], a[4], a[5], m->size);
	/* The supervisor has numbers for as much as was mapped. */
	pages = w.bytes / PAGE;
	if (pages < m->first + m->pages - w.first)
		pages = m->first + m->pages - w.first;
	n = (struct cached){m->t->fd_table, m->fd,   m->dev, m->ino,     m->kind,         w.addr,
			    w.bytes,        w.first, pages,  m->written, (int64_t)c->v[0]};
	if (sys_is_error(r) && !c->v[1]) /* it was not taken */
		window_unmap(m->t, w.addr, w.bytes);
	if (!sys_is_error(r))
		cache_add(&n, age);
	windows_gone_locked(m->t);
	return r;
}

/* Through a window that is there.  -ESTALE: it is not. */
static int64_t map_known(const struct file_map *m, const struct cached *w, const uint64_t a[6])
{
	int64_t r;

	if (m->written && !w->written &&
	    sys(__NR_mprotect, w->addr, w->bytes, PROT_READ | PROT_WRITE))
		return -ESTALE;
	r = rpc(m->t, OP_MMAP_FILE, (uint64_t)w->id, a[0], a[1], a[2], a[3], a[4], a[5], m->size);
	windows_gone_locked(m->t);
	return r;
}

/* At a place of ours if that is free, as it is: so never where something of the
 * guest's is filled. */
int64_t window_ask(const uint64_t a[6])
{
	uint64_t bytes = a[1] < ASKED_MAX ? PAGE_UP(a[1]) : ASKED_MAX;
	uint64_t flags = (a[3] & (MAP_TYPE | MAP_SYNC)) | MAP_NORESERVE;
	int64_t got;

	windows_lock_take();
	got = sys(__NR_mmap, window_address(bytes), bytes, a[2], flags, a[4], a[5]);
	if (!sys_is_error(got))
		sys(__NR_munmap, got, bytes);
	windows_lock_drop();
	return sys_is_error(got) ? got : 0;
}

int64_t window_map(const struct file_map *m, const uint64_t a[6])
{
	uint32_t age = cache_age();
	struct cached w;
	int64_t r = -ESTALE;

	windows_lock_take();
	if (cache_find(m, &w)) {
		r = map_known(m, &w, a);
		if (r == -ESTALE)
			cache_forget(w.addr);
		else
			cache_use(m, &w, age);
	}
	if (r == -ESTALE)
		r = map_new(m, a);
	windows_lock_drop();
	return r;
}

int64_t window_open(struct thread *t, int fd)
{
	struct file_map m = {.t = t, .fd = fd};
	struct run_window w;
	int64_t r = file_map_look(&m, O_RDONLY);

	m.pages = m.size ? PAGE_UP(m.size) / PAGE : 1;
	if (!r)
		r = window_make(&m, &w);
	if (r)
		return r;
	r = rpc(t, OP_FILE, 0);
	if (r < 0)
		window_unmap(t, w.addr, w.bytes);
	return r;
}
