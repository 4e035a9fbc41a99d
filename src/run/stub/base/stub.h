/* SPDX-License-Identifier: MIT */
/*
 * stub.h: the state of the stub, which all of its files share.
 *
 * The stub is one guest process's side of `quire run`: it catches every fault and every system
 * call of the guest.  Three kinds of state:
 *   struct shared   one per address space (vfork children use their parent's)
 *   struct process  one per process: signal dispositions
 *   struct thread   one per thread, at the bottom of its thread area
 * Everything here is private to the host process and copied by fork.
 *
 * Guest memory is touched through probe.h only.  No libc, no floating point, no thread-local
 * storage: the guest's FS, GS and vector registers stay as they are.
 */
#ifndef STUB_H
#define STUB_H

#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/stub/base/layout.h"
#include "run/wire/page.h"
#include "run/wire/addresses.h"
#include "run/wire/proto.h"
#include "run/wire/run_info.h"

#define NR_SIGNALS 64
#define PATH_BYTES 4096 /* of a path, with its end */

/*
 * A thread area: struct thread, a page that nothing may touch, scratch for results of system calls,
 * another such page, and the stack.
 */
#define AREA_GUARD (2 * PAGE)
#define AREA_SCRATCH (3 * PAGE)
#define SCRATCH_BYTES (28 * PAGE)
#define AREA_GUARD2 (AREA_SCRATCH + SCRATCH_BYTES)
#define AREA_STACK (AREA_GUARD2 + PAGE)

#define VDSO_HOME 0x7f7008000000ull /* the host's vdso and vvar, moved here */
#define VDSO_ROOM 0x100000ull
/* Where the thread of an area prepares a fill. */
#define FILL_ROOM(index) (FILLS_BASE + (uint64_t)(index)*32 * PAGE)
#define NOWHERE (GUEST_TASK_SIZE + 0x10000) /* nothing is ever mapped here */

/* Sets of signals: bit n - 1. */
#define SIGBIT(n) (1ull << ((n)-1))
/* Never blocked and always caught on the host; the guest's blocking of them is ours. */
#define SIGS_VIRTUAL (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGSYS))
#define sig_is_virtual(sig) ((SIGBIT(sig) & SIGS_VIRTUAL) != 0)
/* What a fault or a trapped call makes the kernel send, or a forger of that: see held.c. */
#define SIGS_FAULT (SIGS_VIRTUAL | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE))
#define SIGS_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define HOST_ALL_BLOCKED (~SIGS_VIRTUAL)
/* Those as well, while a thread's own area and channel are not there yet, or not any more. */
#define HOST_DEAF (~0ull)

#define HANDLER_DFL 0
#define HANDLER_IGN 1

struct action {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/* Sent signals of SIGS_FAULT that wait to be taken; see held.c. */
struct held {
	uint64_t set, claimed;
	siginfo_t info[6];
};

struct process {
	uint32_t lock;   /* guards actions and the host's dispositions that mirror them */
	uint32_t spares; /* a lock: the spare descriptors are lent .. */
	uint64_t soft;   /* .. and the limit to restore then */
	/* handler 0: the host knows whether the signal is ignored; SIGS_VIRTUAL: wholly ours. */
	struct action actions[NR_SIGNALS + 1];
	struct held held; /* to no thread alone */
};

/* thread->pending */
#define PENDING_ASYNC 1u   /* thread->async holds a signal; the host blocks all others */
#define PENDING_VIRTUAL 2u /* one of thread->held that it takes now */

enum interrupted {
	NOT_INTERRUPTED,
	WENT_BACK, /* it would make the call again: a handler without SA_RESTART ends it */
	ENDED,     /* with EINTR: any handler does */
};

struct signal {
	bool in_wait;       /* it ended a call that had replaced the mask .. */
	uint64_t wait_mask; /* .. by this one, which the handler's mask builds on */
	siginfo_t info;
};

#define LENT_MAX 16u

struct lent {
	uint64_t start, end;
};

struct thread {
	uint32_t pending; /* offset THREAD_PENDING */
	/* A flush has taken pages that may have been touched for a call. */
	uint32_t flushed;
	uint32_t host_tid; /* 0: the area is free; cleared by the kernel when the thread is dead */
	uint32_t filling;  /* fill lock, reader's side */
	uint32_t slot;
	uint32_t nr_lent; /* of `lent` below, in use */
	struct chan *chan;
	const struct answer *answer;
	struct process *proc;
	uint32_t index;    /* of its area */
	uint32_t fd_table; /* which table of descriptors it has: the same for all that share one */
	int32_t tid;
	uint64_t next_token;
	bool service_waits;           /* a service flush came while `filling` */
	uint32_t service_seen;        /* number of the request whose signal was taken last */
	bool restarts;                /* ... or interrupted a system call: make it again */
	bool in_call;                 /* inside guest_syscall() */
	enum interrupted interrupted; /* how the host took that, since the call was begun */
	bool names_stub;            /* an iovec of the call names memory that is not the guest's */
	struct lent lent[LENT_MAX]; /* lent.c */

