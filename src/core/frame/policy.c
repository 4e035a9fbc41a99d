/* SPDX-License-Identifier: MIT */
/*
 * policy.c: memory policies: which there are, and what one says of a page.
 *
 * Owns nothing: a policy is a number.  Which nodes are meant is asked of the named ones when it is
 * used; the machine's nodes do not change, so the answer is always the same.
 */
#include "core/frame/policy.h"

#include "core/frame/zone.h"

#define MODE_SHIFT 48
#define NAMED ((1ull << MODE_SHIFT) - 1)
#define HOME_SHIFT 51
#define HOME (0x7full << HOME_SHIFT)

#define STATIC ((unsigned)QMPOL_F_STATIC_NODES)
#define RELATIVE ((unsigned)QMPOL_F_RELATIVE_NODES)
#define BALANCING ((unsigned)QMPOL_F_NUMA_BALANCING)
#define FLAGS (STATIC | RELATIVE | BALANCING)

static unsigned kind_of(uint64_t policy)
{
	return quire_policy_mode(policy) & ~FLAGS;
}

static unsigned nr_nodes(const struct quire_machine *m)
{
	return m->frames->nr_ram_zones;
}

/* ---- making ---------------------------------------------------------------- */

bool quire_policy_mode_ok(unsigned mode)
{
	unsigned kind = mode & ~FLAGS;

	if (kind >= QMPOL_MODES || (mode & (STATIC | RELATIVE)) == (STATIC | RELATIVE))
		return false;
	return !(mode & BALANCING) || kind == QMPOL_BIND || kind == QMPOL_PREFERRED_MANY;
}

/* These have no nodes. */
static int make_bare(unsigned mode, uint64_t nodes, uint64_t *policy)
{
	bool local = (mode & ~FLAGS) == QMPOL_LOCAL;

	if (nodes || (local && (mode & (STATIC | RELATIVE))))
		return -QEINVAL;
	*policy = local ? (uint64_t)QMPOL_LOCAL << MODE_SHIFT : 0;
	return 0;
}

int quire_policy_make(const struct quire_machine *m, unsigned mode, uint64_t nodes,
		      uint64_t *policy)
{
	unsigned kind = mode & ~FLAGS;

	if (!quire_policy_mode_ok(mode) || (nodes & ~NAMED))
		return -QEINVAL;
	if (kind == QMPOL_PREFERRED && !nodes && !(mode & (STATIC | RELATIVE)))
		mode = kind = QMPOL_LOCAL;
	if (kind == QMPOL_DEFAULT || kind == QMPOL_LOCAL)
		return make_bare(mode, nodes, policy);
	*policy = (uint64_t)mode << MODE_SHIFT | nodes;
	nodes = quire_policy_nodes(m, *policy);
	/* Without flags it does not matter which others were named: policies are compared. */
	if (!(mode & FLAGS))
		*policy = (uint64_t)mode << MODE_SHIFT | nodes;
	return nodes ? 0 : -QEINVAL;
}

int quire_policy_set_home(const struct quire_machine *m, uint64_t *policy, unsigned node)
{
	unsigned kind = kind_of(*policy);

	if (node >= nr_nodes(m))
		return -QEINVAL;
	if (kind != QMPOL_BIND && kind != QMPOL_PREFERRED_MANY)
		return -QEOPNOTSUPP;
	*policy = (*policy & ~HOME) | (uint64_t)(node + 1) << HOME_SHIFT;
	return 0;
}

/* ---- which nodes ----------------------------------------------------------- */

/* MPOL_F_RELATIVE_NODES: node n is the one of that number, counted round and round. */
static uint64_t fold(uint64_t named, unsigned n)
{
	uint64_t nodes = 0;

	for (unsigned i = 0; i < MODE_SHIFT; i++)
		if (named >> i & 1)
			nodes |= 1ull << i % n;
	return nodes;
}

uint64_t quire_policy_nodes(const struct quire_machine *m, uint64_t policy)
{
	uint64_t named = policy & NAMED;
	uint64_t nodes = quire_policy_mode(policy) & RELATIVE ? fold(named, nr_nodes(m))
							      : named & quire_machine_node_set(m);

	return kind_of(policy) == QMPOL_PREFERRED ? nodes & -nodes : nodes;
}

/* ---- interleaving ---------------------------------------------------------- */

static unsigned weight_in(const struct quire_machine *m, bool weighted, unsigned node)
{
	return weighted ? quire_node_weight(m, node) : 1;
}

unsigned quire_policy_node(const struct quire_machine *m, uint64_t policy, uint64_t number)
{
	bool weighted = kind_of(policy) == QMPOL_WEIGHTED_INTERLEAVE;
	uint64_t nodes = quire_policy_nodes(m, policy), all = 0;
	unsigned last = 0;

	for (unsigned i = 0; i < nr_nodes(m); i++)
		if (nodes >> i & 1)
			all += weight_in(m, weighted, i);
	number = all ? number % all : 0;
	for (unsigned i = 0; i < nr_nodes(m); i++) {
		unsigned weight = nodes >> i & 1 ? weight_in(m, weighted, i) : 0;

		if (number < weight)
			return i;
		number -= weight;
		last = weight ? i : last;
	}
	return last; /* the weights have changed meanwhile */
}

/* ---- one page -------------------------------------------------------------- */

static unsigned home_or(uint64_t policy, unsigned local)
{
	unsigned home = (unsigned)((policy & HOME) >> HOME_SHIFT);

	return home ? home - 1 : local;
}

static struct node_choice interleave(const struct quire_machine *m, struct quire_task *task,
				     uint64_t policy, uint64_t number, unsigned local)
{
	struct node_choice c = {.nodes = quire_machine_node_set(m), .interleaved = true};

	if (number == NO_NUMBER)
		number = task ? task->turn++ : local;
	c.from = (uint8_t)quire_policy_node(m, policy, number);
	return c;
}

struct node_choice policy_choose(const struct quire_machine *m, struct quire_task *task,
				 uint64_t policy, uint64_t number, unsigned local)
{
	struct node_choice c = {.nodes = quire_machine_node_set(m), .from = (uint8_t)local};
	uint64_t nodes;

	if (!policy && task)
		policy = task->policy;
	nodes = quire_policy_nodes(m, policy);
	if (!nodes)
		return c;
	switch (kind_of(policy)) {
	case QMPOL_BIND:
	case QMPOL_PREFERRED_MANY:
		c.strict = kind_of(policy) == QMPOL_BIND;
		c.nodes = nodes;
		c.from = (uint8_t)home_or(policy, local);
		return c;
	case QMPOL_PREFERRED:
		c.from = (uint8_t)__builtin_ctzll(nodes);
		return c;
	case QMPOL_INTERLEAVE:
	case QMPOL_WEIGHTED_INTERLEAVE:
		return interleave(m, task, policy, number, local);
	default:
		return c;
	}
}
