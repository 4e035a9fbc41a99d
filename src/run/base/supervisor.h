/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h: what the files of the supervisor share.
 *
 * Threads: the main thread (signals, deaths, the end), a pool of workers that answer requests, and
 * the reaper, which takes dead address spaces apart.  The main thread waits for nobody: whoever
 * waits for a guest waits for the main thread to notice its death.
 *
 * Lock order, outer first; letters stand at the fields:
 *   B  oom.c's        memory is out: somebody is waited for, or killed; nothing else is held
 *   V  shm_lock       segments (shm.c)
 *   E  space->flush_lock  a flush of the space by a thread that is not in it
 *   G  run->lock      processes, slots' owners, spaces' users
 *     H  space->lock  windows of one address space
 *       I' inode.c's  leaf
 *   F' far.c's        leaf
 *   S  slot->lock     leaf; never held over a call of the core
 *   T  ctl's lock
 *     D  fds.c's lock   leaf
 *     D' closer.c's     leaf
 *   Y  say.c's        leaf
 *   C  constant after publication      A  atomic
 *   O  only the worker attached to the slot
 * No lock of these but B, V and E, which the main thread does not take, is held while a guest is
 * waited for: none is held over a call of the core that may flush, except H over
 * quire_file_create/put, which do not.
 */
#ifndef RUN_SUPERVISOR_H
#define RUN_SUPERVISOR_H

#include "ds/itree.h"
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/wire/proto.h"
#include "run/base/run.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/types.h>

struct run;
struct proc;
struct window;

/* ------------------------------------------------------------ address spaces */

/* A core mm and what belongs to it; shared by vfork and CLONE_VM children.  The mm's cookie. */
struct space {
	struct run *run;     /* C */
	struct quire_mm *mm; /* C */
	uint32_t refs;       /* A: users, plus requests being handled, plus readers */
	uint32_t users;      /* G: living processes; 0: nobody executes in it, flushes are no-ops */
	uint32_t nr_slots;   /* A: threads that are in it, or are about to be */
	struct slot *idle;   /* G: whose threads were in it: it maps their channels still */
	struct space *next, *prev;  /* G: run->spaces, while users > 0 */
	pthread_mutex_t flush_lock; /* E */

	pthread_mutex_t lock;
	struct window_ref *windows; /* H: by the low part of the file id */
	unsigned cap_windows;       /* H: allocated */
	unsigned low_free;          /* H: none below is free */
	bool dontfork;              /* A: a child may have windows of files that it does not map */

	/* Set by OP_EXEC_LOAD, inherited by fork; for maps.  Lie above GUEST_TASK_SIZE. */
	uint64_t vdso, vvar;                                 /* C after load */
	uint64_t vdso_bytes, vvar_bytes;                     /* A: 0 when moved (vdso_move.c) */
	char *exe;                                           /* C after load: path of the program */
	uint64_t start_code, end_code, start_data, end_data; /* C after load */
	uint64_t stack_top,
	    args_bytes; /* C after load: [stack_top - args_bytes, stack_top): argv.. */
	uint64_t entry; /* C after load */
};

struct space *space_get(struct space *s);
void space_put(struct space *s);

/* ----------------------------------------------------------------- processes */

/* A SIGSEGV or SIGBUS that was delivered, and why; equal ones are counted together. */
struct refusal {
	uint64_t addr, ip;
	enum quire_access access;
	enum quire_fault_reason reason;
	int sig, si_code;
	bool has_vma;
	uint64_t vma_start, vma_end;
	int vma_prot;
	char vma_name[64];
	uint64_t count;
};
#define PROC_MAX_REFUSALS 8

/* Counters of one process over all the programs it executed. */
struct proc_stats {
	struct quire_mm_stats mm;             /* sums of counters, maxima of peaks */
	struct quire_usage usage;             /* just before the end (of the last program) */
	uint64_t signalled[QUIRE_NR_REASONS]; /* refused accesses of the program's own, by rule */
	uint64_t efaults[QUIRE_NR_REASONS];   /* and of system calls of its */
	uint64_t requests[RUN_NR_OPS];
	uint64_t kicks;                      /* requests that had to wake a worker */
	uint64_t fills, filled_pages, drops; /* as the stub counted them */
	uint64_t remote_flushes;             /* flushes on behalf of another process */
	uint64_t execs, threads;
};

/* Memory ran out, and a process was killed for it: how much each one held, in bytes. */
#define RUN_MAX_OOMS 16u
#define OOM_OTHERS 3u
struct oom_share {
	pid_t pid;
	uint64_t held;
	char comm[16];
};
struct oom_record {
	enum quire_memory what;
	uint64_t total; /* of it, all in all */
	struct oom_share victim;
	int adj;                             /* its oom_score_adj */
	struct oom_share others[OOM_OTHERS]; /* the processes that held most */
	unsigned nr_others, nr_rest;         /* shown; not shown, .. */
	uint64_t rest;                       /* .. which held this */
	uint64_t nobodys;                    /* in use by no living process */
};

#define PROC_FDS 2 /* descriptors that a process takes: pidfd, life pipe */

