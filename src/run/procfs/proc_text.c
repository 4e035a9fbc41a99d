/* SPDX-License-Identifier: MIT */
/*
 * proc_text.c: answers an open of a file of /proc that tells about memory.
 *
 * The guest hands in a descriptor.  It is only written to if it is a memfd: writing to a pipe
 * or a slow file could hold up a worker for as long as the guest likes.
 */
#include "run/procfs/proc_text.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/file/window_names.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/procfs/procfs.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_memfd(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && !(seals & (F_SEAL_WRITE | F_SEAL_GROW));
}

/* False: not one of ours, or nothing to tell it of. */
static bool write_text(struct text *t, struct run *run, struct proc *p, struct space *space,
		       enum run_proc which, struct proc_reader reader)
{
	if (which == PROC_MEMINFO) {
		proc_text_meminfo(t, run);
		return true;
	}
	if (which == PROC_SYSVIPC_SHM) {
		proc_text_shm(t, run);
		return true;
	}
	if (!p || !space)
		return false;
	switch (which) {
	case PROC_MAPS:
		proc_text_maps(t, space);
		return true;
	case PROC_SMAPS:
		proc_text_smaps(t, space);
		return true;
	case PROC_SMAPS_ROLLUP:
		proc_text_rollup(t, space);
		return true;
	case PROC_STATUS:
		proc_text_status(t, run, space, p->pid, reader);
		return true;
	case PROC_STATM:
		proc_text_statm(t, space);
		return true;
	case PROC_STAT:
		proc_text_stat(t, run, p, space, reader);
		return true;
	case PROC_NUMA_MAPS:
		proc_text_numa(t, p, space);
		return true;
	case PROC_MOUNTS:
	case PROC_MOUNTINFO:
		proc_text_mounts(t, run, p->pid, which == PROC_MOUNTINFO);
		return true;
	default:
		return false;
	}
}

/* What is inside an address space is not for everybody to read. */
static bool is_private(enum run_proc which)
{
	switch (which) {
	case PROC_MAPS:
	case PROC_SMAPS:
	case PROC_SMAPS_ROLLUP:
	case PROC_NUMA_MAPS:
	case PROC_PAGEMAP:
		return true;
	default:
		return false;
	}
}

int proc_text(struct run *run, struct proc *p, struct space *space, enum run_proc which,
	      struct proc_reader reader, int fd)
{
	struct text t;
	bool known;

	if (!is_memfd(fd))
		return -EINVAL;
	if (is_private(which) && !reader.looks)
		return -EACCES;
	if (which == PROC_PAGEMAP)
		return p && space ? proc_text_pagemap(fd, run, space, reader) : -ENOENT;
	text_init(&t, fd);
	file_names_begin(p ? p->pid : 0);
	known = write_text(&t, run, p, space, which, reader);
	file_names_end();
	if (!known)
		return -ENOENT;
	return text_finish(&t);
}
