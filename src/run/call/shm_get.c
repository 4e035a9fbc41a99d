/* SPDX-License-Identifier: MIT */
/*
 * shm_get.c: shmget(2): finding a segment, making one.  Owns nothing; all under the lock of
 * run->segments.
 *
 * The limits are the host's (kernel.shmmax, shmall, shmmni), as they are now.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/call/memsys.h"
#include "run/call/shm.h"
#include "run/guest/creds.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define MIN_ROUND 64u

static struct segment *by_key(const struct segments *s, int key)
{
	for (unsigned i = 0; key != IPC_PRIVATE && i < s->top; i++) {
		if (s->v[i].file && s->v[i].key == key)
			return &s->v[i];
	}
	return NULL;
}

static int make_file(struct request *q, struct segment *g, bool noreserve)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_SHMEM};
	char name[40];

	if (g->page != PAGE) {
		o.kind = QUIRE_FILE_HUGETLB;
		o.huge = quire_huge_of_bytes(g->page);
	}
	snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)g->key);
	o.name = name;
	o.bytes = shm_length(g);
	o.writable = true;
	o.noreserve = noreserve;
	o.moves_alone = true; /* as on Linux, whose segments have a place of their own choice */
	o.dev = 1;
	o.ino = (uint64_t)shm_id(g);
	return quire_file_create(q->run->machine, &o, &g->file);
}

struct shm_limits shm_limits(void)
{
	return (struct shm_limits){
	    .max = host_number("/proc/sys/kernel/shmmax", UINT64_MAX - (1ull << 24)),
	    .all = host_number("/proc/sys/kernel/shmall", UINT64_MAX - (1ull << 24)),
	    .mni = host_number("/proc/sys/kernel/shmmni", 4096),
	};
}

/* 0, or why there may be no segment more of that size. */
static int check_limits(struct run *run, uint64_t bytes)
{
	struct shm_limits l = shm_limits();
	struct shm_usage u = shm_usage(run);
	uint64_t pages = bytes / PAGE + (bytes % PAGE != 0);

	if (!bytes || bytes > l.max)
		return -EINVAL;
	if (u.pages + pages > l.all || u.used >= l.mni || u.used >= SHM_MAX)
		return -ENOSPC;
	return 0;
}

/*
 * kernel.shm_next_id: the id that a program that restores others wants for the next segment, once.
 * Only the host's own shmget takes it.  -1: none.
 */
static int take_next_id(void)
{
	int id;

	if (host_number("/proc/sys/kernel/shm_next_id", UINT32_MAX) > INT32_MAX)
		return -1;
	id = shmget(IPC_PRIVATE, 1, 0);
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

/* The first free place in turn from `index` on, below `end` if there is one. */
static unsigned free_from(const struct segments *s, unsigned index, unsigned end)
{
	if (index >= end)
		index = 0;
	for (unsigned i = 0; i < SHM_MAX && s->v[index].file; i++)
		index = index + 1 == end ? 0 : index + 1;
	return index;
}

/* Places go round, so that an id that is gone is not soon another's; seq counts the rounds. */
static unsigned next_in_turn(struct segments *s, unsigned used, unsigned *seq)
{
	unsigned end = used * 3 / 2 > MIN_ROUND ? used * 3 / 2 : MIN_ROUND;
	unsigned index = free_from(s, s->cursor, end < SHM_MAX ? end : SHM_MAX);

	if (s->last != UINT32_MAX && index <= s->last)
		s->rounds = (s->rounds + 1) % (INT32_MAX / SHM_MAX);
	s->last = index;
	s->cursor = index + 1;
	*seq = s->rounds;
	return index;
}

/* There is a free place. */
static struct segment *choose_place(struct run *run, unsigned *seq)
{
	struct segments *s = run->segments;
	int id = take_next_id();
	unsigned index;

	*seq = (unsigned)id / SHM_MAX;
	index = id < 0 ? next_in_turn(s, shm_usage(run).used, seq)
		       : free_from(s, (unsigned)id % SHM_MAX, SHM_MAX);
	if (index >= s->top)
		s->top = index + 1;
	return &s->v[index];
}

/* Of a new segment; 0: there are none of that size. */
static uint64_t page_of(int flags)
{
	unsigned log = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	if (!(flags & SHM_HUGETLB))
		return PAGE;
	if (!log)
		return quire_huge_bytes(QUIRE_HUGE_2M);
	return quire_huge_of_bytes(1ull << log) == QUIRE_NR_HUGE ? 0 : 1ull << log;
}

/* Huge pages are for those that may lock memory, and for one group of the host's. */
static bool may_have_huge(const struct creds *c)
{
	return creds_capable(c, CAP_IPC_LOCK) ||
	       creds_in_group(c, (gid_t)host_number("/proc/sys/vm/hugetlb_shm_group", 0));
}

/* 0, or why there may be no segment of such pages. */
static int check_pages(const struct request *q, const struct creds *c, uint64_t page,
		       uint64_t bytes, int flags)
{
	if (!page)
		return -EINVAL;
	if (bytes > INT64_MAX - page)
		return -ENOMEM;
	if (page != PAGE)
		return may_have_huge(c) ? 0 : -EPERM;
	return bytes > q->run->ram_bytes && !(flags & SHM_NORESERVE) ? -ENOMEM : 0;
}

/* Huge pages are promised from the start. */
static int reserve(const struct request *q, struct segment *g)
{
	int err = quire_file_reserve(g->file, q->space->mm, 0, shm_length(g));

	if (err) {
		quire_file_put(g->file);
		g->file = NULL;
	}
	return err;
}

static int64_t create(struct request *q, const struct creds *c, int key, uint64_t bytes, int flags)
{
	int err = check_limits(q->run, bytes);
	uint64_t page = page_of(flags);
	struct segment *g;
	unsigned seq, index;

	if (!err)
		err = check_pages(q, c, page, bytes, flags);
	if (err)
		return err;
	g = choose_place(q->run, &seq);
	index = (unsigned)(g - q->run->segments->v);
	*g = (struct segment){.index = index,
			      .key = key,
			      .seq = seq,
			      .bytes = bytes,
			      .page = page,
			      .unpromised = page != PAGE && (flags & SHM_NORESERVE),
			      .mode = (unsigned)flags & 0777u};
	g->ctime = time(NULL);
	g->cpid = q->proc->pid;
	g->uid = g->cuid = c->euid;
	g->gid = g->cgid = c->egid;
	err = make_file(q, g, (flags & SHM_NORESERVE) != 0);
	if (!err && page != PAGE && !g->unpromised)
		err = reserve(q, g);
	return err ? err : shm_id(g);
}

static int64_t get_locked(struct request *q, const struct creds *c, int key, uint64_t bytes,
			  int flags)
{
	struct segment *g = by_key(q->run->segments, key);

	if (!g)
		return key == IPC_PRIVATE || (flags & IPC_CREAT) ? create(q, c, key, bytes, flags)
								 : -ENOENT;
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (bytes > g->bytes)
		return -EINVAL;
	if (!shm_permitted(c, g,
			   ((unsigned)flags >> 6 | (unsigned)flags >> 3 | (unsigned)flags) & 7))
		return -EACCES;
	return shm_id(g);
}

int64_t sys_shmget(struct request *q)
{
	struct creds c;
	int64_t ret;

	creds_caller(q, &c);
	shm_sweep(q->run);
	pthread_mutex_lock(&q->run->segments->lock);
	ret = get_locked(q, &c, (int)q->a[1], q->a[2], (int)q->a[3]);
	pthread_mutex_unlock(&q->run->segments->lock);
	return ret;
}