enum proc_state {
	PROC_NEW, /* fork was granted; the child has not spoken yet */
	PROC_ALIVE,
	PROC_DEAD, /* kept for the report */
};

struct proc {
	struct proc *next, *prev;             /* G: run->procs, in order of birth */
	struct run *run;                      /* C */
	uint32_t refs;                        /* A: the list, its slots, readers */
	uint32_t parent_serial;               /* C: 0: the supervisor */
	enum proc_state state;                /* G */
	uint32_t serial;                      /* C: 1 is the first process */
	pid_t pid, ppid;                      /* G: host numbers; 0 until known */
	int pidfd, life;                      /* G: -1: none.  life: write end of its life pipe */
	unsigned promised;                    /* G: descriptors it has yet to get (fds.c) */
	struct space *space;                  /* G: NULL when dead */
	struct slot *slots;                   /* G: of its living threads, linked by next */
	unsigned nr_slots;                    /* G */
	struct slot *exec_slot;               /* G: one of them, for its next program; or NULL */
	char comm[16];                        /* G */
	char *exe;                            /* G: path */
	char cmdline[128];                    /* G: arguments, blanks between */
	bool vforked;                         /* G: shares the parent's space until exec */
	bool oom_killed;                      /* A */
	bool has_exit_status;                 /* G: it called exit_group itself */
	int exit_status;                      /* G */
	uint64_t born_ns, died_ns;            /* G: CLOCK_MONOTONIC */
	bool has_claims;                      /* G: dead, but children of it may still be to come */
	struct rlimit rlim[QUIRE_NR_RLIMITS]; /* G: virtual: the host process's own differ */
	struct proc_stats
	    stats; /* A (relaxed) while alive: what the present mm does not count itself */
	struct refusal *refusals;     /* G: PROC_MAX_REFUSALS of them, or NULL */
	unsigned nr_refusals;         /* G */
	struct proc *reap_next;       /* G: queue of the reaper */
	struct space *reap_space;     /* G: what it left */
	bool reap_last;               /* G: and was the last in */
	struct pending_exec *pending; /* O of the slot that execs */
};

struct proc *proc_get(struct proc *p);
void proc_put(struct proc *p);
/* The living guest process that has this pid or a thread of this id, or NULL (zombies do not live).
 * Both are referenced: proc_put(), space_put(). */
struct proc *proc_find(struct run *run, pid_t pid, struct space **space);
/* Counters of a process as they are now; those of a present mm are not among them (asking the core
 * under G could deadlock with a flush). */
void proc_stats_locked(struct proc *p, struct proc_stats *out);

/* --------------------------------------------------------------------- slots */

/* One guest thread's channel, and the supervisor's own knowledge of it (never in shared memory). */
struct slot {
	unsigned index;        /* C */
	struct chan *chan;     /* C: shared with the guest: trust nothing in it */
	struct answer *answer; /* C: which guests only read */
	pthread_mutex_t lock;
	struct proc *proc;   /* G; C while a worker is attached; referenced */
	struct space *space; /* O after the thread started; referenced */
	bool started;        /* A: the thread has spoken: it may have host mappings */
	pid_t tid;           /* S: of its last kick; 0 until the first */
	bool used, gone;     /* S: given to a thread; that thread is dead */
	bool owned;          /* S: a worker is attached */
	uint64_t notif;      /* S: notification that the sleeping guest waits on, 0: none */
	uint32_t event;      /* A: futex: bumped at a kick, at death */
	uint32_t turn;       /* O: last turn we saw or wrote */
	bool owes_turn;      /* O: stopped, or dead, in a flush that we did not wait for */
	uint32_t gap_ns; /* O: running mean of the time between our answer and the next request */
	uint64_t answered_ns; /* O: when we last gave the turn away */
	uint64_t unfilled;    /* O: page plus 1, whose flush was left to its fill; 0: none */
	uint64_t asked;       /* G: the remote flush that last asked its thread */
	uint32_t service;     /* G: number of the last request of flush.c's; never goes back */
	uint64_t policy;      /* O: the thread's memory policy (mempolicy.c) */
	struct slot *next;    /* G: list of the process's slots, or of free or idle ones */
};

/* ------------------------------------------------------------------- the run */

/* Processes beyond this number are summed up in run->folded once they are dead. */
#define RUN_MAX_DEAD 2000

#define PEAK_HOLDERS 8

/* What a process holds of RAM, in pages: its own, and shared memory that it maps. */
struct peak_holder {
	pid_t pid;
	char comm[16];
	uint64_t anon, shmem;
};

/* The most RAM in use at once, in frames, and what it was when last looked at (peak.c). */
struct peak {
	uint64_t used;                           /* A */
	uint64_t noted;                          /* A; written under G: used at the note */
	uint64_t anon, shmem, tables;            /* G: tables have a memory of their own */
	struct peak_holder holder[PEAK_HOLDERS]; /* G */
	unsigned nr_holders, nr_others;          /* G */
};

