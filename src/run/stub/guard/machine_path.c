/* SPDX-License-Identifier: MIT */
/*
 * machine_path.c: see machine_path.h.
 *
 * What is found is a directory or file of the run's (procfs/machine_tree.c): so it can be listed,
 * and what is below it opened from there.
 *
 *   1  Names are recognised as they are written out, from the root.  By another way a program finds
 *      the host's file; where that is one of huge pages, it is replaced when it has been opened
 *      (machine_file.c).
 *   2  Nodes are the host's without --nodes, but for their huge pages, which are the machine's.
 *      With it, the host shows what else it has about a node of that number.
 */
#include "run/stub/guard/machine_path.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/link/rpc.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"

static const char system_node[] = "/sys/devices/system/node", bus_node[] = "/sys/bus/node/devices",
		  system_cpu[] = "/sys/devices/system/cpu/cpu",
		  weights[] = "/sys/kernel/mm/mempolicy/weighted_interleave",
		  huge_pages[] = "/sys/kernel/mm/hugepages", sysctls[] = "/proc/sys/vm";

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

/* A directory of the run's own, and the rest. */
static bool put(struct machine_path *out, const char *dir, const char *rest)
{
	if (str_len(dir) + str_len(rest) >= MACHINE_PATH - RUN_MACHINE_DIR)
		return false;
	str_put(str_put(out->name, dir), rest);
	return true;
}

/* Below the directory of nodes. */
static bool of_nodes(const char *rest, struct machine_path *out)
{
	int64_t node;
	const char *file = node_of(rest, &node);
	bool huge = file && below(file, "/hugepages");

	out->or_hosts = !huge && (!file || node < (int64_t)INFO->nodes);
	return (INFO->nodes || huge) && put(out, "/node", rest);
}

/* cpuN/nodeM of the directory of processors. */
static bool of_cpu(const char *name, struct machine_path *out)
{
	const char *number = name + sizeof(system_cpu) - 1, *rest = number;
	int64_t cpu, node;

	return str_number(&rest, &cpu) && node_of(rest, &node) && put(out, "/cpu/cpu", number);
}

static bool is_sysctl(const char *file)
{
	static const char *const names[] = {"nr_hugepages", "nr_hugepages_mempolicy",
					    "nr_overcommit_hugepages"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_equal(file, names[i]))
			return true;
	return false;
}

static bool find(const char *name, struct machine_path *out)
{
	const char *rest = below(name, system_node);

	out->or_hosts = false;
	if (rest)
		return of_nodes(rest, out);
	rest = below(name, huge_pages);
	if (rest)
		return put(out, "/hugepages", rest);
	rest = below(name, sysctls);
	if (rest)
		return *rest && is_sysctl(rest + 1) && put(out, "/vm", rest);
	if (!INFO->nodes)
		return false;
	rest = below(name, bus_node);
	if (rest)
		return put(out, "/devices", rest);
	rest = below(name, weights);
	if (rest)
		return put(out, "/weighted_interleave", rest);
	return str_starts(name, system_cpu) && of_cpu(name, out);
}

/* The name so far is of the run's own directory: that is put before it, once it is there. */
static int64_t put_dir(struct thread *t, struct machine_path *out)
{
	int64_t err = atomic_load(&INFO->machine_made) ? 0 : rpc(t, OP_MACHINE_FILE, MACHINE_MAKE);
	char rest[MACHINE_PATH];

	if (err)
		return err;
	str_put(rest, out->name);
	for (unsigned i = 0; i < RUN_MACHINE_DIR; i++)
		out->name[i] = INFO->machine_dir[i];
	str_put(out->name + str_len(out->name), rest);
	return 1;
}

/* "/sy" or "/pr", without a look at what lies behind the name's end. */
static bool may_be(uint64_t name)
{
	char c[3] = "";

	for (unsigned i = 0; i < 3; i++) {
		if (guest_read(&c[i], name + i, 1))
			return false;
		if (c[i] != "/sy"[i] && c[i] != "/pr"[i])
			return false;
	}
	return true;
}

int64_t machine_path(struct thread *t, uint64_t name, struct machine_path *out)
{
	char copy[MACHINE_PATH];
	int64_t n = may_be(name) ? guest_strnlen(name, sizeof(copy)) : 0;

	if (n < 5 || n >= (int64_t)sizeof(copy) || guest_read(copy, name, (uint64_t)n + 1) ||
	    (!str_starts(copy, "/sys/") && !str_starts(copy, sysctls)))
		return 0;
	return find(copy, out) ? put_dir(t, out) : 0;
}

/* ---- what the host calls it -------------------------------------------------------- */

/* Where the last component of name[0..n) begins, behind the '/'. */
static uint64_t start_of_last(const char *name, uint64_t n)
{
	while (n && name[n - 1] != '/')
		n--;
	return n;
}

/* The n bytes are ".../nodeN": of the node's. */
static bool ends_in_node(const char *name, uint64_t n, char node[32])
{
	uint64_t at = start_of_last(name, n);
	const char *rest;
	int64_t number;

	if (!at || n - at >= 31)
		return false;
	memcpy(node, name + at - 1, n - at + 1);
	node[n - at + 1] = 0;
	rest = node_of(node, &number);
	return rest && !*rest;
}

/* ".../hugepages/hugepages-2048kB/file", of a node or of all. */
static bool of_pool(const char *name, struct machine_path *out)
{
	uint64_t file = start_of_last(name, str_len(name)), dir, all;
	char node[32];

	dir = file ? start_of_last(name, file - 1) : 0;
	if (!dir || !str_starts(name + dir, "hugepages-"))
		return false;
	all = start_of_last(name, dir - 1);
	if (all && str_starts(name + all, "hugepages/") && ends_in_node(name, all - 1, node)) {
		str_put(str_put(out->name, "/node"), node);
		return str_len(name + dir) < MACHINE_PATH - RUN_MACHINE_DIR - 64 &&
		       str_put(str_put(out->name + str_len(out->name), "/hugepages/"), name + dir);
	}
	return put(out, "/hugepages/", name + dir);
}

int64_t machine_path_of_sys(struct thread *t, const char *name, struct machine_path *out)
{
	out->or_hosts = false;
	return of_pool(name, out) ? put_dir(t, out) : 0;
}

/* Nothing else is called so. */
int64_t machine_path_of_proc(struct thread *t, const char *name, struct machine_path *out)
{
	const char *file = name + start_of_last(name, str_len(name));

	out->or_hosts = false;
	return is_sysctl(file) && put(out, "/vm/", file) ? put_dir(t, out) : 0;
}
