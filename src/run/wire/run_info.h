/* SPDX-License-Identifier: MIT */
/*
 * run_info.h: what a stub finds when it begins: descriptors, struct run_info, a string of the
 * environment. Freestanding.
 */
#ifndef RUN_WIRE_RUN_INFO_H
#define RUN_WIRE_RUN_INFO_H

#include <stdint.h>

/* ---- descriptors at FD_BASE + n, where FD_BASE stands in struct run_info. */
enum run_fd {
	/* SOCK_SEQPACKET to the supervisor: carries descriptors, from guest to supervisor alone. */
	RUN_FD_CTL,
	RUN_FD_RAM,  /* memfd: frames [0, nr_ram) */
	RUN_FD_CHAN, /* memfd: what guests write, a struct chan for each slot */
	/* memfd, sealed against writable maps, of what guests only read: struct run_info, a struct
	 * answer for each slot, frames from nr_ram. */
	RUN_FD_TABLES,
	RUN_FD_STUB, /* the stub's ELF image */
	/* Once more, close-on-exec: the one that is executed (stub/life/exec.c).  So the host
	 * starts it itself or not at all: it gives no binfmt_misc handler a file that will have no
	 * name. */
	RUN_FD_EXEC,
	/*
	 * Read end of this process's own pipe; the supervisor has the write end.  The first process
	 * finds it made, armed (O_ASYNC, F_SETSIG SIGKILL, F_SETOWN) by the supervisor; it stays
	 * over exec. A forked child makes its own, in this order: pipe2, write end on CTL, arm,
	 * dup2 over RUN_FD_LIFE (which closes the inherited one: from the parent's hang-up the
	 * supervisor concludes that a child which has sent nothing yet is dead), OP_CHILD_START.
	 */
	RUN_FD_LIFE,
	RUN_FD_EXE, /* O_PATH: the program, which is what /proc/PID/exe leads to */
	/* Where a stub puts what it looks at, so that no thread of its guest's can change it
	 * meanwhile; else RUN_FD_STUB's image once more. */
	RUN_FD_LOOK,
	RUN_FD_SPARE, /* open for nothing (stub/base/spare.c) */
	RUN_NR_FDS = RUN_FD_SPARE + 3
};

/*
 * First page of the tables memfd: constant for the run, written by the supervisor before the
 * first guest starts.  Mapped at INFO_BASE.
 */
#define RUN_MAPPED_BITS 8192u
#define RUN_MAPPED_BIT(dev, ino)                                                                   \
	(((ino)*0x9e3779b97f4a7c15ull + (dev)) >> 32 & (RUN_MAPPED_BITS - 1))

#define RUN_MACHINE_DIR 64
#define RUN_HUGE_MOUNTS 8
#define RUN_NR_PROBE_TYPES 2
#define RUN_PROBE_NONE UINT32_MAX
#define RUN_PROBE_UNKNOWN 0u /* the host has such events, perhaps */

struct run_info {
	uint32_t magic; /* RUN_MAGIC */
	uint32_t version;
	uint32_t fd_base;
	uint32_t nr_slots;
	uint64_t nr_ram_frames;
	uint64_t nr_table_frames;
	uint32_t linger_us; /* how long a waiting side spins with sched_yield before it sleeps */
	uint32_t supervisor_pid;
	uint32_t verbose;
	uint32_t max_windows; /* of a process */
	/* Of perf's events: what perf_event_attr.type is for uprobes and kprobes. */
	uint32_t probe_types[RUN_NR_PROBE_TYPES];
	uint32_t nodes; /* that the machine has; 0: those of the host are told of */
	uint32_t cpus;  /* of the host, of which each is on a node (nodes.h) */
	/* What tells of the machine in the place of files of /sys and /proc/sys, once it is made
	 * (procfs/machine_tree.c), and the file system that it is in. */
	char machine_dir[RUN_MACHINE_DIR];
	uint64_t machine_dev;
	uint32_t machine_made;
	uint32_t machine_written; /* a file of it was opened for writing */
	uint32_t compact_open;    /* a file that has memory compacted was opened for writing */
	uint32_t use_notify;      /* set by the supervisor once it holds the filter's listener */
	/* Bit RUN_MAPPED_BIT is clear: nobody maps that file.  So a stub that truncates what nobody
	 * maps need not tell the supervisor. */
	uint32_t mapped[RUN_MAPPED_BITS / 32];
	/* There have been files of huge pages.  Bit RUN_MAPPED_BIT is clear: that file is none. */
	uint32_t huge_files;
	uint32_t huge[RUN_MAPPED_BITS / 32];
	/* File systems of huge pages (file/huge_mount.c): what the host has in their place. */
	uint32_t huge_mounts;
	uint64_t huge_devs[RUN_HUGE_MOUNTS];
};
#define RUN_MAGIC 0x71756972u

/* ---- environment string that execve of a stub carries last, stripped by the stub:
 *      RUN_ENV "<slot> <flags> <exe fd> <interp fd or -1> <FD_BASE> <AT_EXECFN>", decimal but for
 *      the last, which is the path as it was executed and goes to the end of the string. */
#define RUN_ENV "QUIRE_STUB="
#define RUN_ENV_FIRST 1   /* flags: first process: install the seccomp filter */
#define RUN_ENV_MASK 2    /* flags: behind FD_BASE " <high> <low>" of the guest's signal mask */
#define RUN_ENV_NO_SEGV 4 /* flags: the guest ignores SIGSEGV .. */
#define RUN_ENV_NO_BUS 8
#define RUN_ENV_NO_SYS 16
#define RUN_ENV_NO_NEW_PRIVS 64 /* flags: the guest has set it */
#define RUN_ENV_BY_FD 128       /* flags: it was executed without a path */
#define RUN_ENV_LENT                                                                               \
	32 /* flags: spare descriptors are lent; behind the mask " <limit>" to restore */

#endif
