/* SPDX-License-Identifier: MIT */
/*
 * mempolicy.c: set_mempolicy, mbind, get_mempolicy, set_mempolicy_home_node.
 *
 * What a policy means is the core's (quire.h).  A thread's is in its slot, where the core asks for
 * it (port/port_run.c), a mapping's in the core.
 */
#include "run/call/mempolicy.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
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

/* Words of nodes that no machine has are looked at first, from the last on, and whole. */
static int64_t excess_read(struct request *q, uint64_t mask, uint64_t n)
{
	uint64_t v;

	for (uint64_t words = (n + 63) / 64; words > MAX_NODES / 64; words--) {
		if (guest_read(q->space, mask + (words - 1) * 8, &v, sizeof(v)) != sizeof(v))
			return -EFAULT;
		if (v)
			return -EINVAL;
	}
	return 0;
}

/* Nodes beyond those that a policy has room for are taken for the last that it has. */
int64_t nodes_read(struct request *q, uint64_t mask, uint64_t bits, uint64_t *nodes)
{
	uint64_t n = bits - 1, v;
	int64_t err;

	*nodes = 0;
	if (!mask || !n)
		return 0;
	if (n > MAX_NODE_BITS)
		return -EINVAL;
	err = excess_read(q, mask, n);
	if (err)
		return err;
	if (n > MAX_NODES)
		n = MAX_NODES;
	for (uint64_t at = 0; at < n; at += 64) {
		if (guest_read(q->space, mask + at / 8, &v, sizeof(v)) != sizeof(v))
			return -EFAULT;
		if (n - at < 64)
			v &= (1ull << (n - at)) - 1;
		if (at ? v : v & ~NODES)
			*nodes |= 1ull << (MODE_SHIFT - 1);
		if (!at)
			*nodes |= v & NODES;
	}
	return 0;
}

/* The mode is looked at before the nodes are read, and they before what it makes of them. */
static int64_t policy_read(struct request *q, unsigned mode, uint64_t mask, uint64_t bits,
			   uint64_t *nodes)
{
	return quire_policy_mode_ok(mode) ? nodes_read(q, mask, bits, nodes) : -EINVAL;
}

unsigned policy_kind(uint64_t policy)
{
	return quire_policy_mode(policy) & ~MODE_FLAGS;
}

const char *policy_flags(uint64_t policy)
{
	switch (quire_policy_mode(policy) & MODE_FLAGS) {
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
	int64_t err = policy_read(q, mode, q->a[2], q->a[3], &nodes);

	if (!err)
		err = quire_policy_make(q->run->machine, mode, nodes, &policy);
	if (!err) {
		q->slot->task.policy = policy;
		q->slot->task.turn = 0;
	}
	return err;
}

/* What is not in the core: vdso and vvar.  They have no policy, and can be given none. */
static bool is_special(const struct space *s, uint64_t start, uint64_t end)
{
	return (start >= s->vdso && end <= s->vdso + atomic_load(&s->vdso_bytes)) ||
	       (start >= s->vvar && end <= s->vvar + atomic_load(&s->vvar_bytes));
}

/* Pages that others map, too, and that stay for that, are no reason to fail. */
static int64_t move_pages_there(struct request *q, uint64_t start, uint64_t policy, uint64_t nodes,
				uint64_t flags)
{
	int64_t left = quire_move_by_policy(q->space->mm, start, q->a[2], policy, nodes,
					    (int)(flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)));

	return left && (flags & MPOL_MF_STRICT) ? -EIO : 0;
}

int64_t sys_mbind(struct request *q)
{
	unsigned mode = (unsigned)q->a[3];
	uint64_t start = q->a[1], end = start + PAGE_UP(q->a[2]), flags = q->a[6], nodes, policy;
	int64_t err = policy_read(q, mode, q->a[4], q->a[5], &nodes);

	if (err)
		return err;
	if (flags & ~(uint64_t)MPOL_MF_VALID)
		return -EINVAL;
	if ((flags & MPOL_MF_MOVE_ALL) && !caller_capable(q, CAP_SYS_NICE))
		return -EPERM;
	if (start % PAGE || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	err = quire_policy_make(q->run->machine, mode, nodes, &policy);
	if (!err && is_special(q->space, start, end))
		return policy ? -EINVAL : 0;
	if (!policy)
		flags &= ~(uint64_t)MPOL_MF_STRICT;
	if (!err && (flags & MPOL_MF_VALID) == MPOL_MF_STRICT)
		err = quire_check_placed(q->space->mm, start, q->a[2], nodes);
	if (!err)
		err = quire_set_policy(q->space->mm, start, q->a[2], policy);
	if (!err && (flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)))
		err = move_pages_there(q, start, policy, nodes, flags);
	return err;
}

