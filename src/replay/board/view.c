/* SPDX-License-Identifier: MIT */
/*
 * view.c: what is told of a process's memory after each step.
 */
#include "replay/board/board.h"

#include <errno.h>

const char *const usage_names[NR_USAGE] = {
    [USAGE_RSS] = "Rss",
    [USAGE_PSS] = "Pss",
    [USAGE_PSS_DIRTY] = "Pss_Dirty",
    [USAGE_SHARED_CLEAN] = "Shared_Clean",
    [USAGE_SHARED_DIRTY] = "Shared_Dirty",
    [USAGE_PRIVATE_CLEAN] = "Private_Clean",
    [USAGE_PRIVATE_DIRTY] = "Private_Dirty",
    [USAGE_REFERENCED] = "Referenced",
    [USAGE_ANONYMOUS] = "Anonymous",
    [USAGE_LAZYFREE] = "LazyFree",
    [USAGE_SWAP] = "Swap",
    [USAGE_LOCKED] = "Locked",
    [USAGE_SHARED_HUGETLB] = "Shared_Hugetlb",
    [USAGE_PRIVATE_HUGETLB] = "Private_Hugetlb",
    [USAGE_PAGE_SIZE] = "KernelPageSize",
};

const char *const status_names[NR_STATUS] = {
    [STATUS_SIZE] = "VmSize", [STATUS_LOCKED] = "VmLck",         [STATUS_DATA] = "VmData",
    [STATUS_STACK] = "VmStk", [STATUS_HUGETLB] = "HugetlbPages",
};

int64_t view_usage(const struct view *v, uint64_t addr, uint32_t field)
{
	for (unsigned i = 0; i < v->nr_vmas; i++)
		if (addr >= v->vmas[i].start && addr < v->vmas[i].end)
			return v->vmas[i].kb[field % NR_USAGE];
	return -ENOMEM;
}
