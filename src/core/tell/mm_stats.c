/* SPDX-License-Identifier: MIT */
/*
 * mm_stats.c: what an address space tells of itself: quire_mm_stats().
 *
 * Owns nothing.  Sums of stripes are read while others count: each figure is
 * true for some moment during the call, the set of them only at rest.
 */
#include "core/base/sized.h"
#include "core/table/mapcount.h"
#include "core/vma/mm.h"

/* A sum read in the middle of a page's move between stripes may be briefly below zero. */
static uint64_t sum(struct quire_mm *mm, unsigned c)
{
	int64_t v = mm_counter_sum(mm, (enum mm_counter)c);

	return v > 0 ? (uint64_t)v : 0;
}

void quire_mm_in_ram(struct quire_mm *mm, uint64_t *anon, uint64_t *shmem)
{
	*anon = sum(mm, MM_ANON);
	*shmem = sum(mm, MM_SHMEM);
}

_Static_assert(QUIRE_NR_KINDS <= QUIRE_ROOM_KINDS && QUIRE_NR_REASONS <= QUIRE_ROOM_REASONS,
	       "room for all in struct quire_mm_stats");

static void fault_stats(struct quire_mm *mm, struct quire_mm_stats *out)
{
	for (unsigned i = 0; i < QUIRE_NR_KINDS; i++)
		out->faults[i] = sum(mm, MM_KIND0 + i);
	for (unsigned i = 0; i < QUIRE_NR_REASONS; i++)
		out->segv[i] = sum(mm, MM_REASON0 + i);
#define X(counter, field, object, name, text) out->field = sum(mm, MM_##counter);
	QUIRE_MM_COUNTERS(X)
#undef X
	out->rss_anon = sum(mm, MM_ANON);
	out->rss_file = sum(mm, MM_FILE);
	out->rss_shmem = sum(mm, MM_SHMEM);
	out->hugetlb = sum(mm, MM_HUGETLB);
}

static void writer_stats(struct quire_mm *mm, struct quire_mm_stats *out)
{
	out->forks = mm->forks;
	out->fork_entries_copied = mm->fork_entries;
	out->fork_tables_copied = mm->fork_tables;
	out->total_vm = mm->total_vm;
	out->data_vm = mm->data_vm;
	out->exec_vm = mm->exec_vm;
	out->stack_vm = mm->stack_vm;
	out->locked_vm = mm->locked_vm;
	out->peak_total_vm = mm->peak_total_vm;
	out->peak_locked_vm = mm->peak_locked_vm;
	out->vmas = rtree_count(&mm->vmas);
	out->peak_vmas = mm->peak_vmas;
	out->largest_request = mm->largest_request;
	out->start_brk = mm->start_brk;
	out->brk = mm->brk;
	out->mmap_base = mm->mmap_base;
	out->start_stack = mm->start_stack;
}

static void all_stats(struct quire_mm *mm, struct quire_mm_stats *out)
{
	mm_update_peak(mm);
	fault_stats(mm, out);
	out->peak_rss = atomic_load_relaxed(&mm->peak_rss);
	out->table_bytes = atomic_load_relaxed(&mm->nr_tables) * PAGE_SIZE;
	out->peak_table_bytes = atomic_load_relaxed(&mm->peak_tables) * PAGE_SIZE;
	mm_lock(mm);
	writer_stats(mm, out);
	mm_unlock(mm);
}

void quire_mm_stats_sized(struct quire_mm *mm, struct quire_mm_stats *out, size_t size)
{
	struct quire_mm_stats st = {0};

	all_stats(mm, &st);
	fill_sized(out, size, &st, sizeof(st));
}
