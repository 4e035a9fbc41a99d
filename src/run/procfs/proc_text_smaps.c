/* SPDX-License-Identifier: MIT */
/*
 * proc_text_smaps.c: /proc/PID/smaps and smaps_rollup.
 *
 * Fields and their order are Linux 6.18's, for a kernel without protection keys.
 */
#include "quire/quire.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"

#include <string.h>

static void kb(struct text *t, const char *key, uint64_t bytes)
{
	text_printf(t, "%-16s%8lu kB\n", key, (unsigned long)(bytes >> 10));
}

/* Proportional sizes have 12 further bits below the byte. */
static void kb_pss(struct text *t, const char *key, uint64_t shifted)
{
	kb(t, key, shifted >> 12);
}

/* The lines that smaps and smaps_rollup have in common; `rollup` has three more of them. */
static void print_usage(struct text *t, const struct quire_usage *u, bool rollup)
{
	kb(t, "Rss:", u->rss);
	kb_pss(t, "Pss:", u->pss_shifted);
	kb_pss(t, "Pss_Dirty:", u->pss_dirty_shifted);
	if (rollup) {
		kb_pss(t, "Pss_Anon:", u->pss_anon_shifted);
		kb_pss(t, "Pss_File:", u->pss_file_shifted);
		kb_pss(t, "Pss_Shmem:", u->pss_shmem_shifted);
	}
	kb(t, "Shared_Clean:", u->shared_clean);
	kb(t, "Shared_Dirty:", u->shared_dirty);
	kb(t, "Private_Clean:", u->private_clean);
	kb(t, "Private_Dirty:", u->private_dirty);
	kb(t, "Referenced:", u->referenced);
	kb(t, "Anonymous:", u->anonymous);
	kb(t, "KSM:", 0);
	kb(t, "LazyFree:", u->lazyfree);
	kb(t, "AnonHugePages:", u->anon_huge);
	kb(t, "ShmemPmdMapped:", 0);
	kb(t, "FilePmdMapped:", 0);
	kb(t, "Shared_Hugetlb:", u->shared_hugetlb);
	kb(t, "Private_Hugetlb:", u->private_hugetlb);
	kb(t, "Swap:", u->swap);
	kb(t, "SwapPss:", u->swap);
	kb_pss(t, "Locked:", u->locked_pss_shifted);
}

static void add_usage(struct quire_usage *sum, const struct quire_usage *u)
{
	sum->rss += u->rss;
	sum->pss_shifted += u->pss_shifted;
	sum->pss_dirty_shifted += u->pss_dirty_shifted;
	sum->pss_anon_shifted += u->pss_anon_shifted;
	sum->pss_file_shifted += u->pss_file_shifted;
	sum->pss_shmem_shifted += u->pss_shmem_shifted;
	sum->shared_clean += u->shared_clean;
	sum->shared_dirty += u->shared_dirty;
	sum->private_clean += u->private_clean;
	sum->private_dirty += u->private_dirty;
	sum->referenced += u->referenced;
	sum->anonymous += u->anonymous;
	sum->lazyfree += u->lazyfree;
	sum->anon_huge += u->anon_huge;
	sum->swap += u->swap;
	sum->shared_hugetlb += u->shared_hugetlb;
	sum->private_hugetlb += u->private_hugetlb;
	sum->locked_pss_shifted += u->locked_pss_shifted;
}

static void usage_of(struct space *space, const struct map_line *m, struct quire_usage *u)
{
	memset(u, 0, sizeof(*u));
	if (!m->special_flags)
		quire_range_usage(space->mm, m->start, m->end, u);
}

static void print_mapping(struct text *t, struct space *space, const struct map_line *m)
{
	struct quire_usage u;
	char flags[160];

	usage_of(space, m, &u);
	map_print(t, m);
	kb(t, "Size:", m->end - m->start);
	kb(t, "KernelPageSize:", m->page_size);
	kb(t, "MMUPageSize:", m->page_size);
	print_usage(t, &u, false);
	text_printf(t, "%-16s%8u\n", "THPeligible:", 0);
	text_str(t, "VmFlags: ");
	if (m->special_flags) {
		text_str(t, m->special_flags);
	} else {
		quire_vm_flag_names(m->vm_flags, flags, sizeof(flags));
		text_str(t, flags);
		text_str(t, " ");
	}
	text_str(t, "\n");
}

void proc_text_smaps(struct text *t, struct space *space)
{
	struct map_line m;

	for (uint64_t at = 0; !t->err && map_next(space, at, &m); at = m.end)
		print_mapping(t, space, &m);
}

void proc_text_rollup(struct text *t, struct space *space)
{
	struct quire_usage sum = {0}, u;
	uint64_t first = 0, last = 0;
	struct map_line m;

	for (uint64_t at = 0; map_next_own(space, at, &m); at = m.end) {
		if (!last)
			first = m.start;
		last = m.end;
		usage_of(space, &m, &u);
		add_usage(&sum, &u);
	}
	if (!last)
		return;
	memset(&m, 0, sizeof(m));
	m.start = first;
	m.end = last;
	strcpy(m.name, "[rollup]");
	map_print(t, &m);
	print_usage(t, &sum, true);
}
