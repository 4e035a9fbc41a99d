/* SPDX-License-Identifier: MIT */
/*
 * machine_nodes.c: files that tell of the machine's nodes, with --nodes: lists, which processor is
 * on which node, distances, weights.
 *
 * Their lines are the host's, with our values.  What changes of them machine_node_text.c tells.
 */
#include "quire/quire.h"
#include "run/base/util.h"
#include "run/call/compact.h"
#include "run/procfs/machine_number.h"
#include "run/procfs/machine_tree.h"
#include "run/wire/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_CPUS 8192u
#define LINE 4096u /* a list or a map of all processors */

static bool cpu_is_online(unsigned cpu)
{
	char path[64], text[8];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	/* One that cannot be taken offline has no such file. */
	return read_text(path, text, sizeof(text)) <= 0 || text[0] == '1';
}

static bool is_in(const uint32_t *set, unsigned i)
{
	return set[i / 32] >> i % 32 & 1;
}

/* "0-1,3" of the first n. */
static void put_list(char text[LINE], const uint32_t *set, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0, end; i < n && len < LINE - 32; i = end + 1) {
		end = i;
		if (!is_in(set, i))
			continue;
		while (end + 1 < n && is_in(set, end + 1))
			end++;
		len += (size_t)sprintf(text + len, len ? ",%u" : "%u", i);
		if (end > i)
			len += (size_t)sprintf(text + len, "-%u", end);
	}
	strcpy(text + len, "\n");
}

/* Words of 32, the highest first, of as many digits as there are processors. */
static void put_map(char text[LINE], const uint32_t *set, unsigned n)
{
	unsigned last = (n - 1) / 32, digits = (n - 1) % 32 / 4 + 1;
	size_t len = (size_t)sprintf(text, "%0*x", (int)digits, set[last]);

	for (unsigned i = last; i-- && len < LINE - 16;)
		len += (size_t)sprintf(text + len, ",%08x", set[i]);
	strcpy(text + len, "\n");
}

static unsigned nr_cpus(const struct run *run)
{
	return run->info->cpus < MAX_CPUS ? run->info->cpus : MAX_CPUS;
}

static bool cpus_of(const struct run *run, unsigned node, uint32_t set[MAX_CPUS / 32])
{
	bool any = false;

	memset(set, 0, MAX_CPUS / 8);
	for (unsigned cpu = 0; cpu < nr_cpus(run); cpu++) {
		if (node_of_cpu(run->info->nodes, run->info->cpus, cpu) != node ||
		    !cpu_is_online(cpu))
			continue;
		set[cpu / 32] |= 1u << cpu % 32;
		any = true;
	}
	return any;
}

/* ---- what does not change ------------------------------------------------------ */

/* Lists of nodes. */
static int make_lists(struct run *run)
{
	static const char *const of_all[] = {"online", "possible", "has_memory",
					     "has_normal_memory"};
	uint32_t all = (uint32_t)((1ull << run->info->nodes) - 1), some = 0;
	uint32_t cpus[MAX_CPUS / 32];
	char text[LINE];
	int err = 0;

	put_list(text, &all, 32);
	for (unsigned i = 0; i < sizeof(of_all) / sizeof(of_all[0]) && !err; i++)
		err = machine_constant(run, text, "node/%s", of_all[i]);
	for (unsigned i = 0; i < run->info->nodes; i++)
		some |= (uint32_t)cpus_of(run, i, cpus) << i;
	put_list(text, &some, 32);
	if (!err)
		err = machine_constant(run, text, "node/has_cpu");
	return err ? err : machine_constant(run, "\n", "node/has_generic_initiator");
}

/* From the node to its processors, and back. */
static int link_cpus(struct run *run, unsigned node, const uint32_t *set)
{
	char to[64];
	int err = 0;

	for (unsigned cpu = 0; cpu < nr_cpus(run) && !err; cpu++) {
		if (!is_in(set, cpu))
			continue;
		snprintf(to, sizeof(to), "/sys/devices/system/cpu/cpu%u", cpu);
		err = machine_link(run, to, "node/node%u/cpu%u", node, cpu);
		if (!err)
			err = machine_mkdir(run, "cpu/cpu%u", cpu);
		snprintf(to, sizeof(to), "../../node/node%u", node);
		if (!err)
			err = machine_link(run, to, "cpu/cpu%u/node%u", cpu, node);
	}
	return err;
}

static int make_cpus(struct run *run, unsigned node)
{
	uint32_t cpus[MAX_CPUS / 32];
	char text[LINE];
	int err;

	cpus_of(run, node, cpus);
	put_list(text, cpus, nr_cpus(run));
	err = machine_constant(run, text, "node/node%u/cpulist", node);
	put_map(text, cpus, nr_cpus(run));
	if (!err)
		err = machine_constant(run, text, "node/node%u/cpumap", node);
	return err ? err : link_cpus(run, node, cpus);
}

static int make_distance(struct run *run, unsigned node)
{
	char text[LINE];
	size_t len = 0;

	for (unsigned i = 0; i < run->info->nodes; i++)
		len += (size_t)sprintf(text + len, i ? " %u" : "%u",
				       quire_node_distance(run->machine, node, i));
	strcpy(text + len, "\n");
	return machine_constant(run, text, "node/node%u/distance", node);
}

/* ---- what can be written to, and what changes ------------------------------------ */

/* Whatever is written. */
static int64_t take_compact(struct request *q, const struct machine_file *file,
			    const struct machine_write *w)
{
	int err = compact_memory(q->run, file->node);

	return err ? err : (int64_t)w->n;
}

static int64_t take_weight(struct request *q, const struct machine_file *file,
			   const struct machine_write *w)
{
	uint64_t weight;
	int err = machine_number(w, 0, &weight);

	if (err || !weight || weight > UINT8_MAX)
		return -EINVAL;
	err = quire_node_set_weight(q->run->machine, file->node, (unsigned)weight);
	return err ? err : (int64_t)w->n;
}

static int make_files(struct run *run, unsigned node)
{
	const struct machine_file weight = {.tell = machine_node_text,
					    .take = take_weight,
					    .mode = 0644,
					    .node = node,
					    .what = NODE_WEIGHT},
				  compact = {.take = take_compact, .mode = 0200, .node = node};
	static const char *const names[] = {
	    [NODE_MEMINFO] = "meminfo", [NODE_NUMASTAT] = "numastat", [NODE_VMSTAT] = "vmstat"};
	int err = machine_file(run, &weight, "weighted_interleave/node%u", node);

	if (!err)
		err = machine_file(run, &compact, "node/node%u/compact", node);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		const struct machine_file file = {
		    .tell = machine_node_text, .mode = 0444, .node = node, .what = i};

		err = machine_file(run, &file, "node/node%u/%s", node, names[i]);
	}
	return err;
}

static int make_node(struct run *run, unsigned node)
{
	char to[64];
	int err = machine_mkdir(run, "node/node%u", node);

	snprintf(to, sizeof(to), "../node/node%u", node);
	if (!err)
		err = machine_link(run, to, "devices/node%u", node);
	if (!err)
		err = make_distance(run, node);
	if (!err)
		err = make_cpus(run, node);
	return err ? err : make_files(run, node);
}

int machine_nodes_make(struct run *run)
{
	static const char *const dirs[] = {"node", "devices", "cpu", "weighted_interleave"};
	int err = 0;

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !err; i++)
		err = machine_mkdir(run, "%s", dirs[i]);
	if (!err)
		err = make_lists(run);
	for (unsigned i = 0; i < run->info->nodes && !err; i++)
		err = make_node(run, i);
	return err;
}
