/* SPDX-License-Identifier: MIT */
/*
 * shm.h: SysV segments, between shm.c, shm_get.c, shm_at.c and shm_ctl.c.  All under the lock of
 * run->segments but shm_sweep.
 */
#ifndef RUN_SHM_H
#define RUN_SHM_H

#include "run/guest/creds.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#define SHM_MAX 32768 /* as many as ids tell apart */

struct segment {
	struct quire_file *file; /* NULL: free; referenced */
	int key;
	unsigned index, seq; /* where in the table; the round */
	uint64_t bytes;
	uint64_t page;   /* that of its huge pages, or PAGE */
	bool unpromised; /* its huge pages: SHM_NORESERVE */
	uid_t uid, cuid;
	gid_t gid, cgid;
	unsigned mode;
	bool removed, locked;
	uid_t locker; /* whose limit it counts against, if locked */
	pid_t cpid, lpid;
	time_t atime, dtime, ctime;
};

struct segments {
	pthread_mutex_t lock; /* V */
	struct segment *v;    /* V: SHM_MAX of them */
	unsigned top;         /* V: no segment is there or above */
	uint32_t nr_removed;  /* A: segments that wait for their last detach */
	/* V: where shm_get.c looks for a place next, the last one, UINT32_MAX: none, and how often
	 * it has gone round. */
	unsigned cursor, last, rounds;
};

struct shm_limits {
	uint64_t max, all, mni; /* bytes of one, pages of all, how many */
};
struct shm_limits shm_limits(void);

struct shm_usage {
	unsigned used;
	uint64_t pages, resident; /* asked for; in RAM */
};
struct shm_usage shm_usage(struct run *run);
/* SHM_DEST and SHM_LOCKED included. */
unsigned shm_mode(const struct segment *g);

/* Bytes that it has in whole pages. */
static inline uint64_t shm_length(const struct segment *g)
{
	return (g->bytes + g->page - 1) & ~(g->page - 1);
}

static inline int shm_id(const struct segment *g)
{
	return (int)(g->seq * SHM_MAX + g->index);
}

struct segment *shm_by_id(struct run *run, int id);
unsigned shm_attached(struct run *run, const struct segment *g);
/* Somebody who lives maps the file in common with others, and may write to it there. */
bool shm_written(struct run *run, struct quire_file *file);
void shm_destroy_if_unused(struct run *run, struct segment *g);
void shm_remove(struct run *run, struct segment *g);
bool shm_permitted(const struct creds *c, const struct segment *g, unsigned want);
bool shm_owns(const struct creds *c, const struct segment *g);

/* Somebody has detached by dying: segments that are marked for removal may go. */
void shm_sweep(struct run *run);
int shm_create(struct run *run);
void shm_destroy(struct run *run);

#endif
