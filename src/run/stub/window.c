/* SPDX-License-Identifier: MIT */
/*
 * window.c: file windows: a file mapped once, whole, without rights, at high addresses; fills
 * duplicate pieces of it (fill.c).
 *
 *   1. A window belongs to the supervisor's file object from OP_FILE on, and is unmapped when an
 *      answer to OP_FILE says that nothing maps it any more.
 *   2. The cache only saves the question: the supervisor refuses an id that is gone (-ESTALE).
 */
#include "stub.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <asm/statfs.h>

#define CACHE 16
#define ROOM_PAGES 4096u
#define ROOM_MAX (1u << 18)
#define STATFS_NOEXEC 8

struct cached {
	uint64_t dev, ino, first, pages;
	int64_t id;
	bool writable;
};

static struct cached cache[CACHE];
static uint32_t cache_lock, cache_next;

static int64_t cache_find(const struct stat *st, bool writable, uint64_t first, uint64_t n)
{
	int64_t id = -ENOENT;

	lock_take(&cache_lock);
	for (int i = 0; i < CACHE; i++) {
		const struct cached *w = &cache[i];

		if (w->pages && w->dev == st->st_dev && w->ino == st->st_ino &&
		    w->writable == writable && first >= w->first &&
		    first + n <= w->first + w->pages)
			id = w->id;
	}
	lock_drop(&cache_lock);
	return id;
}

static void cache_add(const struct cached *w)
{
	lock_take(&cache_lock);
	cache[cache_next++ % CACHE] = *w;
	lock_drop(&cache_lock);
}

void windows_forget(void)
{
	lock_take(&cache_lock);
	memset(cache, 0, sizeof(cache));
	lock_drop(&cache_lock);
}

/* Another thread may have held the lock, or have noted a window that this process has not. */
void windows_after_fork(void)
{
	memset(cache, 0, sizeof(cache));
	at_store(&cache_lock, 0u);
}

/*
 * A place for so many bytes, not reserved: map there with MAP_FIXED_NOREPLACE.  A page behind it
 * stays free: the frames of two windows never stand in a row (fill.c, 2).
 */
uint64_t window_address(uint64_t bytes)
{
	uint64_t at;

	bytes = PAGE_UP(bytes) + PAGE;
	if (bytes > WINDOWS_END - WINDOWS_BASE)
		return 0;
	do {
		at = at_load(&shared.next_window);
		if (at < WINDOWS_BASE || at > WINDOWS_END - bytes)
			at_cas(&shared.next_window, at, WINDOWS_BASE);
		else if (at_cas(&shared.next_window, at, at + bytes))
			return at;
	} while (1);
}

static int64_t place(struct thread *t, int fd, uint64_t first, uint64_t bytes)
{
	int64_t got = -ENOMEM;

	for (int i = 0; i < PLACE_TRIES; i++) {
		uint64_t at = window_address(bytes);

		if (!at)
			return -ENOMEM;
		got = sys(__NR_mmap, at, bytes, PROT_NONE,
			  MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, first * PAGE);
		if (got == -ENOMEM && i == 0)
			drop_all(t); /* the host's limit on mappings */
		else if (got != -EEXIST)
			return got;
	}
	return got;
}

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

/* The answer to OP_FILE names windows that no mapping uses any more. */
static void unmap_dropped(struct thread *t)
{
	uint64_t n = t->answer->v[0], pairs = sizeof(t->answer->data) / 16;
	const char *data = t->answer->data;

	for (uint64_t i = 0; i < n && i < pairs; i++) {
		uint64_t w[2];

		memcpy(w, data + 16 * i, sizeof(w));
		if (w[0] >= WINDOWS_BASE && w[0] < WINDOWS_END && w[1] <= WINDOWS_END - w[0])
			sys(__NR_munmap, w[0], w[1]);
	}
	if (n)
		windows_forget();
}

static int64_t window_new(struct thread *t, int fd, const struct stat *st, bool writable,
			  uint64_t first, uint64_t n)
{
	struct cached w = {st->st_dev, st->st_ino, 0, 0, 0, writable};
	uint64_t whole = PAGE_UP((uint64_t)st->st_size) / PAGE;
	int64_t at, token, noexec = check_mount(fd);

	if (noexec < 0)
		return noexec;
	if (first + n > whole)
		whole = first + n;
	/* A file may grow, and mremap its mapping with it: room costs addresses only. */
	if (S_ISREG(st->st_mode))
		whole += ROOM_PAGES + (whole < ROOM_MAX ? whole : ROOM_MAX);
	/* The whole file if it can be had: one window then serves all. */
	if (whole > (WINDOWS_END - WINDOWS_BASE) / PAGE / 8) {
		w.first = first;
		whole = n;
	}
	w.pages = whole;
	at = place(t, fd, w.first, whole * PAGE);
	if (sys_is_error(at))
		return at;
	token = rpc_send_fd(t, fd);
	w.id = token < 0 ? token
			 : rpc(t, OP_FILE, (uint64_t)token, (uint64_t)at, whole * PAGE, w.first,
			       writable, (uint64_t)noexec);
	if (w.id < 0) {
		sys(__NR_munmap, at, whole * PAGE);
		return w.id;
	}
	unmap_dropped(t);
	if (S_ISREG(st->st_mode))
		cache_add(&w);
	return w.id;
}

int64_t window_get(struct thread *t, int fd, bool writable, uint64_t first, uint64_t n)
{
	struct stat st;
	int64_t r = sys(__NR_fstat, fd, &st);
	struct cached w;

	if (r)
		return r;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return window_new(t, fd, &st, writable, first, n);
	r = cache_find(&st, writable, first, n);
	if (r >= 0)
		return r;
	r = rpc(t, OP_FILE_FIND, st.st_dev, st.st_ino, writable, first, n);
	if (r < 0)
		return window_new(t, fd, &st, writable, first, n);
	w = (struct cached){st.st_dev, st.st_ino, first, n, r, writable};
	cache_add(&w);
	return r;
}
