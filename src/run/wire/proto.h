/* SPDX-License-Identifier: MIT */
/*
 * proto.h: what the supervisor and the stubs agree on: addresses, descriptors,
 * and the channel between one guest thread and its worker.  Freestanding.
 *
 * Everything that a guest can write is suspect: the supervisor copies a request
 * out of the channel before it looks at it, and validates it.
 */
#ifndef RUN_PROTO_H
#define RUN_PROTO_H

#include <stdint.h>

/* ---- addresses in every guest process.  The guest owns what lies below; a pointer argument at or
 * above it is EFAULT before the stub makes any native call with it (tests/run/hostile.c: pointers).
 * As high as can be: what has a plan of its own for the whole address space, as a program compiled
 * with -fsanitize=thread, wants its mappings from 0x7e8000000000 on.  Above the page tables, of up
 * to 512 GiB, is the host's stack.
 */
#define GUEST_TASK_SIZE 0x7ea000000000ull
#define FILLS_BASE 0x7ea100000000ull   /* pieces of windows on their way to the guest */
#define FAR_ROOM 0x7ea800000000ull     /* the way to pages of far ranges: far.c */
#define SEEDS_BASE 0x7ee800000000ull   /* windows of one page, where whole ones find no room */
#define WINDOWS_BASE 0x7ef000000000ull /* file windows: MAP_SHARED */
#define WINDOWS_END 0x7f7000000000ull
#define STUB_BASE 0x7f7000000000ull /* the stub's text, data, bss */
#define STUB_END 0x7f7000400000ull
#define THREADS_BASE 0x7f7010000000ull /* thread areas, private to the process */
#define THREAD_AREA 0x40000ull         /* 256 KiB each, aligned to that */
#define CHAN_BASE 0x7f7100000000ull    /* the channels of the process's own threads */
#define INFO_BASE 0x7f7200000000ull    /* struct run_info, read-only */
#define TABLES_BASE 0x7f7800000000ull  /* page tables: memfd, read-only */

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
	uint32_t use_notify; /* set by the supervisor once it holds the filter's listener */
	/* Bit RUN_MAPPED_BIT is clear: nobody maps that file.  So a stub that truncates what nobody
	 * maps need not tell the supervisor. */
	uint32_t mapped[RUN_MAPPED_BITS / 32];
};
#define RUN_MAGIC 0x71756972u

/*
 * Kick: "slot a0 has handed over, with turn a1, and nobody is attached to it, or I want to sleep
 * until the turn is mine".  A guest that kicks for a slot of another process is killed.  A system
 * call number that does not exist, which the seccomp filter turns into a user notification when it
 * comes from the stub's text: a free worker wakes on the caller's own CPU
 * (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP), 12 us for a fault where a futex wake of an idle CPU
 * costs 60. The caller sleeps until the worker has answered.  Returns 0, or -EINTR (look at `turn`,
 * kick again). Without a listener (use_notify == 0) a kick is an empty packet on CTL with token 0,
 * and the caller sleeps with futex_wait on `turn`.
 */
#define RUN_KICK_NR 0x5149
#define RUN_KICK_DRAIN UINT32_MAX /* no slot: CTL is full */
#define RUN_TOKEN_LISTENER 1      /* the descriptor of this packet is the filter's listener */

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

/*
 * ---- channel: one guest thread <-> one worker.  Half duplex, by `turn`.
 *
 * Two objects have a part for each slot: what the thread writes (struct chan), and what it only
 * reads (struct answer).  An address space maps those of its own threads alone, side by side; a
 * slot that was one's is no other address space's while this one lives.
 */
#define RUN_MAX_SLOTS 4096u
#define CHAN_SLOT_SIZE 8192u
#define ANSWER_SLOT_SIZE 8192u
#define CHAN_AT(slot) (CHAN_BASE + (uint64_t)(slot) * (CHAN_SLOT_SIZE + ANSWER_SLOT_SIZE))
#define ANSWER_AT(slot) (CHAN_AT(slot) + CHAN_SLOT_SIZE)
/* Offsets in the memfds. */
#define CHAN_OFFSET(slot) ((uint64_t)(slot)*CHAN_SLOT_SIZE)
#define ANSWER_OFFSET(slot) (4096ull + (uint64_t)(slot)*ANSWER_SLOT_SIZE)
#define TABLES_OFFSET(nr_slots) ANSWER_OFFSET(nr_slots)
#define CHAN_MAX_RANGES 64
#define CHAN_SERVICE_RANGES 8
#define ANSWER_MAX_GONE 160