	uint64_t mask;      /* the guest's signal mask */
	uint64_t wait_mask; /* of a call that replaces the mask while it sleeps */
	bool has_wait_mask;
	bool held_ends_wait; /* one of `held` ended such a call and is to be delivered */
	struct signal async;
	struct held held;
	uint64_t waits_for;                   /* of SIGS_FAULT, while a call waits for signals */
	uint64_t alt_sp, alt_size, alt_flags; /* the guest's sigaltstack */

	uint64_t exec_place, exec_bytes; /* execve's scratch, while it is mapped */

	bool no_new_privs; /* as the guest set it; the host's is always on */
	bool no_tsc;       /* PR_SET_TSC: rdtsc faults, for us as well */

	uint64_t clear_tid; /* set_tid_address, CLONE_CHILD_CLEARTID */
	uint64_t robust_head, robust_len;

	struct {
		uint64_t settid, parent_settid;
		bool process;
	} start;            /* for child_main() */
	struct process own; /* a vfork child's */
};
_Static_assert(offsetof(struct thread, pending) == THREAD_PENDING, "layout.h");
_Static_assert(offsetof(struct thread, slot) == THREAD_SLOT, "layout.h");
_Static_assert(offsetof(struct thread, flushed) == THREAD_PENDING + 4, "layout.h");
_Static_assert(THREAD_AREA == AREA_BYTES, "layout.h");

struct shared {
	uint32_t
	    flusher; /* fill lock, writer's side: index + 1 of the area whose thread holds it */
	uint32_t looking;   /* RUN_FD_LOOK: index + 1 of the area whose thread has it (look.c) */
	uint32_t area_lock; /* guards growing of nr_areas */
	uint32_t nr_areas;
	uint32_t forking; /* index + 1 of the area whose thread is about to fork (lent.c, 3) */
	uint32_t drops;   /* times that all host mappings were dropped: earlier touches are void */
	uint32_t flushes; /* that were made: what was touched before may be gone again */
	uint32_t windows_lock; /* guards which windows there are, and far.c's table */
	uint32_t nr_windows;   /* under windows_lock */
	uint32_t nr_fd_tables; /* that threads have had; number 0 is the first one's */
	uint64_t next_window, next_seed;
};

extern struct shared shared;
extern struct process first_process;
extern char stub_text_start[], stub_text_end[], stub_end[];

#define INFO ((const volatile struct run_info *)INFO_BASE)
#define RUN_FD(n) ((int)INFO->fd_base + (int)(n))

static inline bool fd_is_ours(uint64_t fd)
{
	return (uint32_t)fd - INFO->fd_base < RUN_NR_FDS;
}

static inline struct thread *thread_at(uint32_t index)
{
	return (struct thread *)(THREADS_BASE + index * THREAD_AREA);
}

static inline char *thread_scratch(struct thread *t)
{
	return (char *)t + AREA_SCRATCH;
}

static inline bool in_stub(uint64_t ip)
{
	return ip >= STUB_BASE && ip < STUB_END;
}

#endif
