/* SPDX-License-Identifier: MIT */
/*
 * proc_text_meminfo.c: /proc/meminfo of the machine that Quire is.
 *
 * The host's file gives the lines and their order; every value is ours, 0 where this machine has
 * no such thing.  File pages are the host's page cache and take none of our RAM: they are not
 * in Cached.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/file/huge_file.h"
#include "run/procfs/proc_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	const char *key;
	uint64_t kb; /* or a number, where the line has no unit */
};

/* Limit that overcommit's strict mode would have with Linux's default ratio of one half. */
static uint64_t commit_limit(const struct quire_machine_stats *m)
{
	return m->ram_frames / 2;
}

static const struct entry *find(const struct entry *entries, size_t n, const char *line, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(entries[i].key) == len && !strncmp(line, entries[i].key, len))
			return &entries[i];
	return NULL;
}

/* "Key:   123 kB" or "Key:   123": the key as it is, the value replaced. */
static void print_entry(struct text *t, const char *line, size_t len, const struct entry *entries,
			size_t n)
{
	size_t key = strcspn(line, ":\n");
	const struct entry *e = find(entries, n, line, key);
	bool kb = len > 3 && !strncmp(line + len - 3, " kB", 3);
	char head[64];

	snprintf(head, sizeof(head), "%.*s:", (int)key, line);
	text_printf(t, "%-16s%8lu%s\n", head, (unsigned long)(e ? e->kb : 0), kb ? " kB" : "");
}

static void print_all(struct text *t, const char *host, const struct entry *entries, size_t n)
{
	while (*host) {
		size_t len = strcspn(host, "\n");

		print_entry(t, host, len, entries, n);
		host += len + (host[len] == '\n');
	}
}

/* Where the host's own file cannot be read. */
static const char lines[] = "MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\nBuffers: 0 kB\n"
			    "Cached: 0 kB\nSwapCached: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
			    "AnonPages: 0 kB\nMapped: 0 kB\nShmem: 0 kB\nSlab: 0 kB\n"
			    "SReclaimable: 0 kB\nPageTables: 0 kB\nCommitted_AS: 0 kB\n"
			    "HugePages_Total: 0\nHugePages_Free: 0\nHugePages_Rsvd: 0\n"
			    "HugePages_Surp: 0\nHugepagesize: 0 kB\nHugetlb: 0 kB\n";

/* Of all sizes. */
static uint64_t hugetlb_kb(struct quire_machine *m)
{
	struct quire_hugetlb_info i;
	uint64_t kb = 0;

	for (unsigned size = 0; size < QUIRE_NR_HUGE; size++)
		if (!quire_hugetlb_info(m, (enum quire_huge)size, QUIRE_ALL_NODES, &i))
			kb += i.total * (quire_huge_bytes((enum quire_huge)size) >> 10);
	return kb;
}

void proc_text_meminfo(struct text *t, struct run *run)
{
	struct quire_hugetlb_info huge = {0};
	struct quire_machine_stats m;
	size_t len;
	char *host = host_proc_read("meminfo", &len);

	huge_files_look(run);
	quire_machine_stats(run->machine, &m);
	quire_hugetlb_info(run->machine, QUIRE_HUGE_2M, QUIRE_ALL_NODES, &huge);
	const struct entry entries[] = {
	    {"MemTotal", m.ram_frames * 4},
	    {"MemFree", m.free_frames * 4},
	    {"MemAvailable", (m.free_frames + m.file_frames) * 4},
	    {"Cached", (m.file_frames + m.shmem_frames) * 4},
	    {"Active", m.file_frames * 4},
	    {"Inactive", (m.anon_frames + m.shmem_frames) * 4},
	    {"Inactive(anon)", (m.anon_frames + m.shmem_frames) * 4},
	    {"Active(file)", m.file_frames * 4},
	    {"AnonPages", m.anon_frames * 4},
	    {"Mapped", m.mapped_frames * 4},
	    {"Shmem", m.shmem_frames * 4},
	    {"Slab", m.kmem_bytes / 1024},
	    {"SUnreclaim", m.kmem_bytes / 1024},
	    {"PageTables", m.table_frames * 4},
	    {"CommitLimit", commit_limit(&m) * 4},
	    {"Committed_AS", m.committed_pages * 4},
	    {"VmallocTotal", 34359738367},
	    {"HugePages_Total", huge.total},
	    {"HugePages_Free", huge.free},
	    {"HugePages_Rsvd", huge.reserved},
	    {"HugePages_Surp", huge.surplus},
	    {"Hugepagesize", 2048},
	    {"Hugetlb", hugetlb_kb(run->machine)},
	    {"DirectMap4k", m.ram_frames * 4},
	};
	print_all(t, host ? host : lines, entries, sizeof(entries) / sizeof(entries[0]));
	free(host);
}
