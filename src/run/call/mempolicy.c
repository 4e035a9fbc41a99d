/* SPDX-License-Identifier: MIT */
/*
 * mempolicy.c: set_mempolicy, mbind, get_mempolicy on a machine of one node.
 *
 * There is nothing to decide, but what was set is remembered and told: a thread's policy in its
 * slot, a mapping's in the core (quire_set_policy).  A policy is one number:
 *
 *     63 .. 48   mode, with its flags; 0: MPOL_DEFAULT, which is no policy
 *     47 ..  0   nodes, as they were named
 */
#include "run/call/mempolicy.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>

#define MODE_SHIFT 48
#define NODES ((1ull << MODE_SHIFT) - 1)

#define STATIC ((unsigned)MPOL_F_STATIC_NODES)
#define RELATIVE ((unsigned)MPOL_F_RELATIVE_NODES)
#define BALANCING ((unsigned)MPOL_F_NUMA_BALANCING)
#define MODE_FLAGS (STATIC | RELATIVE | BALANCING)

#define MAX_NODE_BITS (PAGE * 8)
#define MAX_NODES 1024u

/* ---- arguments ------------------------------------------------------------------ */

/* Nodes beyond those that a policy has room for are taken for the last that it has. */
int64_t nodes_read(struct request *q, uint64_t mask, uint64_t bits, uint64_t *nodes)
{
	uint64_t n = bits - 1, v;

	*nodes = 0;
	if (!mask || !n)
		return 0;
	if (n > MAX_NODE_BITS)
		return -EINVAL;
	for (uint64_t at = 0; at < n; at += 64) {
		if (guest_read(q->space, mask + at / 8, &v, sizeof(v)) != sizeof(v))
			return -EFAULT;
		if (n - at < 64)
			v &= (1ull << (n - at)) - 1;
		if (v && at >= MAX_NODES)
			return -EINVAL;
		if (at ? v : v & ~NODES)
			*nodes |= 1ull << (MODE_SHIFT - 1);
		if (!at)
			*nodes |= v & NODES;
	}
	return 0;
}

static int check_mode(unsigned mode)
{
	unsigned kind = mode & ~MODE_FLAGS;

	if (kind >= NR_POLICIES || (mode & (STATIC | RELATIVE)) == (STATIC | RELATIVE))
		return -EINVAL;
	if ((mode & BALANCING) && kind != MPOL_BIND && kind != MPOL_PREFERRED_MANY)
		return -EINVAL;
	return 0;
}

/* Those of the machine, which are the first. */
static uint64_t nodes_used(uint64_t policy)
{
	uint64_t nodes = policy & NODES;

	return policy_mode(policy) & RELATIVE ? nodes != 0 : nodes & 1;
}

static int make(unsigned mode, uint64_t nodes, uint64_t *policy)
{
	unsigned kind = mode & ~MODE_FLAGS;

	if (kind == MPOL_PREFERRED && !nodes && !(mode & (STATIC | RELATIVE)))
		mode = kind = MPOL_LOCAL;
	*policy = (uint64_t)mode << MODE_SHIFT | nodes;
	if (kind == MPOL_DEFAULT)
		*policy = 0;
	if (kind == MPOL_DEFAULT)
		return nodes ? -EINVAL : 0;
	if (kind == MPOL_LOCAL)
		return nodes || (mode & (STATIC | RELATIVE)) ? -EINVAL : 0;
	return nodes_used(*policy) ? 0 : -EINVAL;
}

unsigned policy_mode(uint64_t policy)
{
	return (unsigned)(policy >> MODE_SHIFT);
}

unsigned policy_kind(uint64_t policy)
{
	return policy_mode(policy) & ~MODE_FLAGS;
}

const char *policy_flags(uint64_t policy)
{
	switch (policy_mode(policy) & MODE_FLAGS) {
	case STATIC:
		return "=static";
	case RELATIVE:
		return "=relative";
	case BALANCING:
		return "=balancing";
	case STATIC | BALANCING:
		return "=static|balancing";
	case RELATIVE | BALANCING:
		return "=relative|balancing";
	default:
		return "";
	}
}

