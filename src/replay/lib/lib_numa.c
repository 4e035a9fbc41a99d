/* SPDX-License-Identifier: MIT */
/*
 * lib_numa.c: memory policies and moves between nodes, as calls of the library.
 *
 * What a system call makes of its arguments before memory is concerned is here, in its order.
 */
#include "replay/lib/lib.h"

#include <errno.h>
#include <quire/abi.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_NODE_BITS (REPLAY_PAGE * 8)
#define MODE_FLAGS (QMPOL_F_STATIC_NODES | QMPOL_F_RELATIVE_NODES | QMPOL_F_NUMA_BALANCING)
#define MOVE_FLAGS (QMPOL_MF_MOVE | QMPOL_MF_MOVE_ALL)

/* Whether this process may move pages that others map, too: asked of the host, of no page. */
static bool may_move_all(void)
{
	return !syscall(SYS_move_pages, 0, 0ul, NULL, NULL, NULL, QMPOL_MF_MOVE_ALL);
}

/* A set of nodes of `bits` - 1 bits; 0: as many as the script has named.  0, -EINVAL. */
static int take_nodes(uint32_t set, uint64_t bits, uint64_t *nodes)
{
	uint64_t n = (bits ? bits : NODE_BITS) - 1;

	*nodes = n < 64 ? set & ((1ull << n) - 1) : set;
	return n > MAX_NODE_BITS ? -EINVAL : 0;
}

static int take_policy(struct lib *l, uint64_t bits, uint64_t *nodes)
{
	return quire_policy_mode_ok(l->step->words[0]) ? take_nodes(l->step->words[1], bits, nodes)
						       : -EINVAL;
}

static uint64_t round_up(uint64_t n)
{
	return (n + REPLAY_PAGE - 1) & ~(REPLAY_PAGE - 1);
}

/* ---- policies ---------------------------------------------------------------- */

int64_t lib_set_mempolicy(struct lib *l)
{
	uint64_t nodes, policy;
	int err = take_policy(l, l->a[0], &nodes);

	if (!err)
		err = quire_policy_make(l->machine, l->step->words[0], nodes, &policy);
	if (err)
		return err;
	l->task->policy = policy;
	l->task->turn = 0;
	return 0;
}

static int bind_range(struct lib *l, uint64_t nodes, uint32_t flags)
{
	uint64_t start = l->a[0], policy;
	int err = quire_policy_make(l->machine, l->step->words[0], nodes, &policy);
	int64_t left = 0;

	if (!err && policy && flags == QMPOL_MF_STRICT)
		err = quire_check_placed(l->mm, start, l->a[1], nodes);
	if (!err)
		err = quire_set_policy(l->mm, start, l->a[1], policy);
	if (!err && (flags & MOVE_FLAGS))
		left = quire_move_by_policy(l->mm, start, l->a[1], policy, nodes,
					    (int)(flags & MOVE_FLAGS));
	return err || !left || !policy || !(flags & QMPOL_MF_STRICT) ? err : -EIO;
}

int64_t lib_mbind(struct lib *l)
{
	uint64_t start = l->a[0], end = start + round_up(l->a[1]), nodes;
	uint32_t flags = l->step->words[2];
	int err = take_policy(l, l->a[2], &nodes);

	if (err)
		return err;
	if (flags & ~(uint32_t)(QMPOL_MF_STRICT | MOVE_FLAGS))
		return -EINVAL;
	if ((flags & QMPOL_MF_MOVE_ALL) && !may_move_all())
		return -EPERM;
	if (start % REPLAY_PAGE || end < start)
		return -EINVAL;
	return end == start ? 0 : bind_range(l, nodes, flags);
}

int64_t lib_home_node(struct lib *l)
{
	if (l->a[2] >= QUIRE_MAX_NODES || l->a[0] % REPLAY_PAGE || l->a[3])
		return -EINVAL;
	return quire_set_home_node(l->mm, l->a[0], l->a[1], (unsigned)l->a[2]);
}

/* ---- get_mempolicy ----------------------------------------------------------- */

