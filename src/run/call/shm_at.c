/* SPDX-License-Identifier: MIT */
/*
 * shm_at.c: shmat(2), shmdt(2): attaching is mapping.  Owns nothing; all under the lock of
 * run->segments.
 */
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/call/shm.h"
#include "run/file/files_leave.h"
#include "run/guest/creds.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

static int at_flags(uint64_t *addr, int flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : MAP_SHARED;
	if (*addr % PAGE) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr = PAGE_DOWN(*addr);
		if (!*addr && (flags & SHM_REMAP))
			return -EINVAL;
	}
	return MAP_SHARED | (flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE);
}

static int64_t attach(struct request *q, const struct creds *c, struct segment *g, uint64_t addr,
		      int flags)
{
	int map = at_flags(&addr, flags), prot = PROT_READ, err;
	unsigned want = 4, limits = flags & SHM_RDONLY ? QUIRE_MAP_READ_ONLY : 0;
	struct watch watch = {0};
	uint64_t at = 0;

	if (map < 0)
		return map;
	if (!(flags & SHM_RDONLY)) {
		prot |= PROT_WRITE;
		want |= 2;
	}
	if (flags & SHM_EXEC) {
		prot |= PROT_EXEC;
		want |= 1;
	}
	if (!shm_permitted(c, g, want))
		return -EACCES;
	if (g->unpromised)
		map |= MAP_NORESERVE;
	if (map & MAP_FIXED)
		watch_range(q, addr, shm_length(g), &watch);
	err = quire_mmap_limited(q->space->mm, addr, shm_length(g), prot, map, g->file, 0, limits,
				 &at);
	watch_end(q, &watch);
	if (err)
		return err == -EEXIST ? -EINVAL : err;
	g->atime = time(NULL);
	g->lpid = q->proc->pid;
	return (int64_t)at;
}

int64_t sys_shmat(struct request *q)
{
	struct segment *g;
	int64_t ret = -EINVAL;
	struct creds c;

	creds_caller(q, &c);
	pthread_mutex_lock(&q->run->segments->lock);
	g = shm_by_id(q->run, (int)q->a[1]);
	if (g)
		ret = attach(q, &c, g, q->a[2], (int)q->a[3]);
	pthread_mutex_unlock(&q->run->segments->lock);
	return ret;
}

static struct segment *by_file(const struct segments *s, const struct quire_file *file)
{
	for (unsigned i = 0; file && i < s->top; i++) {
		if (s->v[i].file == file)
			return &s->v[i];
	}
	return NULL;
}

/* The parts of one attachment: each lies where the attachment at addr would have put it. */
static struct segment *detach(struct request *q, uint64_t addr)
{
	struct segment *g = NULL;
	struct quire_vma_info v;
	struct quire_file *file;
	uint64_t at = addr, end = UINT64_MAX;

	for (; at < end && !quire_vma_next_file(q->space->mm, at, &v, &file); at = v.end) {
		struct segment *found = by_file(q->run->segments, file);

		if (file)
			quire_file_put(file); /* the segment has a reference of its own */
		if (!found || (g && found != g) || v.start < addr || v.offset != v.start - addr)
			continue;
		if (!g) {
			g = found;
			end = addr + shm_length(g);
		}
		quire_munmap(q->space->mm, v.start, v.end - v.start);
	}
	return g;
}

int64_t sys_shmdt(struct request *q)
{
	uint64_t addr = q->a[1];
	struct segment *g = NULL;

	if (addr % PAGE)
		return -EINVAL;
	pthread_mutex_lock(&q->run->segments->lock);
	g = detach(q, addr);
	if (g) {
		g->dtime = time(NULL);
		g->lpid = q->proc->pid;
		shm_destroy_if_unused(q->run, g);
	}
	pthread_mutex_unlock(&q->run->segments->lock);
	return g ? 0 : -EINVAL;
}