struct run {
	const struct run_options *opts;          /* C */
	struct quire_port port;                  /* C */
	struct quire_machine *machine;           /* C */
	uint64_t ram_bytes, table_bytes;         /* C */
	uint8_t *ram, *tables;                   /* C: mapped */
	int fd_ram, fd_tables, fd_chan, fd_stub; /* C */
	struct rlimit limits[RLIM_NLIMITS];      /* C: what the first process starts with */
	unsigned fd_base;                        /* C: where its numbers that are ours begin */
	int ctl;                                 /* C: our end of the socket */
	int listener;                            /* A: seccomp listener, -1: none */
	uint32_t nr_slots;                       /* C */
	bool low_for_all;                        /* C: vm.mmap_min_addr is 0 */
	struct run_info *info;                   /* C: which guests only read, as .. */
	uint8_t *answers;                        /* C: .. these, one for each slot */
	uint8_t *chans;                          /* C: channels, one for each slot */
	struct slot *slots;                      /* C */
	uint64_t *populated; /* A: bit per 256 KiB of RAM that the host has allocated */

	pthread_mutex_t lock;           /* G */
	pthread_cond_t changed;         /* G: a process died */
	struct proc *procs, *last_proc; /* G */
	struct space *spaces;           /* G */
	uint64_t left, torn;     /* G: spaces that nobody was in any more; taken apart since */
	struct slot *free_slots; /* G */
	unsigned nr_used_slots;  /* G: by threads, or by workers that have not left yet */
	uint32_t next_serial;    /* G */
	unsigned nr_new, nr_live, nr_dead; /* G: processes new; new or alive; dead and listed */
	unsigned nr_claims;                /* G: proc->has_claims */
	uint64_t nr_folded;                /* G: dead processes no longer listed .. */
	struct proc_stats folded;          /* .. and their sums */
	unsigned peak_procs;               /* G */

	int epoll;                            /* C */
	pid_t first_pid;                      /* C */
	bool sigchld_ignored;                 /* C: when we were started */
	bool first_done;                      /* main thread */
	int first_status;                     /* main thread: as waitpid gave it */
	uint64_t start_ns;                    /* C */
	uint64_t oom_kills;                   /* G */
	struct oom_record ooms[RUN_MAX_OOMS]; /* G: the first of them */
	bool said_no_fds;                     /* A */
	struct proc *reap_head, *reap_tail;   /* G: dead, not yet taken apart */
	unsigned nr_reaping;                  /* G */
	pthread_cond_t reap_ready;            /* G */
	pthread_t reaper;                     /* main thread */
	bool reaper_stop;                     /* G */
	struct peak peak;
};

/* What the report is made of at the end: run->procs and run->folded, and this. */
struct run_verdict {
	unsigned violations; /* quire_verify */
	struct quire_machine_stats machine;
	unsigned unreached; /* points of --fail that did not come */
	uint64_t wall_ns;
};

uint64_t run_now_ns(void);
/* The peak, rounded up so that the run fits into it (peak.c). */
uint64_t peak_bytes(const struct run *run);
/* One line on stderr, "quire: ...", unless there were many of its kind (say.c). */
void run_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* -------------------------------------------------------------------- files */

/* A file's name in one address space. */
struct window_ref {
	struct quire_file *file; /* H: referenced; NULL: free */
	uint32_t generation;     /* H: of the id */
	uint32_t busy;           /* H: so many are about to map it */
	bool leaving;            /* H: somebody looks whether it is still mapped */
};

/* Numbers for the pages of a window from its first on (far.c). */
struct far_range {
	struct itree_node node; /* F'; its interval is constant */
	struct window *window;  /* C */
};
#define MAX_FAR_RANGES 8

struct window {
	uint32_t magic;                       /* C: tells our files' priv from others' */
	unsigned index;                       /* C: in the tables of the spaces that have it */
	uint64_t dev, ino;                    /* C */
	struct quire_file *file;              /* C: whose it is */
	struct window *next, *prev;           /* I': of one bucket, while `tables`; newest first */
	uint64_t serial;                      /* I': of its entry */
	unsigned tables;                      /* I': so many spaces have it in their tables */
	uint64_t addr, bytes;                 /* C: in the guests' address spaces */
	uint64_t first;                       /* C: page offset of addr in the file */
	struct far_range far[MAX_FAR_RANGES]; /* C: [0, nr_far), each longer than the one before */
	unsigned nr_far;                      /* A, writers F' */
	uint64_t size;                        /* A: of the file, as far as is known */
};

/* Between the two this thread tells of that process: its files are called what they
 * are called now. */
void file_names_begin(pid_t pid);
void file_names_end(void);
/*
 * The file's name, with " (deleted)" where it is, and where it lives, as the host's maps have them;
 * as it was when it was mapped, where the host does not tell.  With a reference.
 */
void file_name_now(struct quire_file *file, char *buf, size_t len, uint64_t *dev, uint64_t *ino);

/* ------------------------------------------- supplied by proc_text.c, report.c */

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

/* The report, after the last process died.  0 or -errno (said on stderr by itself). */
int report_write(struct run *run, const struct run_verdict *verdict);
/* The live line of --stat on stderr. */
void report_stat_line(struct run *run);

#endif
