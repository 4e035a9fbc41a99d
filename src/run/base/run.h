/* SPDX-License-Identifier: MIT */
/*
 * run.h: the run: what the rooms of the supervisor share.
 *
 * Threads: the main thread (signals, deaths, the end), a pool of workers that answer requests, and
 * the reaper, which takes dead address spaces apart.  The main thread waits for nobody: whoever
 * waits for a guest waits for the main thread to notice its death.
 *
 * Lock order, outer first; letters stand at the fields:
 *   B  ooms->one_at_a_time  memory is out: somebody is waited for, or killed; nothing else is held
 *   V  segments->lock (shm.c)
 *   E  space->flush_lock  a flush of the space by a thread that is not in it
 *   G  run->lock      processes, slots' owners, spaces' users
 *     H  space->lock  windows of one address space
 *       I' inode.c's  leaf
 *   F' far.c's        leaf
 *   W' huge_file->lock  length, seals and mappings of one file of huge pages
 *   X' huge_file.c's  one such file is made
 *     T' huge_file.c's  leaf
 *   S  slot->lock     leaf; never held over a call of the core
 *   T  ctl's lock
 *     D  fds.c's lock   leaf
 *     D' closer.c's     leaf
 *   N' machine_tree.c's  leaf
 *   L' huge/history.c's  leaf
 *   U' huge/unpromised.c's  leaf
 *   Y  say.c's        leaf
 *   C  constant after publication      A  atomic
 *   O  only the worker attached to the slot
 * No lock of these but B, V, E and W', which the main thread does not take, is held while a guest
 * is waited for: none is held over a call of the core that may flush, except H over
 * quire_file_create/put, which do not.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/options.h"
#include "run/base/say.h"
#include "run/base/util.h"
#include "run/wire/run_info.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/types.h>

struct closer;
struct ctl_table;
struct far_numbers;
struct fds;
struct huge_files;
struct huge_history;
struct huge_mount;
struct inodes;
struct machine_tree;
struct notes;
struct oom_log;
struct peak;
struct proc;
struct proc_stats;
struct segments;
struct slot;
struct space;
struct space_hooks;
struct unpromised_list;

/* What was done for those who asked for compaction. */
struct compacted {
	uint64_t times, blocks, pages;
};

/* Processes beyond this number are summed up in run->folded once they are dead. */
#define RUN_MAX_DEAD 2000

struct run {
	/* What it was started with, and when. */
	const struct run_options *opts;     /* C */
	uint64_t start_ns;                  /* C */
	struct rlimit limits[RLIM_NLIMITS]; /* C: what the first process starts with */
	bool sigchld_ignored;               /* C */
	bool low_for_all;                   /* C: vm.mmap_min_addr is 0 */

	/* The machine, and the memory objects (port/ram.c). */
	struct quire_port port;                  /* C */
	struct quire_machine *machine;           /* C */
	uint64_t ram_bytes, table_bytes;         /* C */
	uint8_t *ram, *tables;                   /* C: mapped */
	int fd_ram, fd_tables, fd_chan, fd_stub; /* C */
	uint64_t *populated;   /* A: bit per 256 KiB that the host has allocated */
	struct run_info *info; /* C: which guests only read, as .. */
	uint8_t *answers;      /* C: .. these, one for each slot */
	uint8_t *chans;        /* C: channels, one for each slot */

	/* Threads of guests, and the workers that answer them. */
	struct slot *slots;      /* C */
	uint32_t nr_slots;       /* C */
	int listener;            /* A: seccomp listener, -1: none */
	struct slot *free_slots; /* G */
	unsigned nr_used_slots;  /* G: by threads, or by workers that have not left yet */
	uint32_t nr_idle;        /* A: workers (op/worker.c) */
	uint32_t workers_stop;   /* A */
	uint32_t sync_wake;      /* A: the listener was told to wake on the guest's CPU */

	/* Processes and spaces (guest). */
	pthread_mutex_t lock;                  /* G */
	pthread_cond_t changed;                /* G: a process died */
	struct proc *procs, *last_proc;        /* G */
	struct space *spaces;                  /* G */
	const struct space_hooks *space_hooks; /* C */
	uint64_t left, torn;               /* G: spaces that nobody is in any more; taken apart */
	uint32_t next_serial;              /* G */
	unsigned nr_new, nr_live, nr_dead; /* G: processes new; new or alive; dead and listed */
	unsigned nr_claims;                /* G: proc->has_claims */
	uint64_t nr_folded;                /* G: dead processes no longer listed .. */
	struct proc_stats *folded;         /* G: .. and their sums */
	unsigned peak_procs;               /* G */
	uint64_t peak_used, peak_noted;    /* A: frames (guest/peak.c) */
	struct peak *peak;                 /* G */
	bool said_no_fds;                  /* A */

	/* guest/reaper.c */
	struct proc *reap_head, *reap_tail; /* G: dead, not yet taken apart */
	unsigned nr_reaping;                /* G */
	pthread_cond_t reap_ready;          /* G */
	pthread_t reaper;                   /* main thread */
	bool reaper_stop;                   /* G */

	/* The main thread's (start/life.c, report/report_stat.c). */
	int epoll;                     /* C */
	int signal_fd, timer_fd;       /* C */
	pid_t first_pid;               /* C */
	bool first_done;               /* the first process has ended .. */
	int first_status;              /* .. as waitpid gave it */
	int first_stopped;             /* the signal that stopped it, or 0 */
	bool group_stopped;            /* a stop signal came to us since it ran */
	unsigned terms;                /* SIGTERMs that were passed on */
	uint64_t stat_ns, stat_faults; /* what the last live line told, for rates */

	/* Descriptors (fd). */
	unsigned fd_base;           /* C: where guests' numbers that are ours begin */
	int fd_dummies[RUN_NR_FDS]; /* main thread: stand there at first (fd/fd_block.c) */
	int ctl;                    /* C: our end of the socket */

	/* What one file keeps: each guards its own. */
	struct said said;                   /* base/say.c */
	struct closer *closer;              /* C: fd/closer.c */
	struct ctl_table *ctl_table;        /* C: fd/ctl.c */
	struct fds *fds;                    /* C: fd/fds.c */
	struct far_numbers *far;            /* C: file/far.c */
	struct huge_files *huge_files;      /* C: file/huge_file.c */
	struct huge_mount *huge_mounts;     /* C: file/huge_mount.c */
	unsigned nr_huge_mounts;            /* C */
	struct inodes *inodes;              /* C: file/inode.c */
	struct machine_tree *machine_tree;  /* C: procfs/machine_tree.c */
	struct notes *notes;                /* C: call/note.c */
	struct compacted compacted;         /* A: call/compact.c */
	struct segments *segments;          /* C: call/shm.c */
	struct oom_log *ooms;               /* C: oom/oom.c */
	struct huge_history *huge;          /* C: huge/history.c */
	struct unpromised_list *unpromised; /* C: huge/unpromised.c */
	uint64_t last_flush;                /* A: port/flush.c */
	int vsyscall; /* A: procfs/proc_text_vma.c: 0 not known, 1 no, 2 yes */
};

#endif