enum run_op {
	OP_NONE,
	/* a0 addr, a1 access (QUIRE_READ ..), a2 ip, a3 sp -> ret = enum quire_fault_result;
	 * v0 si_code, v1 si_addr, v2 pte, v3 kind (enum quire_fault_kind: after ANON, COW_COPY and
	 * COW_REUSE the page alone is new: fill just it; a run would map its old neighbours again,
	 * eight pages a fill on average when memory is touched in order: measured) */
	OP_FAULT,
	/* a0 addr, a1 bytes, a2 access: fault a range in -> ret = bytes that are good from a0 */
	OP_TOUCH,
	/* a0 addr: the host raised SIGBUS on an external page (truncated file) -> as OP_FAULT */
	OP_BUS,
	/* a0 nr, a1..a6 args: one of memory's system calls -> ret (-errno), or RUN_NATIVE: not
	 * Quire's after all (prlimit of other resources, process_vm_readv of a process that is no
	 * guest, ..): make the call natively.  getrlimit, setrlimit, prlimit64 of AS, DATA, STACK,
	 * MEMLOCK are virtual: the host process keeps its own limits of AS, DATA and MEMLOCK (the
	 * stub must be able to map); v0 1: the stub also makes the call natively (STACK).
	 * v1 = n: windows that no mapping of the mm uses any more, in gone[]: the stub unmaps
	 * them, so that the file is let go before the guest goes on; v2 not 0: there are more
	 * (OP_WINDOWS_GONE) */
	OP_SYSCALL,
	/* a1..a6 mmap's args (a5 the guest's fd number), a0 file id, or RUN_NEW_WINDOW: data[] is a
	 * struct run_window, then the file's name (NUL); a7 the file's size in bytes now -> ret;
	 * v0 the file's id; v1, v2 as of OP_SYSCALL.  If a new window's call fails, the stub unmaps
	 * it. -ESTALE: no such id in this mm (any more): the stub makes a new window.  Ids are
	 * never used twice in a run */
	OP_MMAP_FILE,
	/* /dev/zero: a0 how it was opened (O_ACCMODE), a1..a6 mmap's args (a5 is not looked at) ->
	 * ret; v1, v2 as of OP_SYSCALL */
	OP_MMAP_ZERO,
	/* data[] as of OP_MMAP_FILE: a file that OP_EXEC_LOAD will map -> ret = its id */
	OP_FILE,
	/* a0 frame number of a far range -> ret 0; v0 its first frame, v1 its pages, v2 where the
	 * window begins, whose first page is the range's first, too.  -ENOENT: the mm has no such
	 */
	OP_FAR,
	/* a0 token of a descriptor sent before, a1 enum run_cut, a2 offset, a3 bytes (of a hole):
	 * the guest has just taken content away from that file, whoever maps it.  The descriptor
	 * says which file that is, how long it is now, and that it may be written to */
	OP_FILE_CUT,
	/* a0 v2 of the answer before, which had no room for these -> v1, v2 as of OP_SYSCALL */
	OP_WINDOWS_GONE,
	/* a0 clone flags (CLONE_VM: shares the mm; vfork(2) is CLONE_VM|CLONE_VFORK), a1 = n:
	 * ranges that system calls of other threads have been lent, from ((uint64_t *)data)[2i] to
	 * [2i + 1]: their pages stay the parent's, and the child gets copies -> ret = child's slot;
	 * v0 the child's serial */
	OP_FORK,
	/* a0 child's slot, a1 pid or -errno, a2 its serial */
	OP_FORK_DONE,
	/* first request of a forked child; a0 pid; LIFE's write end sent on CTL, a1 token */
	OP_CHILD_START, /* v1, v2 as of OP_SYSCALL */
	/* a0 flags -> ret = slot of the new thread */
	OP_THREAD,
	/* a0 slot, a1 tid or -errno */
	OP_THREAD_DONE,
	/* first request of a thread; a0 tid */
	OP_THREAD_START,
	/* last request of a thread: the worker goes; the slot is free after the reply */
	OP_THREAD_EXIT,
	/* exit_group is about to be called: a0 status.  Nothing is freed before LIFE closes */
	OP_EXIT,
	/* exe (and interp) descriptors sent on CTL: a0 token, a1 token or 0; data[] = path (NUL)
	 * comm (NUL) -> ret 0 or -errno (ENOEXEC ..); v0 the slot of the new program */
	OP_EXEC_PREPARE,
	/* the host's execve failed after all */
	OP_EXEC_ABORT,
	/* first request of a fresh stub: a0 tokens of exe's and (<< 32) interp's descriptors, a1
	 * file id of exe, a2 file id of interp or -1, a3 stack bytes that argv, envp and auxv need,
	 * a4 vdso address, a5 vdso bytes, a6 vvar address, a7 vvar bytes -> v0 entry to jump to, v1
	 * AT_PHDR, v2 AT_PHNUM, v3 AT_BASE, v4 AT_ENTRY, v5 stack top (exclusive), v6 AT_PHENT, v7
	 * personality */
	OP_EXEC_LOAD,
	/* reset: a0 pid: forget the old image: creates the new mm, so that OP_FILE works in it.
	 * Comes before OP_FILE and OP_EXEC_LOAD */
	OP_EXEC_FILES,
	/* descriptor of an empty memfd sent on CTL, a0 token; a1 enum run_proc, a2 pid: fill it;
	 * a3 to a7: of SIGSEGV, SIGBUS and SIGSYS those that are pending for the thread and for the
	 * process, blocked, ignored and caught by the one that asks ->
	 * ret 0 or -errno (-ENOENT: not a guest: use the host's file) */
	OP_PROC_OPEN,
	/* a0 enum run_note, a1.. numbers: for the report: nothing is answered but ret 0 */
	OP_NOTE,
	/* a0 pid -> ret = 0: it is a guest's */
	OP_IS_GUEST,
	RUN_NR_OPS
};

