/* SPDX-License-Identifier: MIT */
/*
 * shm.c: SysV shared memory segments: shmget, shmat, shmdt and what becomes of them.
 *
 * A segment is a shared-memory file of the core; being attached is being mapped: nattch is counted
 * in the VMAs of all guests when somebody asks, so fork, exec, exit, munmap and mremap need no
 * hooks.
 *
 *   1  A segment holds a reference to its file, so files can be told apart by address.
 *   2  A removed segment (IPC_RMID) has no key; it goes when it is found without attachments.
 *   3  An id is index + 32768 * sequence: that of a segment long gone is not taken for a new one.
 *
 * Owns the table, under shm_lock, which is taken before the core's locks and never under G.
 * shm_at.c has shmat and shmdt, shm_ctl.c shmctl.
 */
#include "run/shm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MAX_SPACES 4096

pthread_mutex_t shm_lock = PTHREAD_MUTEX_INITIALIZER;
struct segment shm_table[SHM_MAX];
static uint32_t nr_removed; /* A: segments that wait for their last detach */

/* ---- who is attached ----------------------------------------------------------- */

static unsigned count_in(struct space *s, struct quire_file *file)
{
	struct quire_vma_info v;
	struct quire_file *f;
	unsigned n = 0;

	for (uint64_t at = 0; !quire_vma_next_file(s->mm, at, &v, &f); at = v.end) {
		n += f == file;
		if (f)
			quire_file_put(f);
	}
	return n;
}

/* Spaces in which somebody lives, referenced. */
static unsigned living_spaces(struct run *run, struct space **out)
{
	unsigned n = 0;

	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p && n < MAX_SPACES; p = p->next) {
		if (p->space && !p->vforked && !proc_is_gone(p))
			out[n++] = space_get(p->space);
	}
	pthread_mutex_unlock(&run->lock);
	return n;
}

unsigned shm_attached(struct run *run, const struct segment *g)
{
	struct space **all = malloc(MAX_SPACES * sizeof(*all));
	unsigned nr, n = 0;

	if (!all)
		return 1;
	nr = living_spaces(run, all);
	for (unsigned i = 0; i < nr; i++) {
		n += count_in(all[i], g->file);
		space_put(all[i]);
	}
	free(all);
	return n;
}

static void destroy(struct segment *g)
{
	struct quire_file *file = g->file;

	if (g->removed)
		at_add(&nr_removed, (uint32_t)-1);
	g->file = NULL;
	g->seq++;
	g->removed = false;
	quire_file_put(file);
}

void shm_destroy_if_unused(struct run *run, struct segment *g)
{
	if (g->file && g->removed && !shm_attached(run, g))
		destroy(g);
}

void shm_sweep(struct run *run)
{
	if (!at_load(&nr_removed))
		return;
	pthread_mutex_lock(&shm_lock);
	for (unsigned i = 0; i < SHM_MAX; i++)
		shm_destroy_if_unused(run, &shm_table[i]);
	pthread_mutex_unlock(&shm_lock);
}

void shm_remove(struct run *run, struct segment *g)
{
	if (!g->removed)
		at_add(&nr_removed, 1);
	g->removed = true;
	g->key = IPC_PRIVATE;
	shm_destroy_if_unused(run, g);
}

void shm_destroy(struct run *run)
{
	(void)run;
	for (unsigned i = 0; i < SHM_MAX; i++) {
		if (shm_table[i].file)
			destroy(&shm_table[i]);
	}
}

/* ---- finding, permissions ------------------------------------------------------- */

struct segment *shm_by_id(int id)
{
	struct segment *g;

	if (id < 0)
		return NULL;
	if (id % 32768 >= SHM_MAX)
		return NULL;
	g = &shm_table[id % 32768];
	return g->file && shm_id(g) == id ? g : NULL;
}

/* want: rwx bits as of "others". */
bool shm_permitted(const struct creds *c, const struct segment *g, unsigned want)
{
	unsigned have = g->mode;

	if (shm_owns(c, g))
		have >>= 6;
	else if (creds_in_group(c, g->gid) || creds_in_group(c, g->cgid))
		have >>= 3;
	return !(want & ~have) || creds_capable(c, CAP_IPC_OWNER);
}

bool shm_owns(const struct creds *c, const struct segment *g)
{
	return c->known && (c->euid == g->uid || c->euid == g->cuid);
}

/* ---- shmget --------------------------------------------------------------------- */

static struct segment *by_key(int key)
{
	for (unsigned i = 0; key != IPC_PRIVATE && i < SHM_MAX; i++) {
		if (shm_table[i].file && shm_table[i].key == key)
			return &shm_table[i];
	}
	return NULL;
}

static int make_file(struct request *q, struct segment *g, bool noreserve)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_SHMEM};
	char name[40];

	snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)g->key);
	o.name = name;
	o.bytes = PAGE_UP(g->bytes);
	o.writable = true;
	o.noreserve = noreserve;
	o.dev = 1;
	o.ino = (uint64_t)shm_id(g);
	return quire_file_create(q->run->machine, &o, &g->file);
}

static int64_t create(struct request *q, const struct creds *c, int key, uint64_t bytes, int flags)
{
	struct segment *g = shm_table;
	unsigned seq;
	int err;

	if (!bytes || bytes > (1ull << 46))
		return -EINVAL;
	if ((flags & SHM_HUGETLB) || (bytes > q->run->ram_bytes && !(flags & SHM_NORESERVE)))
		return -ENOMEM;
	while (g < shm_table + SHM_MAX && g->file)
		g++;
	if (g == shm_table + SHM_MAX)
		return -ENOSPC;
	seq = g->seq;
	*g = (struct segment){
	    .key = key, .seq = seq, .bytes = bytes, .mode = (unsigned)flags & 0777u};
	g->ctime = time(NULL);
	g->cpid = q->proc->pid;
	g->uid = g->cuid = c->euid;
	g->gid = g->cgid = c->egid;
	err = make_file(q, g, (flags & SHM_NORESERVE) != 0);
	if (err)
		return err;
	return shm_id(g);
}

static int64_t get_locked(struct request *q, const struct creds *c, int key, uint64_t bytes,
			  int flags)
{
	struct segment *g = by_key(key);

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
	pthread_mutex_lock(&shm_lock);
	ret = get_locked(q, &c, (int)q->a[1], q->a[2], (int)q->a[3]);
	pthread_mutex_unlock(&shm_lock);
	return ret;
}
