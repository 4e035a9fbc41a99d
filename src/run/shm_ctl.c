/* SPDX-License-Identifier: MIT */
/*
 * shm_ctl.c: shmctl(2).  Owns nothing; all under shm_lock.
 */
#include "run/shm.h"

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
	d.shm_perm.mode = (unsigned short)(g->mode | (g->removed ? SHM_DEST : 0u) |
					   (g->locked ? SHM_LOCKED : 0u));
	d.shm_perm.__seq = (unsigned short)g->seq;
	d.shm_atime = g->atime;
	d.shm_dtime = g->dtime;
	d.shm_ctime = g->ctime;
	d.shm_cpid = g->cpid;
	d.shm_lpid = g->lpid;
	d.shm_nattch = shm_attached(q->run, g);
	return put(q, &d, sizeof(d));
}

static bool owner(struct request *q, const struct segment *g)
{
	uid_t uid;
	gid_t gid;

	shm_caller(q, &uid, &gid);
	return !uid || uid == g->uid || uid == g->cuid;
}

static int64_t set_segment(struct request *q, struct segment *g)
{
	struct shmid_ds d;

	if (guest_read(q->space, q->a[3], &d, sizeof(d)) != sizeof(d))
		return -EFAULT;
	if (!owner(q, g))
		return -EPERM;
	g->uid = d.shm_perm.uid;
	g->gid = d.shm_perm.gid;
	g->mode = d.shm_perm.mode & 0777u;
	g->ctime = time(NULL);
	return 0;
}

/* Index of the highest segment in use: what the two INFO calls return. */
static int64_t highest(unsigned *used, uint64_t *pages)
{
	int64_t top = 0;

	*used = 0;
	*pages = 0;
	for (unsigned i = 0; i < SHM_MAX; i++) {
		if (!shm_table[i].file)
			continue;
		top = i;
		(*used)++;
		*pages += PAGE_UP(shm_table[i].bytes) / PAGE;
	}
	return top;
}

static int64_t ipc_info(struct request *q)
{
	struct shminfo info = {.shmmax = UINT64_MAX - (1ull << 24),
			       .shmmin = 1,
			       .shmmni = SHM_MAX,
			       .shmseg = SHM_MAX,
			       .shmall = UINT64_MAX - (1ull << 24)};
	unsigned used;
	uint64_t pages;
	int64_t err = put(q, &info, sizeof(info));

	return err ? err : highest(&used, &pages);
}

static int64_t shm_info(struct request *q)
{
	struct shm_info info = {0};
	struct quire_machine_stats m;
	unsigned used;
	uint64_t pages;
	int64_t top = highest(&used, &pages), err;

	quire_machine_stats(q->run->machine, &m);
	info.used_ids = (int)used;
	info.shm_tot = pages;
	info.shm_rss = m.shmem_frames;
	err = put(q, &info, sizeof(info));
	return err ? err : top;
}

static int64_t stat_by_index(struct request *q, bool any)
{
	struct segment *g = q->a[1] < SHM_MAX ? &shm_table[q->a[1]] : NULL;
	int64_t err;

	if (!g || !g->file)
		return -EINVAL;
	if (!any && !shm_permitted(q, g, 4))
		return -EACCES;
	err = stat_segment(q, g);
	return err ? err : shm_id(g);
}

static int64_t on_segment(struct request *q, struct segment *g, int cmd)
{
	switch (cmd) {
	case IPC_STAT:
		return shm_permitted(q, g, 4) ? stat_segment(q, g) : -EACCES;
	case IPC_SET:
		return set_segment(q, g);
	case IPC_RMID:
		if (!owner(q, g))
			return -EPERM;
		shm_remove(q->run, g);
		return 0;
	case SHM_LOCK:
	case SHM_UNLOCK:
		if (!owner(q, g))
			return -EPERM;
		g->locked = cmd == SHM_LOCK;
		return 0;
	default:
		return -EINVAL;
	}
}

static int64_t ctl_locked(struct request *q, int cmd)
{
	struct segment *g;

	switch (cmd) {
	case IPC_INFO:
		return ipc_info(q);
	case SHM_INFO:
		return shm_info(q);
	case SHM_STAT:
		return stat_by_index(q, false);
	case SHM_STAT_ANY:
		return stat_by_index(q, true);
	default:
		g = shm_by_id((int)q->a[1]);
		return g ? on_segment(q, g, cmd) : -EINVAL;
	}
}

int64_t sys_shmctl(struct request *q)
{
	int64_t ret;

	if ((int)q->a[2] < 0 || (int)q->a[1] < 0)
		return -EINVAL;
	shm_sweep(q->run);
	pthread_mutex_lock(&shm_lock);
	ret = ctl_locked(q, (int)q->a[2]);
	pthread_mutex_unlock(&shm_lock);
	return ret;
}
