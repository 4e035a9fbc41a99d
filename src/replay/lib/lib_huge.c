/* SPDX-License-Identifier: MIT */
/*
 * lib_huge.c: pools of huge pages, for the library: each script's machine has its own.
 */
#include "replay/lib/lib.h"

#include <errno.h>
#include <quire/abi.h>

static const enum quire_huge sizes[NR_HUGE_SIZES] = {
    [HUGE_2M] = QUIRE_HUGE_2M,
    [HUGE_1G] = QUIRE_HUGE_1G,
};

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* As much again as all that the script's steps want at once: a host, too, has room for more. */
uint64_t lib_huge_ram(const struct script *s)
{
	uint64_t pool[NR_HUGE_SIZES] = {0}, overcommit = 0, most = 1ull << 20;

	for (unsigned i = 0; i < s->nr_steps; i++) {
		const struct step *step = &s->steps[i];
		uint64_t n = step->args[0].add < most ? step->args[0].add : most;
		uint32_t size = step->words[0] % NR_HUGE_SIZES;

		if (step->verb == VERB_POOL)
			pool[size] = max_of(pool[size], n);
		if (step->verb == VERB_OVERCOMMIT)
			overcommit = max_of(overcommit, n);
	}
	return (pool[HUGE_2M] + overcommit) * 2 * quire_huge_bytes(QUIRE_HUGE_2M) +
	       (pool[HUGE_1G] ? pool[HUGE_1G] + 1 : 0) * quire_huge_bytes(QUIRE_HUGE_1G);
}

void lib_counters(struct lib *l, enum huge_size size, int64_t counters[NR_COUNTERS])
{
	struct quire_hugetlb_info info = {0};

	quire_hugetlb_info(l->machine, sizes[size % NR_HUGE_SIZES], QUIRE_ALL_NODES, &info);
	counters[COUNTER_TOTAL] = (int64_t)info.total;
	counters[COUNTER_FREE] = (int64_t)info.free;
	counters[COUNTER_RESERVED] = (int64_t)info.reserved;
	counters[COUNTER_SURPLUS] = (int64_t)info.surplus;
}

int64_t lib_pool_call(struct lib *l)
{
	enum huge_size size = l->step->words[0] % NR_HUGE_SIZES;
	int64_t counters[NR_COUNTERS];

	switch (l->step->verb) {
	case VERB_POOL:
		return quire_hugetlb_resize(l->machine, sizes[size],
					    quire_machine_node_set(l->machine), l->a[0]);
	case VERB_OVERCOMMIT:
		return quire_hugetlb_set_overcommit(l->machine, sizes[size], l->a[0]);
	case VERB_DEMOTE:
		return quire_hugetlb_demote(l->machine, QUIRE_HUGE_1G, QUIRE_ALL_NODES, l->a[0]);
	default:
		lib_counters(l, size, counters);
		return told_counters(counters);
	}
}

/* ---- files -------------------------------------------------------------------- */

static uint64_t whole_pages(uint64_t bytes)
{
	return bytes / quire_huge_bytes(QUIRE_HUGE_2M);
}

/* args: size, min_size, pagesize. */
int64_t lib_mount(struct lib *l)
{
	uint64_t most = l->a[0] ? whole_pages(l->a[0]) : QUIRE_HUGE_NO_LIMIT;

	if (l->a[2] && l->a[2] != quire_huge_bytes(QUIRE_HUGE_2M))
		return -EINVAL;
	return quire_huge_subpool_create(l->machine, QUIRE_HUGE_2M, most, whole_pages(l->a[1]),
					 &l->mount);
}

int64_t lib_statfs(struct lib *l)
{
	uint64_t most, left;

	quire_huge_subpool_usage(l->mount, &most, &left);
	return most == QUIRE_HUGE_NO_LIMIT ? 0 : told_blocks(most, left);
}

int64_t lib_fallocate(struct lib *l, struct quire_file *file)
{
	enum { KEEP_SIZE = 1, PUNCH = 2 };
	uint32_t mode = l->step->words[0];

	if ((int64_t)l->a[0] < 0 || (int64_t)l->a[1] <= 0)
		return -EINVAL;
	if (mode == (KEEP_SIZE | PUNCH))
		return quire_file_punch(file, l->a[0], l->a[1]);
	if (mode & ~(uint32_t)KEEP_SIZE)
		return -EOPNOTSUPP;
	return quire_file_allocate(file, l->mm, l->a[0], l->a[1], !mode);
}

bool lib_is_huge_file(const struct lib *l)
{
	int kind = script_file_kind(&l->board->script, l->step->target);

	return kind == FILE_HUGETLB || kind == FILE_MOUNTED;
}
