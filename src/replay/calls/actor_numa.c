/* SPDX-License-Identifier: MIT */
/*
 * actor_numa.c: memory policies and moves between nodes, as system calls; what numa_maps tells.
 */
#include "replay/calls/call.h"

#include <errno.h>
#include <fcntl.h>
#include <quire/abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define NR_HOME_NODE 450 /* which older headers do not have */
#define MASK_WORDS 512   /* as many bits as the calls take: a page of them */
#define TOLD_BITS 1025   /* what get_mempolicy is asked for: of any kernel's nodes */

/* ---- calls ------------------------------------------------------------------ */

static uint64_t bits_or(uint64_t bits, uint64_t otherwise)
{
	return bits ? bits : otherwise;
}

/* Room for as many bits as a script can say; the step's nodes are the lowest. */
static uint64_t mask_of(const struct call *c, unsigned word)
{
	static uint64_t masks[MAX_WORD_ARGS][MASK_WORDS];

	masks[word][0] = c->step->words[word];
	return (uint64_t)masks[word];
}

int64_t call_mbind(struct call *c)
{
	return call_sys(SYS_mbind, c->a[0], c->a[1], c->step->words[0], mask_of(c, 1),
			bits_or(c->a[2], NODE_BITS), c->step->words[2]);
}

int64_t call_set_mempolicy(struct call *c)
{
	return call_sys(SYS_set_mempolicy, c->step->words[0], mask_of(c, 1),
			bits_or(c->a[0], NODE_BITS), 0, 0, 0);
}

int64_t call_get_mempolicy(struct call *c)
{
	uint64_t nodes[MASK_WORDS] = {0};
	int mode = 0;
	int64_t err = call_sys(SYS_get_mempolicy, (uint64_t)&mode, (uint64_t)nodes,
			       bits_or(c->a[1], TOLD_BITS), c->a[0], c->step->words[0], 0);

	return err ? err : (int64_t)told_policy((uint32_t)mode, nodes[0]);
}

int64_t call_home_node(struct call *c)
{
	return call_sys(NR_HOME_NODE, c->a[0], c->a[1], c->a[2], c->a[3], 0, 0);
}

static uint64_t pid_of_target(const struct call *c)
{
	return c->step->target < 0 ? 0 : (uint64_t)c->b->pids[c->step->target];
}

int64_t call_move_pages(struct call *c)
{
	uint64_t n = c->a[1], set = c->step->words[1], pages[MAX_MOVED];
	int nodes[MAX_MOVED], status[MAX_MOVED];
	int64_t r;

	if (n > MAX_MOVED)
		return -E2BIG;
	for (unsigned i = 0; i < n; i++) {
		pages[i] = c->a[0] + i * REPLAY_PAGE;
		nodes[i] = node_in_turn(set, i);
		status[i] = STATUS_BEFORE;
	}
	r = call_sys(SYS_move_pages, pid_of_target(c), n, (uint64_t)pages,
		     set ? (uint64_t)nodes : 0, (uint64_t)status, c->step->words[0]);
	for (unsigned i = 0; i < n; i++)
		result_byte(c->r, (uint8_t)status[i]);
	return r;
}

int64_t call_migrate_pages(struct call *c)
{
	return call_sys(SYS_migrate_pages, pid_of_target(c), bits_or(c->a[0], NODE_BITS),
			mask_of(c, 0), mask_of(c, 1), 0, 0);
}

/* ---- numa_maps -------------------------------------------------------------- */

/* As numa_maps has them; a name comes before one that it begins with. */
static const struct word modes[] = {
    {"default", QMPOL_DEFAULT},
    {"prefer (many)", QMPOL_PREFERRED_MANY},
    {"prefer", QMPOL_PREFERRED},
    {"bind", QMPOL_BIND},
    {"interleave", QMPOL_INTERLEAVE},
    {"local", QMPOL_LOCAL},
    {"weighted interleave", QMPOL_WEIGHTED_INTERLEAVE},
    {NULL, 0},
};
static const struct word flags[] = {
    {"static", QMPOL_F_STATIC_NODES},
    {"relative", QMPOL_F_RELATIVE_NODES},
    {"balancing", QMPOL_F_NUMA_BALANCING},
    {NULL, 0},
};

static uint32_t take_word(const struct word *words, const char **at)
{
	for (const struct word *w = words; w->name; w++) {
		size_t n = strlen(w->name);

		if (!strncmp(*at, w->name, n)) {
			*at += n;
			return w->value;
		}
	}
	return 0;
}

/* "0-2,4" */
static uint64_t take_nodes(const char *at)
{
	uint64_t nodes = 0;
	char *end;

	for (;; at = end + 1) {
		unsigned long from = strtoul(at, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < 64; from++)
			nodes |= 1ull << from;
		if (*end != ',')
			return nodes;
	}
}

/* "bind=static:0-1 anon=3 ..." */
static uint64_t read_policy(const char *at)
{
	uint32_t mode = take_word(modes, &at);

	while (*at == '=' || *at == '|') {
		at++;
		mode |= take_word(flags, &at);
	}
	return told_policy(mode, *at == ':' ? take_nodes(at + 1) : 0);
}

void actor_numa_maps(struct view *v)
{
	struct lines l;
	unsigned i = 0;
	char *line;

	lines_open(&l, "/proc/self/numa_maps");
	while (i < v->nr_vmas && (line = lines_next(&l))) {
		char *at;
		uint64_t start = strtoull(line, &at, 16);

		while (i < v->nr_vmas && v->vmas[i].start < start)
			i++;
		if (i < v->nr_vmas && v->vmas[i].start == start)
			v->vmas[i].policy = read_policy(at + 1);
	}
	lines_close(&l);
}