int64_t sys_set_mempolicy_home_node(struct request *q)
{
	if (q->a[1] % PAGE || q->a[4] || q->a[3] >= RUN_MAX_NODES)
		return -EINVAL;
	return quire_set_home_node(q->space->mm, q->a[1], q->a[2], (unsigned)q->a[3]);
}

/* ---- telling -------------------------------------------------------------------- */

/* A miss is one only if mincore says so: where mremap moves to a reader may see nothing. */
bool address_policy(struct quire_mm *mm, uint64_t addr, uint64_t *policy)
{
	uint8_t resident;

	do {
		if (!quire_policy_at(mm, addr, policy))
			return true;
	} while (quire_mincore(mm, PAGE_DOWN(addr), PAGE, &resident) == 0);
	return false;
}

/* What lies behind the nodes that there can be is cleared first, as far as it can be written. */
static int64_t put_nodes(struct request *q, uint64_t mask, uint64_t bytes, uint64_t nodes)
{
	static const uint64_t zeros[PAGE / 8];

	if (bytes > PAGE)
		return -EINVAL;
	if (bytes > 8 && guest_write(q->space, mask + 8, zeros, bytes - 8) != (int64_t)bytes - 8)
		return -EFAULT;
	return bytes && guest_write(q->space, mask, &nodes, 8) != 8 ? -EFAULT : 0;
}

static int64_t put(struct request *q, int value, uint64_t nodes)
{
	if (q->a[1] && guest_write(q->space, q->a[1], &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	return q->a[2] ? put_nodes(q, q->a[2], (q->a[3] - 1 + 63) / 64 * 8, nodes) : 0;
}

/* A file may have grown behind the core's back. */
static int read_node(struct request *q)
{
	int node = quire_read_node(q->space->mm, q->a[4]);

	return node < 0 && file_has_grown(q->space, q->a[4])
		   ? quire_read_node(q->space->mm, q->a[4])
		   : node;
}

/* The node that a page is on, which is read for that; or of the thread's next one in turn. */
static int64_t tell_node(struct request *q, uint64_t policy)
{
	unsigned kind = policy_kind(policy);

	if (q->a[5] & MPOL_F_ADDR)
		return read_node(q);
	if (kind != MPOL_INTERLEAVE && kind != MPOL_WEIGHTED_INTERLEAVE)
		return -EINVAL;
	return quire_policy_node(q->run->machine, policy, q->slot->task.turn);
}

/* As they were named, where it was said how they are to be taken; else those that are meant. */
static uint64_t told_nodes(struct request *q, uint64_t policy)
{
	return quire_policy_mode(policy) & MODE_FLAGS ? policy & NODES
						      : quire_policy_nodes(q->run->machine, policy);
}

int64_t sys_get_mempolicy(struct request *q)
{
	uint64_t flags = q->a[5], policy = q->slot->task.policy;
	unsigned nodes = quire_machine_nodes(q->run->machine);
	int64_t what = 0;

	if ((flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) ||
	    (q->a[2] && q->a[3] < nodes))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED)
		return flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL
							   : put(q, 0, (1ull << nodes) - 1);
	if ((flags & MPOL_F_ADDR) && !address_policy(q->space->mm, q->a[4], &policy))
		return -EFAULT;
	if (!(flags & MPOL_F_ADDR) && q->a[4])
		return -EINVAL;
	what = flags & MPOL_F_NODE ? tell_node(q, policy) : quire_policy_mode(policy);
	return what < 0 ? what : put(q, (int)what, told_nodes(q, policy));
}
