/* SPDX-License-Identifier: MIT */
/*
 * numa.c: move_pages, migrate_pages, and mbind's MPOL_MF_MOVE: which pages are to be moved, and
 * where to.
 */
#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/options.h"
#include "run/call/mempolicy.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdlib.h>

#define MOVE_CHUNK 512u
#define MOVE_FLAGS (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

/* ---- one page --------------------------------------------------------------- */

/* The page at addr, which is on another node, is to go there.  The node that it is on then, or
 * -errno.  `all`: also what other processes map.  No page can be moved yet. */
static int move_page(struct quire_mm *mm, uint64_t addr, unsigned node, bool all)
{
	(void)mm;
	(void)addr;
	(void)node;
	(void)all;
	return -EBUSY;
}

/* A miss is one only if mincore says so (mempolicy.c). */
static int page_status(struct quire_mm *mm, uint64_t addr)
{
	uint64_t policy;
	int node = quire_page_node(mm, addr);

	if (node == -EFAULT && address_policy(mm, addr, &policy))
		node = quire_page_node(mm, addr);
	return node;
}

/* ---- ranges ----------------------------------------------------------------- */

/* Where pages of each node are to go. */
struct moves {
	bool all;
	int8_t to[RUN_MAX_NODES]; /* -1: they stay */
	int64_t failed;
};

static void move_range(struct quire_mm *mm, uint64_t start, uint64_t end, struct moves *m)
{
	for (uint64_t at = start; at < end; at += PAGE) {
		int node = quire_page_node(mm, at);

		if (node >= 0 && m->to[node] >= 0 &&
		    move_page(mm, at, (unsigned)m->to[node], m->all) < 0)
			m->failed++;
	}
}

static void move_mapped(struct quire_mm *mm, uint64_t start, uint64_t end, struct moves *m)
{
	struct quire_vma_info v;

	for (; start < end && !quire_vma_next(mm, start, &v) && v.start < end; start = v.end)
		move_range(mm, v.start > start ? v.start : start, v.end < end ? v.end : end, m);
}

/* The node of that number among those of a set, counted round and round. */
static unsigned nth_node(uint64_t set, unsigned n)
{
	unsigned left = n % (unsigned)__builtin_popcountll(set);

	while (left--)
		set &= set - 1;
	return (unsigned)__builtin_ctzll(set);
}

int64_t move_by_policy(struct request *q, uint64_t start, uint64_t end, uint64_t nodes,
		       uint64_t flags)
{
	uint64_t all = (1ull << quire_machine_nodes(q->run->machine)) - 1;
	struct moves m = {.all = flags & MPOL_MF_MOVE_ALL};

	for (unsigned i = 0; i < RUN_MAX_NODES; i++)
		m.to[i] = nodes & all && !(nodes >> i & 1) ? (int8_t)nth_node(nodes & all, 0) : -1;
	move_mapped(q->space->mm, start, end, &m);
	return m.failed && (flags & MPOL_MF_STRICT) ? -EIO : 0;
}

/*
 * A page goes to the node that has the same place among the new ones as its own has among the old.
 * One that is on one of the new stays, unless there are as many new ones as old.
 */
static int64_t move_between(struct quire_mm *mm, uint64_t from, uint64_t to, bool all)
{
	bool same = __builtin_popcountll(from) == __builtin_popcountll(to);
	struct moves m = {.all = all};
	unsigned n = 0;

	for (unsigned i = 0; i < RUN_MAX_NODES; i++) {
		unsigned dest = nth_node(to, n);

		m.to[i] = -1;
		if (!(from >> i & 1))
			continue;
		if (dest != i && (same || !(to >> i & 1)))
			m.to[i] = (int8_t)dest;
		n++;
	}
	move_mapped(mm, 0, GUEST_TASK_SIZE, &m);
	return m.failed;
}

/* ---- move_pages ------------------------------------------------------------- */

static int64_t move_entry(struct request *q, struct quire_mm *mm, uint64_t i, int *status)
{
	uint64_t addr;
	int node = 0;

	if (guest_read(q->space, q->a[3] + i * 8, &addr, 8) != 8 ||
	    (q->a[4] && guest_read(q->space, q->a[4] + i * 4, &node, 4) != 4))
		return -EFAULT;
	if (node < 0 || (unsigned)node >= quire_machine_nodes(q->run->machine))
		return -ENODEV;
	*status = page_status(mm, addr);
	if (q->a[4] && *status >= 0 && *status != node)
		*status = move_page(mm, addr, (unsigned)node, q->a[6] & MPOL_MF_MOVE_ALL);
	return 0;
}

/* What the entries before one that fails have come to is told. */
static int64_t move_chunk(struct request *q, struct quire_mm *mm, uint64_t at, uint64_t n)
{
	int status[MOVE_CHUNK];
	uint64_t done = 0;
	int64_t err = 0;

	while (done < n && !err) {
		err = move_entry(q, mm, at + done, &status[done]);
		done += !err;
	}
	if (guest_write(q->space, q->a[5] + at * 4, status, done * 4) != (int64_t)(done * 4))
		return -EFAULT;
	return err;
}

static int64_t move_all(struct request *q, struct quire_mm *mm)
{
	int64_t err = 0;

	for (uint64_t at = 0; !err && at < q->a[2]; at += MOVE_CHUNK) {
		uint64_t n = q->a[2] - at < MOVE_CHUNK ? q->a[2] - at : MOVE_CHUNK;

		err = move_chunk(q, mm, at, n);
	}
	return err;
}

int64_t sys_move_pages(struct request *q)
{
	struct space *space = NULL;
	struct proc *p;
	int64_t err;

	if (q->a[6] & ~(uint64_t)MOVE_FLAGS)
		return -EINVAL;
	if ((q->a[6] & MPOL_MF_MOVE_ALL) && !caller_capable(q, CAP_SYS_NICE))
		return -EPERM;
	if (!(pid_t)q->a[1] || (pid_t)q->a[1] == q->proc->pid)
		return move_all(q, q->space->mm);
	p = proc_find(q->run, (pid_t)q->a[1], &space);
	if (!p)
		return RUN_NATIVE;
	err = caller_may_look(q, p, false) ? move_all(q, space->mm) : -EPERM;
	proc_put(p);
	space_put(space);
	return err;
}

/* ---- migrate_pages ---------------------------------------------------------- */

static int64_t migrate(struct request *q, struct space *space, uint64_t from, uint64_t to)
{
	uint64_t nodes = (1ull << quire_machine_nodes(q->run->machine)) - 1;
	bool may = caller_capable(q, CAP_SYS_NICE);

	if ((to & ~nodes) && !may)
		return -EPERM;
	if (!(to & nodes))
		return -EINVAL;
	return space && space->mm ? move_between(space->mm, from & nodes, to & nodes, may) : 0;
}

int64_t sys_migrate_pages(struct request *q)
{
	uint64_t from, to;
	int64_t err = nodes_read(q, q->a[3], q->a[2], &from);
	pid_t pid = (pid_t)q->a[1];
	struct space *space = NULL;
	struct proc *p;

	if (!err)
		err = nodes_read(q, q->a[4], q->a[2], &to);
	if (err)
		return err;
	if (!pid || pid == q->proc->pid)
		return migrate(q, q->space, from, to);
	p = proc_find(q->run, pid, &space);
	if (!p)
		return RUN_NATIVE;
	err = caller_may_look(q, p, false) ? migrate(q, space, from, to) : -EPERM;
	proc_put(p);
	space_put(space);
	return err;
}
