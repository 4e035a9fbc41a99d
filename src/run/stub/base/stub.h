/* SPDX-License-Identifier: MIT */
/*
 * stub.h: what the stub's files share.
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
#include "run/wire/proto.h"
#include "run/wire/sys.h"

#define PAGE 4096ull
#define PAGE_DOWN(x) ((x) & ~(PAGE - 1))
#define PAGE_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))
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

#define at_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define at_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define at_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define at_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define at_cas(p, old, new) __sync_bool_compare_and_swap((p), (old), (new))

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
	uint32_t nr_fd_tables; /* that threads have had; number 0 is the first one's */
	uint64_t next_window, next_seed;
};

extern struct shared shared;
extern struct process first_process;
extern char stub_text_start[], stub_text_end[], stub_end[];

#define INFO ((const volatile struct run_info *)INFO_BASE)
#define RUN_FD(n) ((int)INFO->fd_base + (int)(n))

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

/* ---- entry.S */
void entry_sync(void);
void entry_async(void);
void entry_restorer(void);
_Noreturn void switch_stack(uint64_t top, void (*fn)(void *arg), void *arg);
_Noreturn void enter_guest(uint64_t ip, uint64_t sp);
_Noreturn void leave(struct ucontext *uc);
int64_t guest_syscall(int64_t nr, const uint64_t args[6]);
int64_t clone_leave(uint64_t flags, uint32_t *parent_tid, uint32_t *child_tid, uint64_t tls,
		    struct ucontext *uc);
extern char guest_syscall_start[], guest_syscall_insn[], guest_syscall_after[],
    guest_syscall_abort[];
extern char leave_check[], leave_insn[];

/* ---- lib.c */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t str_len(const char *s);
bool str_starts(const char *s, const char *prefix);
bool str_equal(const char *a, const char *b);
/* Decimal number at *s, which moves behind it; false if there is none. */
bool str_number(const char **s, int64_t *out);
char *str_put(char *to, const char *s);
char *str_put_number(char *to, uint64_t n);
/* "/proc/thread-self/fd/N": the name of an open descriptor, which may be in no table but ours. */
#define FD_PATH 40
void fd_path(char path[FD_PATH], uint64_t fd);
/* A piece of a mapping (0 bytes of it: a duplicate) comes to that address.  0 or -errno. */
int64_t remap_to(uint64_t from, uint64_t old, uint64_t bytes, uint64_t to);
/* One line on stderr, and the end of the process. */
_Noreturn void die(const char *why);
/* The same with -errno, or an answer that makes no sense. */
_Noreturn void die_error(const char *why, int64_t err);
void say(const char *what, uint64_t number);

/* ---- sys_process.c */
bool tsc_is_off(void);

/* ---- rpc.c: a request to the worker and its answer */
int64_t rpc_call(struct thread *t, uint32_t op, const uint64_t a[8]);
#define rpc(t, op, ...) rpc_call((t), (op), (const uint64_t[8]){__VA_ARGS__})
/* Hands a descriptor over: the token that names it in a request; -errno. */
int64_t rpc_send_fd(struct thread *t, int fd);
int64_t rpc_send_fd_token(struct thread *t, int fd, uint64_t token);
/* One line of the supervisor's; the call goes on to fail as the caller says. */
void rpc_unsupported(struct thread *t, int64_t nr, uint64_t detail);

/* ---- chan.c: the channels that the process maps */
/* The thread's own, of this slot.  False: no memory. */
bool chan_map(struct thread *t, uint32_t slot);
/* In a forked child: it has inherited its parent's. */
void chans_after_fork(void);

/* ---- area.c: thread areas and the fill lock */
struct thread *thread_self(void);
struct thread *area_alloc(void); /* host_tid is 1; NULL: no memory */
void area_free(struct thread *t);
/* A forked child keeps its own area alone. */
void areas_after_fork(struct thread *self);
void fill_lock(struct thread *t);
void fill_unlock(struct thread *t);
void flush_lock(struct thread *t);
void flush_unlock(struct thread *t);
void futex_sleep(const uint32_t *word, uint32_t val, unsigned ms);
void futex_rouse(const uint32_t *word);
void lock_take(uint32_t *lock);
void lock_drop(uint32_t *lock);

/* ---- lent.c: what is touched for a system call that is not over */
void lent_note(struct thread *t, uint64_t addr, uint64_t bytes);
void lent_end(struct thread *t);
/* Those of other threads, of which a child is to get copies: how many.  One fork at a time. */
uint32_t lent_fork_begin(struct thread *self, uint64_t (*out)[2], uint32_t max);
void lent_fork_end(void);
/* Another thread's call has been lent a page of the ranges (n == 0: of all), which are unmapped. */
bool lent_any(const struct thread *self, const uint64_t (*ranges)[2], uint32_t n);