static bool interleaves(uint64_t policy)
{
	uint32_t kind = quire_policy_mode(policy) & ~(uint32_t)MODE_FLAGS;

	return kind == QMPOL_INTERLEAVE || kind == QMPOL_WEIGHTED_INTERLEAVE;
}

/* The node of the page, which is read for that; or that the thread's next one would be on. */
static int tell_node(struct lib *l, uint64_t policy)
{
	if (l->step->words[0] & TELL_ADDR)
		return quire_read_node(l->mm, l->a[0]);
	return interleaves(policy) ? (int)quire_policy_node(l->machine, policy, l->task->turn)
				   : -EINVAL;
}

/* As they were named, where it was said how they are to be taken; else those that are meant. */
static uint64_t told_nodes(const struct lib *l, uint64_t policy)
{
	return quire_policy_mode(policy) & MODE_FLAGS ? policy & ((1ull << 48) - 1)
						      : quire_policy_nodes(l->machine, policy);
}

static int64_t told(uint64_t bits, int64_t what, uint64_t nodes)
{
	if (what < 0)
		return what;
	if (bits > MAX_NODE_BITS + 1)
		return -EINVAL;
	return (int64_t)told_policy((uint32_t)what, bits == 1 ? 0 : nodes);
}

int64_t lib_get_mempolicy(struct lib *l)
{
	uint32_t flags = l->step->words[0];
	uint64_t policy = l->task->policy, all = quire_machine_node_set(l->machine);
	int64_t what;

	if (flags & ~(uint32_t)(TELL_NODE | TELL_ADDR | TELL_MEMS_ALLOWED) ||
	    (l->a[1] && l->a[1] < quire_machine_nodes(l->machine)))
		return -EINVAL;
	if (flags & TELL_MEMS_ALLOWED)
		return flags != TELL_MEMS_ALLOWED ? -EINVAL : told(l->a[1], 0, all);
	if ((flags & TELL_ADDR) && quire_policy_at(l->mm, l->a[0], &policy))
		return -EFAULT;
	if (!(flags & TELL_ADDR) && l->a[0])
		return -EINVAL;
	what = flags & TELL_NODE ? tell_node(l, policy) : (int64_t)quire_policy_mode(policy);
	return told(l->a[1], what, told_nodes(l, policy));
}

/* ---- moves ------------------------------------------------------------------- */

static struct quire_mm *mm_of_target(const struct lib *l)
{
	return l->step->target < 0 ? l->mm : l->mms[l->step->target];
}

int64_t lib_move_pages(struct lib *l)
{
	uint64_t n = l->a[1], set = l->step->words[1], pages[MAX_MOVED];
	uint32_t flags = l->step->words[0];
	int nodes[MAX_MOVED], status[MAX_MOVED];
	int64_t r;

	if (n > MAX_MOVED)
		return -E2BIG;
	for (unsigned i = 0; i < n; i++) {
		pages[i] = l->a[0] + i * REPLAY_PAGE;
		nodes[i] = node_in_turn(set, i);
		status[i] = STATUS_BEFORE;
	}
	if (!(flags & ~(uint32_t)MOVE_FLAGS) && (flags & QMPOL_MF_MOVE_ALL) && !may_move_all())
		r = -EPERM;
	else
		r = quire_move_pages(mm_of_target(l), n, pages, set ? nodes : NULL, status,
				     (int)flags);
	for (unsigned i = 0; i < n; i++)
		result_byte(l->result, (uint8_t)status[i]);
	return r;
}

int64_t lib_migrate_pages(struct lib *l)
{
	uint64_t from, to, all = quire_machine_node_set(l->machine);
	bool may = may_move_all();

	if (take_nodes(l->step->words[0], l->a[0], &from) ||
	    take_nodes(l->step->words[1], l->a[0], &to))
		return -EINVAL;
	if ((to & ~all) && !may)
		return -EPERM;
	return quire_migrate_pages(mm_of_target(l), from, to,
				   (int)(may ? QMPOL_MF_MOVE_ALL : QMPOL_MF_MOVE));
}
