/* SPDX-License-Identifier: MIT */
/*
 * numa.c: NUMA's calls on a machine of one node.
 *
 * Policies are accepted where they name node 0 and have nothing to decide; pages are on node 0.
 */
#include "run/creds.h"

#include <errno.h>
#include <stdlib.h>

enum {
	POL_DEFAULT,
	POL_PREFERRED,
	POL_BIND,
	POL_INTERLEAVE,
	POL_LOCAL,
	POL_PREFERRED_MANY,
	POL_WEIGHTED_INTERLEAVE,
	NR_POLS
};
#define POL_MODE_FLAGS 0xe000ull
#define POL_F_NODE 1u
#define POL_F_ADDR 2u
#define POL_F_MEMS_ALLOWED 4u
#define MBIND_FLAGS 7u
#define MAX_NODE_BITS (PAGE * 8)
#define MOVE_CHUNK 512u
#define MOVE_FLAGS 6u
#define MOVE_ALL 4u

/* Nodes of a mask in guest memory: 0 none, 1 node 0 only, -errno: unreadable or others. */
static int64_t nodes_of(struct request *q, uint64_t mask, uint64_t bits)
{
	uint64_t word = 0;

	if (!mask || bits <= 1)
		return 0;
	if (bits - 1 > MAX_NODE_BITS)
		return -EINVAL;
	for (uint64_t at = 0; at < bits - 1; at += 64) {
		uint64_t left = bits - 1 - at, v;

		if (guest_read(q->space, mask + at / 8, &v, sizeof(v)) != sizeof(v))
			return -EFAULT;
		if (left < 64)
			v &= (1ull << left) - 1;
		if (at ? v : v & ~1ull)
			return -EINVAL;
		word |= v;
	}
	return (int64_t)word;
}

static int64_t check_policy(struct request *q, uint64_t mode, uint64_t mask, uint64_t bits)
{
	int64_t nodes = nodes_of(q, mask, bits);

	mode &= ~POL_MODE_FLAGS;
	if (mode >= NR_POLS)
		return -EINVAL;
	if (nodes < 0)
		return nodes;
	if (mode == POL_DEFAULT || mode == POL_LOCAL)
		return nodes ? -EINVAL : 0;
	return nodes || mode == POL_PREFERRED ? 0 : -EINVAL;
}

/* A miss is one only if mincore says so: quire_vma_next() may see nothing where mremap moves to. */
static bool is_mapped(struct quire_mm *mm, uint64_t addr)
{
	struct quire_vma_info v;
	uint8_t resident;

	if (!quire_vma_next(mm, addr, &v) && v.start <= addr)
		return true;
	return quire_mincore(mm, PAGE_DOWN(addr), PAGE, &resident) == 0;
}

static bool mapped_whole(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct quire_vma_info v;

	while (start < end) {
		if (!quire_vma_next(mm, start, &v) && v.start <= start)
			start = v.end;
		else if (is_mapped(mm, start))
			start += PAGE;
		else
			return false;
	}
	return true;
}

int64_t sys_mbind(struct request *q)
{
	uint64_t start = q->a[1], end = start + PAGE_UP(q->a[2]);
	int64_t err;

	if (q->a[6] & ~(uint64_t)MBIND_FLAGS || start % PAGE || end < start)
		return -EINVAL;
	err = check_policy(q, q->a[3], q->a[4], q->a[5]);
	if (err)
		return err;
	return mapped_whole(q->space->mm, start, end) ? 0 : -EFAULT;
}

int64_t sys_set_mempolicy(struct request *q)
{
	return check_policy(q, q->a[1], q->a[2], q->a[3]);
}

static int64_t put_mask(struct request *q, uint64_t node0)
{
	uint64_t bytes = (q->a[3] - 1 + 63) / 64 * 8, zero = 0;

	if (!q->a[2])
		return 0;
	if (!q->a[3] || bytes > PAGE)
		return -EINVAL;
	for (uint64_t at = 0; at < bytes; at += 8) {
		if (guest_write(q->space, q->a[2] + at, at ? &zero : &node0, 8) != 8)
			return -EFAULT;
	}
	return 0;
}

int64_t sys_get_mempolicy(struct request *q)
{
	uint64_t flags = q->a[5];
	int zero = 0;

	if (flags & ~7ull || ((flags & POL_F_MEMS_ALLOWED) && (flags & 3)))
		return -EINVAL;
	if (flags & POL_F_ADDR) {
		if (!is_mapped(q->space->mm, q->a[4]))
			return -EFAULT;
	} else if (q->a[4] || flags & POL_F_NODE) {
		return -EINVAL;
	}
	if (q->a[1] && guest_write(q->space, q->a[1], &zero, sizeof(zero)) != sizeof(zero))
		return -EFAULT;
	return put_mask(q, flags & POL_F_MEMS_ALLOWED ? 1 : 0);
}

static int page_status(struct quire_mm *mm, uint64_t addr)
{
	if (!is_mapped(mm, addr))
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
	if ((q->a[6] & MOVE_ALL) && !caller_capable(q, CAP_SYS_NICE))
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
	int64_t from = nodes_of(q, q->a[3], q->a[2]), to = nodes_of(q, q->a[4], q->a[2]);
	pid_t pid = (pid_t)q->a[1];
	struct space *space;
	struct proc *p;
	bool may = true;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (pid && pid != q->proc->pid) {
		p = proc_find(q->run, pid, &space);
		if (!p)
			return RUN_NATIVE;
		may = caller_may_look(q, p, false);
		proc_put(p);
		space_put(space);
	}
	if (!may)
		return -EPERM;
	return to ? 0 : -EINVAL;
}