/* OP_SYSCALL's answer: make the call natively. */
#define RUN_NATIVE (-100000)

enum run_proc {
	PROC_MAPS,
	PROC_SMAPS,
	PROC_SMAPS_ROLLUP,
	PROC_PAGEMAP,
	PROC_STATUS,
	PROC_STATM,
	PROC_MEMINFO,
	PROC_STAT,
	PROC_NUMA_MAPS,
	PROC_OOM_SCORE,
	PROC_SYSVIPC_SHM,
	RUN_NR_PROC
};

enum run_cut {
	CUT_END,   /* what lies beyond its end, private copies too */
	CUT_MOVED, /* all from the offset on, private copies too */
	CUT_PUNCH, /* the range; private copies stay */
};

enum run_note {
	/* a1 syscall number, a2 detail: one line for each kind, in the supervisor's log. */
	NOTE_UNSUPPORTED,
};
/* Details of NOTE_UNSUPPORTED: what of a call is refused. */
#define NOTE_VDSO 1 /* it concerns the vdso */
/* .. because a handler of binfmt_misc would get the stub's own file. */
#define NOTE_BINFMT 2
#define NOTE_EROFS 3
#define NOTE_PROBES 4
#define NOTE_CONTENTS 5

/* The page of old calls that every process sees, where the host has it. */
#define RUN_VSYSCALL 0xffffffffff600000ull

#define NOTE_INT80 (-1) /* as a number: a call that has no number of x86-64 */

/* What the supervisor's turn hands the stub. */
enum run_cmd {
	CMD_REPLY, /* ret and v[] are the answer */
	/* What the supervisor cannot do itself: v[0] enum window_op, v[1] address in a window, v[2]
	 * bytes (far ranges: v[3] 1, v[1] the window, v[4] pages from there on).  chan->done = 0 or
	 * -errno, then the turn goes back. */
	CMD_WINDOW,
	/* Unmap ranges[0..nranges) from the host (nranges == 0: all below GUEST_TASK_SIZE), then
	 * give the turn back with nothing changed but chan->lent.  Tables too are freed only after
	 * a flush (of an empty range, if no page went): the stub walks them under the fill lock. */
	CMD_FLUSH,
};

enum window_op {
	WINDOW_LOAD,   /* a page: its content into chan->data */
	WINDOW_STORE,  /* from answer->store, as a store does; v[2] bytes inside one page */
	WINDOW_SYNC,   /* msync(MS_SYNC) */
	WINDOW_REMOVE, /* madvise(MADV_REMOVE) */
};

/* A file that was mapped into a new window. */
struct run_window {
	uint64_t addr, bytes;
	uint64_t first; /* page offset of addr in the file */
	uint64_t dev, ino;
	uint64_t size; /* bytes */
	uint64_t flags;
};
#define RUN_WINDOW_WRITABLE 1 /* shared mappings may become writable */
#define RUN_WINDOW_NOEXEC 2   /* no PROT_EXEC: by its mount */
#define RUN_WINDOW_DEVICE 4   /* a block device */
#define RUN_NEW_WINDOW UINT64_MAX

