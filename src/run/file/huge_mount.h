/* SPDX-License-Identifier: MIT */
/*
 * huge_mount.h: file systems of huge pages that the run's programs see (--hugetlbfs).
 */
#ifndef RUN_HUGE_MOUNT_H
#define RUN_HUGE_MOUNT_H

#include "quire/quire.h"
#include "run/base/options.h"

struct run;

struct huge_mount {
	const struct run_hugetlbfs *said; /* C: what it was asked to be */
	uint64_t dev;                     /* C: the host's */
	uint64_t max, min;                /* C: huge pages; max: QUIRE_HUGE_NO_LIMIT */
	struct quire_huge_subpool *pages; /* C: NULL: neither limit */
};

/* Before there are guests.  0, or -errno, and it has been said. */
int huge_mounts_make(struct run *run);
void huge_mounts_destroy(struct run *run);
/* NULL: it is none. */
const struct huge_mount *huge_mount_of(const struct run *run, uint64_t dev);
const struct huge_mount *huge_mount_at(const struct run *run, const char *path, size_t len);

#endif
