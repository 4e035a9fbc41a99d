/* SPDX-License-Identifier: MIT */
/*
 * requests.h: what a guest thread may ask of the supervisor (proto.h has the way).  Freestanding.
 */
#ifndef RUN_WIRE_REQUESTS_H
#define RUN_WIRE_REQUESTS_H

#include <stdint.h>

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
	/* Files that tell of the machine (procfs/machine_tree.c).  a0 MACHINE_MAKE: they are to be
	 * there.  MACHINE_OPENED: a guest has opened that of number a1 in its file system, for
	 * writing if a2; what it tells is as it is now.  MACHINE_WRITE: it writes a2 bytes at the
	 * offset a3, of which the first RUN_MACHINE_TEXT are in data[] -> ret as of the call;
	 * RUN_NATIVE: it is no such file */
	OP_MACHINE_FILE,
	/* a0 COMPACT_OPENED: a file that has memory compacted was opened for writing;
	 * COMPACT_NOW: a1 the node, or RUN_ALL_NODES: it is done -> ret 0 or -errno */
	OP_COMPACT,
	/* a0 token of a descriptor of a file of huge pages, a1..a6 mmap's args (a5 is not looked
	 * at) -> ret; v1, v2 as of OP_SYSCALL */
	OP_MMAP_HUGE,
	/* A file of huge pages (file/huge_file.c): a0 enum run_huge_call */
	OP_HUGE_FILE,
	RUN_NR_OPS
};

/* a1: token of the descriptor, but for HUGE_LOOK and HUGE_STATFS. */
enum run_huge_call {
	/* A fresh memfd becomes one; a2 the size of its pages as MFD_HUGE_* has it, or 0.  Or it is
	 * a file of a mounted file system of huge pages, which may be one already -> ret 0 or
	 * -errno */
	HUGE_CREATE,
	/* a1 device: v0 bytes of a page, v1 pages that its file system may have, v2 pages that are
	 * left; both 0: not limited -> ret 0 or -ENOENT */
	HUGE_STATFS,
	/* a1 device, a2 number of a file: v0 bytes of a page, v1 size, v2 blocks of 512 bytes ->
	 * ret 0, or -ENOENT: it is none */
	HUGE_LOOK,
	/* a2 address, a3 bytes, a4 offset -> ret as of pread */
	HUGE_READ,
	/* a2 mode, a3 offset, a4 bytes -> ret as of fallocate */
	HUGE_FALLOCATE,
	/* a2 seals -> ret as of F_ADD_SEALS */
	HUGE_SEAL,
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
	PROC_MOUNTS,
	PROC_MOUNTINFO,
	RUN_NR_PROC
};

enum run_machine { MACHINE_MAKE, MACHINE_OPENED, MACHINE_WRITE };
#define RUN_MACHINE_TEXT 4096u /* as much as files of /sys look at */

enum run_compact { COMPACT_OPENED, COMPACT_NOW };
/* Also any number of a node that the machine has not: without --nodes there may be such files. */
#define RUN_ALL_NODES UINT32_MAX

enum run_cut {
	CUT_END,   /* what lies beyond its end, which is the offset, private copies too */
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
#define NOTE_MACHINE 6 /* it goes to a file that tells of the machine */

#define NOTE_INT80 (-1) /* as a number: a call that has no number of x86-64 */

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

#endif
