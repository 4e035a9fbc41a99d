/* SPDX-License-Identifier: MIT */
/*
 * machine_path.h: names of /sys and /proc/sys that tell of the machine: what they tell of is the
 * run's.
 */
#ifndef STUB_MACHINE_PATH_H
#define STUB_MACHINE_PATH_H

#include "run/stub/base/stub.h"

#define MACHINE_PATH 256

struct machine_path {
	char name[MACHINE_PATH]; /* in the run's own directory (wire/run_info.h) */
	bool or_hosts;           /* what is not there may be the host's */
};

/* Is the name in the guest's memory one of them, absolute?  1: it is, 0, or why there is none. */
int64_t machine_path(struct thread *t, uint64_t name, struct machine_path *out);
/* What the host calls a file that is open, of /sys or of /proc: does it tell of huge pages,
 * wherever its file system is mounted?  As above. */
int64_t machine_path_of_sys(struct thread *t, const char *name, struct machine_path *out);
int64_t machine_path_of_proc(struct thread *t, const char *name, struct machine_path *out);
/* Of what the run's own directory has returned: the host is to be asked instead. */
static inline bool machine_is_hosts(const struct machine_path *p, int64_t r)
{
	return r == -ENOENT && p->or_hosts;
}

#endif