/*
 * Frame numbers from here on are of far ranges: more of a file than its window shows, or than there
 * are addresses for.  The window's mapping is made longer for a moment to get at such a page.
 */
#define FAR_FIRST (1ull << 35)
#define FAR_END (1ull << 40)
#define FAR_PIECE (1ull << 36) /* bytes of it that CMD_WINDOW takes at a time */

/* What the guest writes: suspect. */
struct chan {
	/* Even: the guest's turn.  Odd: the supervisor's.  Incremented by the side that hands over.
	 * A new thread finds it even, not necessarily 0. */
	uint32_t turn;
	/* The guest sleeps on `turn` with a futex (no listener): wake it after handing over. */
	uint32_t guest_sleeps;
	uint32_t op; /* enum run_op */
	uint32_t service_done;
	uint64_t a[8];
	int64_t done; /* what became of CMD_WINDOW */
	/*
	 * With a flush: 1: a system call of another thread's goes on for which a page of the ranges
	 * was touched, so that the host may have looked it up and store into it later, whatever is
	 * mapped there then (a device's transfer, a FUSE server's answer).
	 */
	uint32_t lent, service_lent;
	/* Counted by the stub, read by the supervisor at exit: for the report. */
	uint64_t fills, filled_pages, drops;
	char data[CHAN_SLOT_SIZE - 256];
};
_Static_assert(sizeof(struct chan) <= CHAN_SLOT_SIZE, "one slot");

/* What the supervisor writes. */
struct answer {
	/*
	 * A worker watches `turn` (handles a request, or lingers after one).  A guest that hands
	 * over stores turn, fences, and kicks if attached is 0; a worker that leaves stores
	 * attached = 0, fences, and looks at turn once more.
	 */
	uint32_t attached;
	uint32_t cmd; /* enum run_cmd */
	uint32_t nranges;
	uint32_t pad;
	int64_t ret;
	uint64_t v[8];
	/*
	 * Frame number of the mm's top-level table: for forked children and threads when the slot
	 * is given out, for a fresh stub by the answer to OP_EXEC_FILES.
	 */
	uint64_t root;
	/*
	 * Service: a flush on behalf of another process's request (a file punched that several map,
	 * or process_vm_writev), independent of `turn`: the supervisor writes service_ranges and
	 * service_nranges (0: all), bumps service_seq, and sends SIGBUS with rt_tgsigqueueinfo
	 * (SI_QUEUE, si_pid its own) to one thread, which (at once, or if it holds the fill lock
	 * when it drops that; never waiting for the supervisor) executes it as CMD_FLUSH (`lent` is
	 * chan->service_lent here), stores service_seq into chan->service_done and wakes that
	 * (FUTEX_WAKE, not private).
	 *
	 * The host keeps one pending signal of a number.  So it is one whose faults come again by
	 * themselves (a trapped call's SIGSYS would be lost beside it, and the call with it), and
	 * every SIGBUS, whatever it says, serves.  It may come when its request has been served
	 * already, and without its origin (RLIMIT_SIGPENDING): the stub remembers the number of
	 * the last one that it saw.  A thread that has not spoken yet gets none: each
	 * serves when it has been answered.
	 *
	 * A thread that leaves takes no signal any more once it has handed over OP_THREAD_EXIT: the
	 * slot may be another's then.
	 *
	 * A thread that is in a kick gets EINTR, serves, and kicks again; system calls that it
	 * makes for the guest are restarted, with no signal delivered to the guest.
	 */
	uint32_t service_seq, service_nranges;
	struct {
		uint64_t start, end;
	} service_ranges[CHAN_SERVICE_RANGES];
	struct {
		uint64_t start, end;
	} ranges[CHAN_MAX_RANGES];
	uint64_t gone[ANSWER_MAX_GONE][2]; /* windows that nothing maps any more: address, bytes */
	char store[4096];                  /* for WINDOW_STORE */
};
_Static_assert(sizeof(struct answer) <= ANSWER_SLOT_SIZE, "one slot");

/* One packet on CTL: this header plus one descriptor. */
struct ctl_packet {
	uint32_t slot;
	uint32_t pad;
	/* Chosen by the stub, non-zero: names the descriptor in the request that follows. */
	uint64_t token;
};

#endif
