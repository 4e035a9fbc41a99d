/* SPDX-License-Identifier: MIT */
/*
 * machine_node_text.c: what changes of what is told of a node: nodeN/meminfo, numastat, vmstat, and
 * its weight.
 *
 * The host's files give the lines and their order; every value is ours, 0 where this machine has no
 * such thing.
 */
#include "quire/quire.h"
#include "run/base/util.h"
#include "run/procfs/machine_tree.h"

#include <stdio.h>
#include <string.h>

#define HOST_NODE "/sys/devices/system/node/node0/"

struct entry {
	const char *key;
	uint64_t value;
};

static uint64_t value_of(const struct entry *entries, const char *key, size_t len)
{
	for (; entries->key; entries++)
		if (strlen(entries->key) == len && !strncmp(entries->key, key, len))
			return entries->value;
	return 0;
}

struct counts {
	struct quire_node_stats s;
	struct quire_node_usage u;
};

static struct counts count(struct run *run, unsigned node)
{
	struct counts c = {0};

	quire_node_stats(run->machine, node, &c.s);
	quire_node_usage(run->machine, node, &c.u);
	return c;
}

/* "Node 0 Key:     123 kB", or without a unit. */
static void put_meminfo_line(FILE *f, const char *line, size_t len, const struct entry *entries,
			     unsigned node)
{
	const char *key = line + strcspn(line, " ");
	size_t n;

	key += key[0] && key[1] ? 1 : 0;
	key += strspn(key, "0123456789 ");
	n = strcspn(key, ":\n");
	if (len > 3 && !strncmp(line + len - 3, " kB", 3))
		fprintf(f, "Node %u %.*s:%*lu kB\n", node, (int)n, key, 23 - (int)n,
			(unsigned long)value_of(entries, key, n));
	else
		fprintf(f, "Node %u %.*s: %5lu\n", node, (int)n, key,
			(unsigned long)value_of(entries, key, n));
}

/* Where the host's own cannot be read. */
static const char meminfo_lines[] =
    "Node 0 MemTotal: 0 kB\nNode 0 MemFree: 0 kB\nNode 0 MemUsed: 0 kB\nNode 0 FilePages: 0 kB\n"
    "Node 0 Mapped: 0 kB\nNode 0 AnonPages: 0 kB\nNode 0 Shmem: 0 kB\n"
    "Node 0 HugePages_Total: 0\nNode 0 HugePages_Free: 0\nNode 0 HugePages_Surp: 0\n";

static void put_meminfo(FILE *f, struct run *run, unsigned node)
{
	const struct counts c = count(run, node);
	struct quire_hugetlb_info huge = {0};

	quire_hugetlb_info(run->machine, QUIRE_HUGE_2M, node, &huge);
	const struct entry entries[] = {
	    {"MemTotal", c.s.frames * 4},
	    {"MemFree", c.s.free_frames * 4},
	    {"MemUsed", (c.s.frames - c.s.free_frames) * 4},
	    {"Active", c.u.file * 4},
	    {"Inactive", (c.u.anon + c.u.shmem) * 4},
	    {"Inactive(anon)", (c.u.anon + c.u.shmem) * 4},
	    {"Active(file)", c.u.file * 4},
	    {"FilePages", (c.u.file + c.u.shmem) * 4},
	    {"Mapped", c.u.mapped * 4},
	    {"AnonPages", c.u.anon * 4},
	    {"Shmem", c.u.shmem * 4},
	    {"HugePages_Total", huge.total},
	    {"HugePages_Free", huge.free},
	    {"HugePages_Surp", huge.surplus},
	    {NULL, 0},
	};
	char host[8192];
	const char *line =
	    read_text(HOST_NODE "meminfo", host, sizeof(host)) > 0 ? host : meminfo_lines;

	for (size_t len; *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		put_meminfo_line(f, line, len, entries, node);
	}
}

static void put_numastat(FILE *f, struct run *run, unsigned node)
{
	struct counts c = {0};

	quire_node_stats(run->machine, node, &c.s);
	fprintf(f, "numa_hit %lu\nnuma_miss %lu\nnuma_foreign %lu\n", (unsigned long)c.s.hit,
		(unsigned long)c.s.miss, (unsigned long)c.s.foreign);
	fprintf(f, "interleave_hit %lu\nlocal_node %lu\nother_node %lu\n",
		(unsigned long)c.s.interleave_hit, (unsigned long)c.s.local,
		(unsigned long)c.s.other);
}

static const char vmstat_lines[] =
    "nr_free_pages 0\nnr_anon_pages 0\nnr_mapped 0\nnr_file_pages 0\n"
    "nr_shmem 0\n";

static void put_vmstat(FILE *f, struct run *run, unsigned node)
{
	const struct counts c = count(run, node);
	const struct entry entries[] = {
	    {"nr_free_pages", c.s.free_frames},
	    {"nr_zone_inactive_anon", c.u.anon + c.u.shmem},
	    {"nr_zone_active_file", c.u.file},
	    {"numa_hit", c.s.hit},
	    {"numa_miss", c.s.miss},
	    {"numa_foreign", c.s.foreign},
	    {"numa_interleave", c.s.interleave_hit},
	    {"numa_local", c.s.local},
	    {"numa_other", c.s.other},
	    {"nr_inactive_anon", c.u.anon + c.u.shmem},
	    {"nr_active_file", c.u.file},
	    {"nr_anon_pages", c.u.anon},
	    {"nr_mapped", c.u.mapped},
	    {"nr_file_pages", c.u.file + c.u.shmem},
	    {"nr_shmem", c.u.shmem},
	    {NULL, 0},
	};
	char host[8192];
	const char *line =
	    read_text(HOST_NODE "vmstat", host, sizeof(host)) > 0 ? host : vmstat_lines;

	for (size_t len; *line; line += len + (line[len] == '\n')) {
		size_t key = strcspn(line, " \n");

		len = strcspn(line, "\n");
		fprintf(f, "%.*s %lu\n", (int)key, line,
			(unsigned long)value_of(entries, line, key));
	}
}

void machine_node_text(FILE *f, struct run *run, const struct machine_file *file)
{
	switch ((enum machine_node_what)file->what) {
	case NODE_MEMINFO:
		put_meminfo(f, run, file->node);
		return;
	case NODE_NUMASTAT:
		put_numastat(f, run, file->node);
		return;
	case NODE_VMSTAT:
		put_vmstat(f, run, file->node);
		return;
	case NODE_WEIGHT:
		fprintf(f, "%u\n", quire_node_weight(run->machine, file->node));
		return;
	}
}
