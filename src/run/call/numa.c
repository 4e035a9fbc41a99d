/* SPDX-License-Identifier: MIT */
/*
 * numa.c: move_pages and migrate_pages on a machine of one node: all pages are on it, and may be
 * asked for there.
 */
#include "quire/port.h"
#include "quire/quire.h"
#include "run/call/mempolicy.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdlib.h>

#define MOVE_CHUNK 512u
#define MOVE_FLAGS (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

static int page_status(struct quire_mm *mm, uint64_t addr)
{
	uint64_t policy;

	if (!address_policy(mm, addr, &policy))
		return -EFAULT;
	return quire_pte(mm, addr) & QUIRE_PTE_PRESENT ? 0 : -ENOENT;
}

static int64_t move_chunk(struct request *q, struct quire_mm *mm, uint64_t at, uint64_t n)
{
	uint64_t pages[MOVE_CHUNK];
	int status[MOVE_CHUNK], node;

	if (guest_read(q->space, q->a[3] + at * 8, pages, n * 8) != (int64_t)(n * 8))
		return -EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		status[i] = page_status(mm, pages[i]);
		if (!q->a[4])
			continue;
		if (guest_read(q->space, q->a[4] + (at + i) * 4, &node, 4) != 4)
			return -EFAULT;
		if (node)
			return -ENODEV;
	}
	if (guest_write(q->space, q->a[5] + at * 4, status, n * 4) != (int64_t)(n * 4))
		return -EFAULT;
	return 0;
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

int64_t sys_migrate_pages(struct request *q)
{
	uint64_t from, to;
	int64_t err = nodes_read(q, q->a[3], q->a[2], &from);
	pid_t pid = (pid_t)q->a[1];
	struct space *space;
	struct proc *p;
	bool may = true;

	if (!err)
		err = nodes_read(q, q->a[4], q->a[2], &to);
	if (err)
		return err;
	if (pid && pid != q->proc->pid) {
		p = proc_find(q->run, pid, &space);
		if (!p)
			return RUN_NATIVE;
		may = caller_may_look(q, p, false);
		proc_put(p);
		space_put(space);
	}
	if (!may || ((to & ~1ull) && !caller_capable(q, CAP_SYS_NICE)))
		return -EPERM;
	return to & 1 ? 0 : -EINVAL;
}
