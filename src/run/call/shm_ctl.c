/* SPDX-License-Identifier: MIT */
/*
 * shm_ctl.c: shmctl(2).  Owns nothing; all under the lock of run->segments.
 */
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/call/shm.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int64_t put(struct request *q, const void *what, size_t len)
{
	return guest_write(q->space, q->a[3], what, len) == (int64_t)len ? 0 : -EFAULT;
}

static int64_t stat_segment(struct request *q, struct segment *g)
{
	struct shmid_ds d = {.shm_segsz = g->bytes};

	d.shm_perm.__key = g->key;
	d.shm_perm.uid = g->uid;
	d.shm_perm.gid = g->gid;
	d.shm_perm.cuid = g->cuid;
	d.shm_perm.cgid = g->cgid;
	d.shm_perm.mode = (unsigned short)shm_mode(g);
	d.shm_perm.__seq = (unsigned short)g->seq;
	d.shm_atime = g->atime;
	d.shm_dtime = g->dtime;
	d.shm_ctime = g->ctime;
	d.shm_cpid = g->cpid;
	d.shm_lpid = g->lpid;
	d.shm_nattch = shm_attached(q->run, g);
	return put(q, &d, sizeof(d));
}

static bool may_change(const struct creds *c, const struct segment *g)
{
	return shm_owns(c, g) || creds_capable(c, CAP_SYS_ADMIN);
}

static int64_t set_segment(struct request *q, const struct creds *c, struct segment *g)
{
	struct shmid_ds d;

	if (guest_read(q->space, q->a[3], &d, sizeof(d)) != sizeof(d))
		return -EFAULT;
	if (!may_change(c, g))
		return -EPERM;
	if (d.shm_perm.uid == (uid_t)-1 || d.shm_perm.gid == (gid_t)-1)
		return -EINVAL;
	g->uid = d.shm_perm.uid;
	g->gid = d.shm_perm.gid;
	g->mode = d.shm_perm.mode & 0777u;
	g->ctime = time(NULL);
	return 0;
}

/* Index of the highest segment in use: what the two INFO calls return. */
static int64_t highest(const struct segments *s)
{
	unsigned i = s->top;

	while (i > 0 && !s->v[i - 1].file)
		i--;
	return i ? i - 1 : 0;
}

static int64_t ipc_info(struct request *q)
{
	struct shm_limits l = shm_limits();
	struct shminfo info = {
	    .shmmax = l.max, .shmmin = 1, .shmmni = l.mni, .shmseg = l.mni, .shmall = l.all};
	int64_t err = put(q, &info, sizeof(info));

	return err ? err : highest(q->run->segments);
}

static int64_t shm_info(struct request *q)
{
	struct shm_usage u = shm_usage(q->run);
	struct shm_info info = {.used_ids = (int)u.used, .shm_tot = u.pages, .shm_rss = u.resident};
	int64_t err = put(q, &info, sizeof(info));

	return err ? err : highest(q->run->segments);
}

static int64_t stat_by_index(struct request *q, const struct creds *c, bool any)
{
	struct segment *g = q->a[1] < SHM_MAX ? &q->run->segments->v[q->a[1]] : NULL;
	int64_t err;

	if (!g || !g->file)
		return -EINVAL;
	if (!any && !shm_permitted(c, g, 4))
		return -EACCES;
	err = stat_segment(q, g);
	return err ? err : shm_id(g);
}

static uint64_t locked_by(const struct segments *s, uid_t uid)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < s->top; i++) {
		if (s->v[i].file && s->v[i].locked && s->v[i].locker == uid)
			bytes += PAGE_UP(s->v[i].bytes);
	}
	return bytes;
}

/* What a user has locked counts against that user's limit, whichever process asks. */
static int64_t lock_segment(struct request *q, const struct creds *c, struct segment *g)
{
	rlim_t limit = proc_limit(q->proc, QUIRE_RLIMIT_MEMLOCK).rlim_cur;
	bool may = creds_capable(c, CAP_IPC_LOCK);

	if (!may && (!shm_owns(c, g) || !limit))
		return -EPERM;
	if (g->locked || g->page != PAGE) /* huge pages stay in any case */
		return 0;
	if (!may && locked_by(q->run->segments, c->uid) + PAGE_UP(g->bytes) > limit)
		return -ENOMEM;
	g->locked = true;
	g->locker = c->uid;
	return 0;
}

static int64_t unlock_segment(const struct creds *c, struct segment *g)
{
	if (!creds_capable(c, CAP_IPC_LOCK) && !shm_owns(c, g))
		return -EPERM;
	g->locked = false;
	return 0;
}

static int64_t on_segment(struct request *q, const struct creds *c, struct segment *g, int cmd)
{
	switch (cmd) {
	case IPC_STAT:
		return shm_permitted(c, g, 4) ? stat_segment(q, g) : -EACCES;
	case IPC_SET:
		return set_segment(q, c, g);
	case IPC_RMID:
		if (!may_change(c, g))
			return -EPERM;
		shm_remove(q->run, g);
		return 0;
	case SHM_LOCK:
		return lock_segment(q, c, g);
	case SHM_UNLOCK:
		return unlock_segment(c, g);
	default:
		return -EINVAL;
	}
}

static int64_t ctl_locked(struct request *q, const struct creds *c, int cmd)
{
	struct segment *g;

	switch (cmd) {
	case IPC_INFO:
		return ipc_info(q);
	case SHM_INFO:
		return shm_info(q);
	case SHM_STAT:
		return stat_by_index(q, c, false);
	case SHM_STAT_ANY:
		return stat_by_index(q, c, true);
	default:
		g = shm_by_id(q->run, (int)q->a[1]);
		return g ? on_segment(q, c, g, cmd) : -EINVAL;
	}
}

int64_t sys_shmctl(struct request *q)
{
	struct creds c;
	int64_t ret;

	if ((int)q->a[2] < 0 || (int)q->a[1] < 0)
		return -EINVAL;
	creds_caller(q, &c);
	shm_sweep(q->run);
	pthread_mutex_lock(&q->run->segments->lock);
	ret = ctl_locked(q, &c, (int)q->a[2]);
	pthread_mutex_unlock(&q->run->segments->lock);
	return ret;
}
