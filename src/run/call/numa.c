/* SPDX-License-Identifier: MIT */
/*
 * numa.c: move_pages and migrate_pages.
 *
 * Pages are moved by the core.  vdso and vvar, which are not in it, stay where they are: on node 0.
 */
#include "quire/quire.h"
#include "run/call/mempolicy.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"

#include <errno.h>

#define MOVE_CHUNK 512u
/* So many addresses the host reads, all or none, before it tells of any. */
#define QUERY_CHUNK 16u
#define MOVE_FLAGS (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

/* ---- move_pages ------------------------------------------------------------- */

/* Some of the entries of a call. */
struct chunk {
	uint64_t n;
	uint64_t addr[MOVE_CHUNK];
	int node[MOVE_CHUNK], status[MOVE_CHUNK];
	bool moves;
};

static bool in_range(uint64_t addr, uint64_t start, uint64_t bytes)
{
	return addr >= start && addr - start < bytes;
}

/* What the core, which does not have these addresses, has said -EFAULT of. */
static int status_of_special(struct space *s, uint64_t addr, const int *node)
{
	if (in_range(addr, s->vdso, atomic_load(&s->vdso_bytes)))
		return node && *node ? -EBUSY : 0;
	return !node && in_range(addr, s->vvar, atomic_load(&s->vvar_bytes)) ? -ENOENT : -EFAULT;
}

/* As many as can be read: fewer end the call, with this error. */
static int read_chunk(struct request *q, uint64_t at, struct chunk *c)
{
	uint64_t want = c->n;
	int64_t r = guest_read(q->space, q->a[3] + at * 8, c->addr, want * 8);

	c->n = r < 0 ? 0 : (uint64_t)r / 8;
	c->moves = q->a[4] != 0;
	if (!c->moves && c->n < want)
		c->n -= c->n % QUERY_CHUNK;
	if (c->moves) {
		r = guest_read(q->space, q->a[4] + at * 4, c->node, c->n * 4);
		c->n = r < 0 ? 0 : (uint64_t)r / 4;
	}
	for (uint64_t i = 0; c->moves && i < c->n; i++)
		if (c->node[i] < 0 ||
		    (unsigned)c->node[i] >= quire_machine_nodes(q->run->machine)) {
			c->n = i;
			return -ENODEV;
		}
	return c->n < want ? -EFAULT : 0;
}

/* What the entries before one that fails have come to is told.  Returns how many pages stay where
 * they should not. */
static int64_t move_chunk(struct request *q, struct space *s, uint64_t at, struct chunk *c)
{
	int err = read_chunk(q, at, c);
	int64_t left = quire_move_pages(s->mm, c->n, c->addr, c->moves ? c->node : NULL, c->status,
					(int)(q->a[6] & MOVE_FLAGS));

	for (uint64_t i = 0; i < c->n; i++) {
		if (c->status[i] != -EFAULT)
			continue;
		c->status[i] = status_of_special(s, c->addr[i], c->moves ? &c->node[i] : NULL);
		left += c->status[i] == -EBUSY;
	}
	if (guest_write(q->space, q->a[5] + at * 4, c->status, c->n * 4) != (int64_t)(c->n * 4))
		return -EFAULT;
	return err ? err : left;
}

static int64_t move_all(struct request *q, struct space *s)
{
	struct chunk c;
	int64_t left = 0;

	for (uint64_t at = 0; at < q->a[2]; at += MOVE_CHUNK) {
		int64_t r;

		c.n = q->a[2] - at < MOVE_CHUNK ? q->a[2] - at : MOVE_CHUNK;
		r = move_chunk(q, s, at, &c);
		if (r < 0)
			return r;
		left += r;
	}
	return left;
}

int64_t sys_move_pages(struct request *q)
{
	struct space *space;
	struct proc *p;
	int64_t err;

	if (q->a[6] & ~(uint64_t)MOVE_FLAGS)
		return -EINVAL;
	if ((q->a[6] & MPOL_MF_MOVE_ALL) && !caller_capable(q, CAP_SYS_NICE))
		return -EPERM;
	if (!(pid_t)q->a[1] || (pid_t)q->a[1] == q->proc->pid)
		return move_all(q, q->space);
	err = caller_find(q, (pid_t)q->a[1], &p, &space);
	if (err)
		return err;
	err = move_all(q, space);
	proc_put(p);
	space_put(space);
	return err;
}

/* ---- migrate_pages ---------------------------------------------------------- */

static int64_t migrate(struct request *q, struct space *space, uint64_t from, uint64_t to)
{
	uint64_t nodes = quire_machine_node_set(q->run->machine);
	bool may = caller_capable(q, CAP_SYS_NICE);

	if ((to & ~nodes) && !may)
		return -EPERM;
	if (!(to & nodes))
		return -EINVAL;
	return quire_migrate_pages(space->mm, from & nodes, to & nodes,
				   may ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
}

int64_t sys_migrate_pages(struct request *q)
{
	uint64_t from, to;
	int64_t err = nodes_read(q, q->a[3], q->a[2], &from);
	pid_t pid = (pid_t)q->a[1];
	struct space *space;
	struct proc *p;

	if (!err)
		err = nodes_read(q, q->a[4], q->a[2], &to);
	if (err)
		return err;
	if (!pid || pid == q->proc->pid)
		return migrate(q, q->space, from, to);
	err = caller_find(q, pid, &p, &space);
	if (err)
		return err;
	err = migrate(q, space, from, to);
	proc_put(p);
	space_put(space);
	return err;
}
