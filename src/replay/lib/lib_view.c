/* SPDX-License-Identifier: MIT */
/*
 * lib_view.c: what the library tells of the arena.
 */
#include "replay/lib/lib.h"

#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

static void usage_kb(const struct quire_usage *u, uint32_t kb[NR_USAGE])
{
	const uint64_t bytes[NR_USAGE] = {
	    [USAGE_RSS] = u->rss,
	    [USAGE_PSS] = u->pss_shifted >> 12,
	    [USAGE_PSS_DIRTY] = u->pss_dirty_shifted >> 12,
	    [USAGE_SHARED_CLEAN] = u->shared_clean,
	    [USAGE_SHARED_DIRTY] = u->shared_dirty,
	    [USAGE_PRIVATE_CLEAN] = u->private_clean,
	    [USAGE_PRIVATE_DIRTY] = u->private_dirty,
	    [USAGE_REFERENCED] = u->referenced,
	    [USAGE_ANONYMOUS] = u->anonymous,
	    [USAGE_LAZYFREE] = u->lazyfree,
	    [USAGE_SWAP] = u->swap,
	    [USAGE_LOCKED] = u->locked_pss_shifted >> 12,
	    [USAGE_SHARED_HUGETLB] = u->shared_hugetlb,
	    [USAGE_PRIVATE_HUGETLB] = u->private_hugetlb,
	};

	for (unsigned i = 0; i < NR_USAGE; i++)
		kb[i] = (uint32_t)(bytes[i] >> 10);
}

/* What a mapping has no policy of its own for is told by that of the process's first thread. */
static uint64_t policy_of(const struct lib *l, struct quire_mm *mm, uint64_t addr)
{
	uint64_t policy = 0;

	quire_policy_at(mm, addr, &policy);
	for (unsigned i = 0; !policy && i < MAX_ACTORS; i++)
		if (l->mms[i] == mm && !l->thread[i])
			policy = l->tasks[i].policy;
	return told_policy(quire_policy_mode(policy), quire_policy_nodes(l->machine, policy));
}

static void fill_vma(const struct lib *l, struct quire_mm *mm, const struct quire_vma_info *v,
		     struct vma_view *m)
{
	struct quire_usage u = {0};

	memset(m, 0, sizeof(*m));
	m->start = v->start;
	m->end = v->end;
	m->offset = v->offset;
	snprintf(m->perms, sizeof(m->perms), "%c%c%c%c", v->prot & QPROT_READ ? 'r' : '-',
		 v->prot & QPROT_WRITE ? 'w' : '-', v->prot & QPROT_EXEC ? 'x' : '-',
		 v->shared ? 's' : 'p');
	m->file = (int8_t)(v->has_file && v->dev == LIB_DEV ? (int)v->ino - 1 : -1);
	quire_vm_flag_names(v->vm_flags, m->flags, sizeof(m->flags));
	quire_range_usage(mm, v->start, v->end, &u);
	usage_kb(&u, m->kb);
	m->kb[USAGE_PAGE_SIZE] = (uint32_t)(v->page_size >> 10);
	m->policy = policy_of(l, mm, v->start);
}

static bool is_exclusive(const struct quire_usage *u)
{
	return u->private_clean + u->private_dirty + u->private_hugetlb;
}

static uint8_t page_bits(struct quire_mm *mm, uint64_t addr)
{
	uint64_t pte = quire_pte(mm, addr);
	struct quire_usage u = {0};
	uint8_t vec, bits = PAGE_MAPPED;

	if (!quire_mincore(mm, addr, REPLAY_PAGE, &vec) && vec & 1)
		bits |= PAGE_INCORE;
	if (!(pte & QUIRE_PTE_PRESENT))
		return bits;
	bits |= PAGE_PRESENT;
	quire_range_usage(mm, addr, addr + REPLAY_PAGE, &u);
	if ((u.rss && !u.anonymous) || u.file_hugetlb)
		bits |= PAGE_FILE;
	if (is_exclusive(&u))
		bits |= PAGE_EXCLUSIVE;
	return bits;
}

static int64_t huge_kb(struct quire_mm *mm)
{
	struct quire_usage u = {0};

	quire_range_usage(mm, 0, UINT64_MAX, &u);
	return (int64_t)((u.private_hugetlb + u.shared_hugetlb) >> 10);
}

/* A script begins with no memory at all. */
void lib_status(struct quire_mm *mm, int64_t kb[NR_STATUS])
{
	struct quire_mm_stats s;

	quire_mm_stats(mm, &s);
	kb[STATUS_SIZE] = (int64_t)(s.total_vm * (REPLAY_PAGE / 1024));
	kb[STATUS_LOCKED] = (int64_t)(s.locked_vm * (REPLAY_PAGE / 1024));
	kb[STATUS_DATA] = (int64_t)(s.data_vm * (REPLAY_PAGE / 1024));
	kb[STATUS_HUGETLB] = huge_kb(mm);
	kb[STATUS_STACK] = (int64_t)(s.stack_vm * (REPLAY_PAGE / 1024));
}

void lib_view(struct lib *l, struct quire_mm *mm, struct view *v)
{
	struct quire_vma_info info;

	v->nr_vmas = 0;
	lib_status(mm, v->status);
	memset(v->pages, 0, sizeof(v->pages));
	for (uint64_t at = ARENA_START - 512 * REPLAY_PAGE;
	     !quire_vma_next(mm, at, &info) && info.start < HUGE_START + HUGE_ROOM; at = info.end) {
		if (v->nr_vmas < MAX_VIEW_VMAS && is_viewed(info.start))
			fill_vma(l, mm, &info, &v->vmas[v->nr_vmas++]);
		for (unsigned cell = 0; cell < NR_CELLS; cell++)
			if (cell_address(cell) >= info.start && cell_address(cell) < info.end)
				v->pages[cell] = page_bits(mm, cell_address(cell)) &
						 page_bits(mm, cell_last_page(cell));
	}
	if (l->board->huge)
		lib_counters(l, HUGE_2M, v->pool);
}
