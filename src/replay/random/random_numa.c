/* SPDX-License-Identifier: MIT */
/*
 * random_numa.c: memory policies and moves between nodes in random scripts, on machines of one
 * node: some name others, too.
 */
#include "replay/random/random_model.h"

#include <quire/abi.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Node 0 mostly, which is the only one. */
static uint32_t any_nodes(struct model *m)
{
	static const uint32_t others[] = {0, 1u << 1, 1u << 0 | 1u << 5, 1u << 31};

	return chance(m, 80) ? 1u << 0 : others[random_below(m->r, N(others))];
}

/* Few modes mostly, so that neighbours have the same policy again. */
static uint32_t any_policy(struct model *m)
{
	static const uint32_t flags[] = {QMPOL_F_STATIC_NODES, QMPOL_F_RELATIVE_NODES,
					 QMPOL_F_NUMA_BALANCING,
					 QMPOL_F_STATIC_NODES | QMPOL_F_RELATIVE_NODES, 1u << 12};
	uint32_t mode = (uint32_t)random_below(m->r, chance(m, 60) ? 3 : QMPOL_MODES);

	if (chance(m, 15))
		mode |= flags[random_below(m->r, N(flags))];
	return chance(m, 1) ? QMPOL_MODES : mode;
}

static bool has_nodes(uint32_t mode)
{
	uint32_t kind = mode & (QMPOL_F_NUMA_BALANCING - 1);

	return kind != QMPOL_DEFAULT && kind != QMPOL_LOCAL;
}

static uint32_t nodes_for(struct model *m, uint32_t mode)
{
	if (chance(m, 5))
		return any_nodes(m);
	return has_nodes(mode) ? any_nodes(m) : 0;
}

static struct value any_bits(struct model *m)
{
	static const uint64_t bits[] = {1, 2, 3, 64, 1025, 1ull << 15, 1ull << 40};

	return number(chance(m, 95) ? 0 : bits[random_below(m->r, N(bits))]);
}

static uint32_t any_flags(struct model *m)
{
	static const uint32_t flags[] = {QMPOL_MF_STRICT,
					 QMPOL_MF_MOVE,
					 QMPOL_MF_STRICT | QMPOL_MF_MOVE,
					 QMPOL_MF_MOVE_ALL,
					 QMPOL_MF_STRICT | QMPOL_MF_MOVE_ALL,
					 8};

	return chance(m, 50) ? 0 : flags[random_below(m->r, N(flags))];
}

void random_mbind(struct model *m, struct step *s)
{
	arena_range(m, s);
	if (chance(m, 30))
		s->args[1] = number((1 + random_below(m->r, 20)) * REPLAY_PAGE);
	s->words[0] = any_policy(m);
	s->words[1] = nodes_for(m, s->words[0]);
	s->words[2] = any_flags(m);
	s->args[2] = any_bits(m);
}

void random_set_mempolicy(struct model *m, struct step *s)
{
	s->words[0] = any_policy(m);
	s->words[1] = nodes_for(m, s->words[0]);
	s->args[0] = any_bits(m);
}

void random_get_mempolicy(struct model *m, struct step *s)
{
	static const uint32_t flags[] = {
	    TELL_ADDR,         TELL_ADDR | TELL_NODE,         TELL_NODE,
	    TELL_MEMS_ALLOWED, TELL_MEMS_ALLOWED | TELL_NODE, 8};

	s->words[0] = chance(m, 20) ? 0 : flags[random_below(m->r, chance(m, 60) ? 2 : N(flags))];
	arena_range(m, s);
	if (!(s->words[0] & TELL_ADDR) && chance(m, 90))
		s->args[0] = number(0);
	s->args[1] = any_bits(m);
}

void random_home_node(struct model *m, struct step *s)
{
	arena_range(m, s);
	s->args[2] = number(chance(m, 90) ? 0 : 1 + random_below(m->r, 2000));
	s->args[3] = number(chance(m, 98) ? 0 : 1);
}

/* Of the process itself, mostly. */
static int8_t any_target(struct model *m)
{
	unsigned i = (unsigned)random_below(m->r, m->s->nr_actors);

	return chance(m, 30) && m->alive[i] ? (int8_t)i : -1;
}

void random_move_pages(struct model *m, struct step *s)
{
	static const uint32_t flags[] = {QMPOL_MF_MOVE, QMPOL_MF_MOVE_ALL, QMPOL_MF_STRICT, 8};

	arena_range(m, s);
	s->args[1] = number(random_below(m->r, MAX_MOVED + 1));
	s->words[0] = chance(m, 40) ? 0 : flags[random_below(m->r, chance(m, 90) ? 2 : N(flags))];
	s->words[1] = chance(m, 40) ? 0 : any_nodes(m);
	s->target = any_target(m);
}

void random_migrate_pages(struct model *m, struct step *s)
{
	s->words[0] = any_nodes(m);
	s->words[1] = any_nodes(m);
	s->target = any_target(m);
	s->args[0] = s->target < 0 ? number(0) : any_bits(m);
}