/* ---- setting -------------------------------------------------------------------- */

int64_t sys_set_mempolicy(struct request *q)
{
	unsigned mode = (unsigned)q->a[1];
	uint64_t nodes, policy;
	int64_t err = check_mode(mode);

	if (!err)
		err = nodes_read(q, q->a[2], q->a[3], &nodes);
	if (!err)
		err = make(mode, nodes, &policy);
	if (!err)
		q->slot->policy = policy;
	return err;
}

int64_t sys_mbind(struct request *q)
{
	unsigned mode = (unsigned)q->a[3];
	uint64_t start = q->a[1], end = start + PAGE_UP(q->a[2]), nodes, policy;
	int64_t err = check_mode(mode);

	if (!err)
		err = nodes_read(q, q->a[4], q->a[5], &nodes);
	if (err)
		return err;
	if (q->a[6] & ~(uint64_t)MPOL_MF_VALID)
		return -EINVAL;
	if ((q->a[6] & MPOL_MF_MOVE_ALL) && !caller_capable(q, CAP_SYS_NICE))
		return -EPERM;
	if (start % PAGE || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	err = make(mode, nodes, &policy);
	return err ? err : quire_set_policy(q->space->mm, start, q->a[2], policy);
}

/* ---- telling -------------------------------------------------------------------- */

/* A miss is one only if mincore says so: quire_vma_next() may see nothing where mremap moves to. */
bool address_policy(struct quire_mm *mm, uint64_t addr, uint64_t *policy)
{
	struct quire_vma_info v;
	uint8_t resident;

	do {
		if (!quire_vma_next(mm, addr, &v) && v.start <= addr) {
			*policy = v.policy;
			return true;
		}
	} while (quire_mincore(mm, PAGE_DOWN(addr), PAGE, &resident) == 0);
	return false;
}

static int64_t put(struct request *q, int value, uint64_t nodes)
{
	uint64_t bytes = (q->a[3] - 1 + 63) / 64 * 8, zero = 0;

	if (q->a[1] && guest_write(q->space, q->a[1], &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (!q->a[2])
		return 0;
	if (bytes > PAGE)
		return -EINVAL;
	for (uint64_t at = 0; at < bytes; at += 8) {
		if (guest_write(q->space, q->a[2] + at, at ? &zero : &nodes, 8) != 8)
			return -EFAULT;
	}
	return 0;
}

/* The node that a page is on, or that the thread's next one would be on. */
static int64_t tell_node(struct request *q, uint64_t policy)
{
	unsigned kind = policy_kind(policy);
	char byte;

	if (q->a[5] & MPOL_F_ADDR)
		return guest_remote_read(q->space, 0, q->a[4], &byte, 1) == 1 ? 0 : -EFAULT;
	return kind == MPOL_INTERLEAVE || kind == MPOL_WEIGHTED_INTERLEAVE ? 0 : -EINVAL;
}

int64_t sys_get_mempolicy(struct request *q)
{
	uint64_t flags = q->a[5], policy = q->slot->policy, nodes;
	int64_t err = 0;

	if ((flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) ||
	    (q->a[2] && !q->a[3]))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED)
		return flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : put(q, 0, 1);
	if ((flags & MPOL_F_ADDR) && !address_policy(q->space->mm, q->a[4], &policy))
		return -EFAULT;
	if (!(flags & MPOL_F_ADDR) && q->a[4])
		return -EINVAL;
	if (flags & MPOL_F_NODE)
		err = tell_node(q, policy);
	if (err)
		return err;
	nodes = policy_mode(policy) & MODE_FLAGS ? policy & NODES : nodes_used(policy);
	return put(q, flags & MPOL_F_NODE ? 0 : (int)policy_mode(policy), nodes);
}
