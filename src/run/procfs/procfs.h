/* SPDX-License-Identifier: MIT */
/*
 * procfs.h: texts of /proc.
 */
#ifndef RUN_PROCFS_H
#define RUN_PROCFS_H

#include "run/wire/requests.h"

#include <stdbool.h>
#include <stdint.h>

struct proc;
struct run;
struct space;

enum proc_signal_set {
	SIGNALS_PENDING,
	SIGNALS_SHARED,
	SIGNALS_BLOCKED,
	SIGNALS_IGNORED,
	SIGNALS_CAUGHT,
	NR_SIGNAL_SETS
};

/*
 * Writes the text of /proc/PID/<which> (p may be NULL only for what is no process's) to fd, an
 * empty memfd, as a reader may see it that is told of what lies inside (looks) and of frames
 * (admin).  0 or -errno; -ENOENT: the guest shall use the host's own file.  `space` is referenced
 * by the caller. Called by a worker with no lock held.
 */
struct proc_reader {
	bool looks, admin;
	/* It asks about its own process, whose SIGSEGV, SIGBUS and SIGSYS the host
	 * sees otherwise. */
	bool self;
	uint64_t signals[NR_SIGNAL_SETS];
};
int proc_text(struct run *run, struct proc *p, struct space *space, enum run_proc which,
	      struct proc_reader reader, int fd);

#endif
