/* SPDX-License-Identifier: MIT */
/*
 * shm.c: SysV shared memory segments: the table, who is attached, who may, and when they go.
 *
 * A segment is a shared-memory file of the core; being attached is being mapped: nattch is counted
 * in the VMAs of all guests when somebody asks, so fork, exec, exit, munmap and mremap need no
 * hooks.
 *
 *   1  A segment holds a reference to its file, so files can be told apart by address.
 *   2  A removed segment (IPC_RMID) has no key; it goes when it is found without attachments.
 *   3  An id is index + SHM_MAX * round: that of a segment long gone is not taken for a new one.
 *   4  No segment has an index of `top` or above.
 *
 * Owns run->segments, under its lock (V), which is taken before the core's locks and never under G.
 * shm_get.c has shmget, shm_at.c shmat and shmdt, shm_ctl.c shmctl.
 */
#include "run/call/shm.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/creds.h"
#include "run/guest/death.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SPACES 4096

/* ---- who is attached ----------------------------------------------------------- */

static bool may_be_written(const struct quire_vma_info *v)
{
	char flags[128];

	quire_vm_flag_names(v->vm_flags, flags, sizeof(flags));
	return v->shared && strstr(flags, "mw");
}

static unsigned count_in(struct space *s, struct quire_file *file, bool written)
{
	struct quire_vma_info v;
	struct quire_file *f;
	unsigned n = 0;

	for (uint64_t at = 0; !quire_vma_next_file(s->mm, at, &v, &f); at = v.end) {
		n += f == file && (!written || may_be_written(&v));
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

/* Mappings of the file by those who live; `written`: shared ones that may be written to. */
static unsigned count_mappings(struct run *run, struct quire_file *file, bool written)
{
	struct space **all = malloc(MAX_SPACES * sizeof(*all));
	unsigned nr, n = 0;

	if (!all)
		return 1;
	nr = living_spaces(run, all);
	for (unsigned i = 0; i < nr; i++) {
		n += count_in(all[i], file, written);
		space_put(all[i]);
	}
	free(all);
	return n;
}

unsigned shm_attached(struct run *run, const struct segment *g)
{
	return count_mappings(run, g->file, false);
}

bool shm_written(struct run *run, struct quire_file *file)
{
	return count_mappings(run, file, true) > 0;
}

static void destroy(struct run *run, struct segment *g)
{
	struct quire_file *file = g->file;

	if (g->removed)
		atomic_add(&run->segments->nr_removed, (uint32_t)-1);
	g->file = NULL;
	g->removed = false;
	quire_file_put(file);
}

void shm_destroy_if_unused(struct run *run, struct segment *g)
{
	if (g->file && g->removed && !shm_attached(run, g))
		destroy(run, g);
}

void shm_sweep(struct run *run)
{
	struct segments *s = run->segments;

	if (!atomic_load(&run->segments->nr_removed))
		return;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->top; i++)
		shm_destroy_if_unused(run, &s->v[i]);
	pthread_mutex_unlock(&s->lock);
}

void shm_remove(struct run *run, struct segment *g)
{
	if (!g->removed)
		atomic_add(&run->segments->nr_removed, 1);
	g->removed = true;
	g->key = IPC_PRIVATE;
	shm_destroy_if_unused(run, g);
}

int shm_create(struct run *run)
{
	struct segments *s = calloc(1, sizeof(*s));

	run->segments = s;
	if (s)
		s->v = calloc(SHM_MAX, sizeof(*s->v));
	if (!s || !s->v)
		return -ENOMEM;
	s->last = UINT32_MAX;
	pthread_mutex_init(&s->lock, NULL);
	return 0;
}

void shm_destroy(struct run *run)
{
	struct segments *s = run->segments;

	for (unsigned i = 0; i < s->top; i++) {
		if (s->v[i].file)
			destroy(run, &s->v[i]);
	}
	free(s->v);
}

/* ---- what there is --------------------------------------------------------------- */

struct shm_usage shm_usage(struct run *run)
{
	const struct segments *s = run->segments;
	struct shm_usage u = {0};

	for (unsigned i = 0; i < s->top; i++) {
		const struct segment *g = &s->v[i];

		if (!g->file)
			continue;
		u.used++;
		u.pages += PAGE_UP(g->bytes) / PAGE;
		u.resident += quire_file_resident(g->file) / PAGE;
	}
	return u;
}

unsigned shm_mode(const struct segment *g)
{
	return g->mode | (g->removed ? SHM_DEST : 0u) | (g->locked ? SHM_LOCKED : 0u);
}

/* ---- finding, permissions ------------------------------------------------------- */

struct segment *shm_by_id(struct run *run, int id)
{
	struct segment *g;

	if (id < 0)
		return NULL;
	g = &run->segments->v[id % SHM_MAX];
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
