/* SPDX-License-Identifier: MIT */
/*
 * node_path.c: see node_path.h.  Names are recognised as they are written out, from the root: by
 * another way a program finds the host's.
 *
 * What is found is a directory or file of the run's (procfs/node_tree.c): so it can be listed, and
 * what is below it opened from there.  Where the host has more about a node of that number it is
 * shown (huge pages, for example).
 */
#include "run/stub/guard/node_path.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <asm/stat.h>

static const char system_node[] = "/sys/devices/system/node", bus_node[] = "/sys/bus/node/devices",
		  system_cpu[] = "/sys/devices/system/cpu/cpu",
		  weights[] = "/sys/kernel/mm/mempolicy/weighted_interleave";

/* What of the name follows, if it is that one or below it; NULL: it is not. */
static const char *below(const char *name, const char *dir)
{
	const char *rest = name + str_len(dir);

	return str_starts(name, dir) && (!*rest || *rest == '/') ? rest : NULL;
}

/* "/nodeN" or "/nodeN/..": N, and what follows.  Else NULL. */
static const char *node_of(const char *rest, int64_t *node)
{
	if (!str_starts(rest, "/node"))
		return NULL;
	rest += 5;
	return str_number(&rest, node) && (!*rest || *rest == '/') ? rest : NULL;
}

/* nodes_dir, a directory below it, and the rest. */
static bool put(struct node_path *out, const char *dir, const char *rest)
{
	char own[RUN_NODES_DIR];

	for (unsigned i = 0; i < sizeof(own); i++)
		own[i] = INFO->nodes_dir[i];
	if (str_len(own) + str_len(dir) + str_len(rest) >= NODE_PATH)
		return false;
	str_put(str_put(str_put(out->name, own), dir), rest);
	return true;
}

static void tell_anew(struct thread *t, const char *rest, int64_t node)
{
	static const char *const names[] = {
	    [NODE_MEMINFO] = "/meminfo", [NODE_NUMASTAT] = "/numastat", [NODE_VMSTAT] = "/vmstat"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_equal(rest, names[i]))
			rpc(t, OP_NODE_FILE, i, (uint64_t)node);
}

/* Below the directory of nodes. */
static bool of_nodes(struct thread *t, const char *rest, bool reads, struct node_path *out)
{
	int64_t node;
	const char *file = node_of(rest, &node);

	out->or_hosts = !file || node < (int64_t)INFO->nodes;
	if (file && out->or_hosts && reads)
		tell_anew(t, file, node);
	return put(out, "/node", rest);
}

static bool of_weights(const char *rest, struct node_path *out)
{
	int64_t node;
	const char *end = node_of(rest, &node);

	out->weight = end && !*end && node < (int64_t)INFO->nodes ? node : -1;
	return put(out, "/weighted_interleave", rest);
}

/* cpuN/nodeM of the directory of processors. */
static bool of_cpu(const char *name, struct node_path *out)
{
	const char *number = name + sizeof(system_cpu) - 1, *rest = number;
	int64_t cpu, node;

	return str_number(&rest, &cpu) && node_of(rest, &node) && put(out, "/cpu/cpu", number);
}

static bool find(struct thread *t, const char *name, bool reads, struct node_path *out)
{
	const char *rest;

	*out = (struct node_path){.weight = -1};
	rest = below(name, system_node);
	if (rest)
		return of_nodes(t, rest, reads, out);
	rest = below(name, bus_node);
	if (rest)
		return put(out, "/devices", rest);
	rest = below(name, weights);
	if (rest)
		return of_weights(rest, out);
	return str_starts(name, system_cpu) && of_cpu(name, out);
}

bool node_path(struct thread *t, uint64_t name, bool reads, struct node_path *out)
{
	char copy[NODE_PATH];
	int64_t n;

	if (!INFO->nodes)
		return false;
	n = guest_strnlen(name, sizeof(copy));
	if (n < 5 || n >= (int64_t)sizeof(copy) || guest_read(copy, name, (uint64_t)n + 1) ||
	    !str_starts(copy, "/sys/"))
		return false;
	return find(t, copy, reads, out);
}

/* ---- weights ------------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* As the host reads it: decimal, 0x.. or 0.., with one line end at most. */
static bool read_weight(const char *text, uint64_t n, uint64_t *out)
{
	unsigned base = 10;

	if (n && text[n - 1] == '\n')
		n--;
	if (n > 1 && text[0] == '0') {
		bool hex = (text[1] | 0x20) == 'x';

		base = hex ? 16 : 8;
		text += hex ? 2 : 1;
		n -= hex ? 2 : 1;
	}
	*out = 0;
	for (uint64_t i = 0; i < n; i++) {
		if (digit(text[i]) >= (int)base || *out > 255)
			return false;
		*out = *out * base + (unsigned)digit(text[i]);
	}
	return n > 0;
}

/* Whose weight the open file is, or -1. */
static int64_t weight_of(uint64_t fd)
{
	struct stat st;

	if (sys(__NR_fstat, fd, &st) || st.st_dev != INFO->weights_dev)
		return -1;
	for (uint32_t i = 0; i < INFO->nodes; i++)
		if (st.st_ino == INFO->weights_ino[i])
			return i;
	return -1;
}

int64_t node_weight_write(struct call *c)
{
	int64_t node = INFO->weights_open ? weight_of(c->a[0]) : -1, r;
	uint64_t weight;
	char text[16];

	if (node < 0 || !c->a[2])
		return RESTART;
	if (c->a[2] >= sizeof(text) || guest_read(text, c->a[1], c->a[2]))
		return c->a[2] >= sizeof(text) ? -EINVAL : -EFAULT;
	if (!read_weight(text, c->a[2], &weight) || !weight)
		return -EINVAL;
	r = rpc(c->t, OP_NODE_FILE, NODE_WEIGHT, (uint64_t)node, weight);
	return r ? r : (int64_t)c->a[2];
}