/* ---- fill.c: the host's mappings */
enum fill_result {
	FILL_OK,
	FILL_FULL,
	FILL_FAR, /* far_learn() has to ask first */
	FILL_BROKEN,
};
uint64_t walk_entry(const struct thread *t, uint64_t addr);
bool entry_permits(uint64_t entry, int access);
bool entry_is_files(uint64_t entry);
uint64_t entry_frame(uint64_t entry);
/* Maps the page of addr, with `run` good neighbours too; the entry was read under the fill lock. */
enum fill_result fill(struct thread *t, uint64_t addr, uint64_t entry, bool run);
void drop_all(struct thread *t);
void flush_ranges(struct thread *t, const uint64_t (*ranges)[2], uint32_t n);
/* The supervisor's request on behalf of another process (proto.h); false: none was waiting. */
bool service_flush(struct thread *t);

/* ---- fault.c */
#define ACCESS_READ 0
#define ACCESS_WRITE 1
#define ACCESS_EXEC 2
struct refusal {
	int sig, code;
	uint64_t addr;
};
/* True: the access may be retried. */
bool fault_resolve(struct thread *t, uint64_t addr, int access, uint64_t ip, uint64_t sp, bool bus,
		   struct refusal *why);
void on_sync(int sig, siginfo_t *info, struct ucontext *uc);
_Noreturn void die_by(struct thread *t, int sig);

/* ---- signal.c, sigframe.c */
void on_async(int sig, siginfo_t *info, struct ucontext *uc);
/* Before going back to uc with something pending: 0: look again, 1: go, the stub continues. */
int on_leave(struct ucontext *uc);
/* A fault that the guest must answer for. */
void signal_fault(struct thread *t, siginfo_t *info, struct ucontext *uc);
void signals_install(struct thread *t);
/* Our handler for one of SIGS_VIRTUAL. */
void signal_catch(int sig, struct action *old);
/* In our handler: from here on something may fault, or wait. */
void signal_unblock_bus(void);
uint64_t host_mask(uint64_t guest_mask);
void host_set_mask(uint64_t mask);
/* False: the frame could not be written. */
bool frame_push(struct thread *t, struct ucontext *uc, const siginfo_t *info,
		const struct action *act, uint64_t saved_mask);
bool on_altstack(const struct thread *t, uint64_t sp);
int64_t altstack_set(struct thread *t, uint64_t sp, uint64_t base, uint64_t size, uint64_t flags);
/* Guest's rt_sigreturn: false: the frame is bad. */
bool frame_pop(struct thread *t, struct ucontext *uc);
/* Copy of a signal frame's context with its vector state at the top of another area. */
struct ucontext *frame_copy(struct thread *to, const struct ucontext *uc);

/* ---- held.c */
/* One that was sent, to this thread alone or to its process. */
void signal_virtual(struct thread *t, siginfo_t *info, bool to_thread);
/* After the mask, or what is waited for, has changed. */
void signal_recheck(struct thread *t);
uint64_t held_set(const struct thread *t);
/* One of them is open, and ends a call; has one that is a handler? */
bool held_wakes(const struct thread *t);
bool held_handled(const struct thread *t);
/* Takes one of the set. */
bool held_take(struct thread *t, uint64_t set, siginfo_t *info);
void held_forget(struct thread *t, uint64_t set);
void held_after_fork(struct thread *t);

/* ---- start.c */
void start_on_host_stack(uint64_t *sp);
void thread_set_altstack(struct thread *t);

/* ---- life.c: a new process makes itself known to the supervisor, or dies with a line */
void life_begin(struct thread *t);
/* The process's user ids may be others than before. */
void life_tie(void);

/* ---- spare.c: descriptors for the stub's own needs when the guest has none left */
/* Until it is restored to what is returned the soft limit is no lower than our numbers. */
uint64_t nofile_lift(void);
void nofile_restore(uint64_t soft);
/*
 * Makes one of our numbers (enum run_fd) lead to what fd does.  It is above what the guest may
 * open, mostly; another thread that has lifted the limit too may put it back meanwhile.
 */
int64_t own_dup(int64_t fd, int number, uint64_t flags);
#define NOFILE_AS_IT_IS UINT64_MAX
/* Some can be opened now, until they are taken back; the caller has closed what it opened then. */
uint64_t spares_lend(struct process *p);
void spares_take_back(struct process *p, uint64_t soft);
void spares_after_fork(struct process *p);
/* Calls fn with a descriptor of the file if it can be opened at all, and closes it. */
void spares_with_file(struct process *p, const char *path, uint64_t flags,
		      void (*fn)(int64_t fd, void *arg), void *arg);

/* ---- call.c: a system call of the guest */
struct call {
	struct thread *t;
	struct ucontext *uc;
	int64_t nr;
	uint64_t a[6];
};
void on_syscall(struct thread *t, const siginfo_t *info, struct ucontext *uc);
bool in_vsyscall(uint64_t addr);
/* The call with the arguments in c->a, which may point into the stub where the
 * table says nothing. */
int64_t call_native(struct call *c);
int64_t call_memory(struct call *c);
int64_t call_refuse(struct call *c, int err, uint64_t detail);
bool fd_is_ours(uint64_t fd);

/* ---- window.c */
/* Taken places among the windows that are stepped over before giving up. */
#define PLACE_TRIES 4096
uint64_t window_address(uint64_t bytes);

/* ---- thread.c, fork.c */
void child_main(struct ucontext *uc);
int64_t fork_process(struct call *c);

#endif
