/* SPDX-License-Identifier: MIT */
/*
 * fault.c: SIGSEGV, SIGBUS and SIGSYS: what kind of event is it, and the life of a fault:
 *
 *   walk --good--> fill --done--> retry the instruction
 *     |              '--host full--> drop everything, walk again
 *     '--not good--> ask the supervisor --ok--> walk again
 *                                        '--refused--> the guest's signal, or a probe's fixup
 */
#include "run/stub/base/probe.h"
#include "run/stub/fill/window.h"

#define TRAP_PAGE_FAULT 14
#define TRAP_ALIGNMENT 17
#define ERR_WRITE 2u
#define ERR_FETCH 16u

/* enum quire_fault_result */
#define RESULT_OK 0
#define RESULT_SEGV 1
#define RESULT_BUS 2
#define RESULT_OOM 3

/* enum quire_fault_kind */
#define KIND_FILE_MINOR 3
#define KIND_FILE_MAJOR 4

/* So many answers without an entry that holds: something is broken, and looping would hide it. */
#define FAULTS_STUCK 2000

/*
 * What fault-around has mapped, and whatever a walk alone finds, comes in runs; a page that was
 * just made comes alone, its neighbours being filled already.
 */
static bool comes_in_run(const struct thread *t, unsigned asked)
{
	uint64_t kind = t->answer->v[3];

	return !asked || kind == KIND_FILE_MINOR || kind == KIND_FILE_MAJOR;
}

static enum fill_result try_fill(struct thread *t, uint64_t addr, int access, bool run, bool *good)
{
	enum fill_result r = FILL_OK;
	uint64_t entry;

	fill_lock(t);
	entry = walk_entry(t, addr);
	*good = entry_permits(entry, access);
	if (*good)
		r = fill(t, addr, entry, run);
	/* Nobody waited for us if we were stopped: what we walked may be gone. */
	if (t->service_waits) {
		*good = false;
		r = FILL_OK;
	}
	fill_unlock(t);
	return r;
}

/* True: the entry is good now. */
static bool ask(struct thread *t, uint64_t addr, int access, uint64_t ip, uint64_t sp, bool bus,
		struct refusal *why)
{
	int64_t r = bus ? rpc(t, OP_BUS, addr, (uint64_t)access, ip, sp)
			: rpc(t, OP_FAULT, addr, (uint64_t)access, ip, sp);

	if (r == RESULT_OK)
		return true;
	if (r == RESULT_OOM) {
		/* The supervisor has said so and chosen us. */
		sys(__NR_tgkill, sys(__NR_getpid), t->tid, SIGKILL);
		die("out of memory");
	}
	if (r != RESULT_SEGV && r != RESULT_BUS)
		die_error("the supervisor does not know what a fault is", r);
	why->sig = r == RESULT_SEGV ? SIGSEGV : SIGBUS;
	why->code = (int)t->answer->v[0];
	why->addr = t->answer->v[1];
	return false;
}

/* The supervisor may have left the flush of the page's old translation to the fill. */
static void give_up_fill(struct thread *t, uint64_t addr)
{
	uint64_t page[1][2] = {{PAGE_DOWN(addr), PAGE_DOWN(addr) + PAGE}};

	flush_lock(t);
	flush_ranges(t, page, 1);
	flush_unlock(t);
}

/* True: the entry is another by now, or its frame is known. */
static bool learn_far(struct thread *t, uint64_t addr)
{
	uint64_t frame;

	fill_lock(t);
	frame = entry_frame(walk_entry(t, addr));
	fill_unlock(t);
	return frame < FAR_FIRST || far_learn(t, frame);
}

bool fault_resolve(struct thread *t, uint64_t addr, int access, uint64_t ip, uint64_t sp, bool bus,
		   struct refusal *why)
{
	unsigned full = 0, asked = 0;

	if (bus && !ask(t, addr, access, ip, sp, true, why))
		return false;
	for (;;) {
		bool good;
		enum fill_result r = try_fill(t, addr, access, comes_in_run(t, asked), &good);

		if (good && r == FILL_OK)
			return true;
		if (r == FILL_FAR && learn_far(t, addr))
			continue;
		if (r == FILL_FAR || r == FILL_BROKEN || (r == FILL_FULL && ++full > 3)) {
			give_up_fill(t, addr);
			say("the host refuses to map a page, address", addr);
			*why = (struct refusal){SIGSEGV, SEGV_ACCERR, addr};
			return false;
		}
		if (r == FILL_FULL)
			drop_all(t);
		else if (!ask(t, addr, access, ip, sp, false, why))
			return false;
		else if (++asked > FAULTS_STUCK)
			die("the supervisor and the page table disagree");
	}
}

static int access_of(const struct ucontext *uc)
{
	if (uc->uc_mcontext.err & ERR_FETCH)
		return ACCESS_EXEC;
	return uc->uc_mcontext.err & ERR_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

static bool resolve_of(struct thread *t, int sig, const struct ucontext *uc, struct refusal *why)
{
	const struct sigcontext *r = &uc->uc_mcontext;

	return fault_resolve(t, r->cr2, access_of(uc), r->rip, r->rsp, sig == SIGBUS, why);
}

static void guest_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc)
{
	struct refusal why;

	/* The trap number is an old one when the kernel itself sends (SI_KERNEL). */
	if (uc->uc_mcontext.trapno == TRAP_PAGE_FAULT && info->si_code < SI_KERNEL) {
		if (resolve_of(t, sig, uc, &why))
			return;
		info->si_signo = why.sig;
		info->si_code = why.code;
		info->si_addr = (void *)why.addr;
	}
	signal_fault(t, info, uc);
}

static bool between(uint64_t ip, const char *start, const char *end)
{
	return ip >= sys_ptr(start) && ip < sys_ptr(end);
}

/* A fault of stub code: a probe's, or the guest has jumped here. */
static void stub_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc)
{
	struct sigcontext *r = &uc->uc_mcontext;
	struct refusal why;
	bool copy = between(r->rip, probe_copy_start, probe_copy_end);

	if (copy || between(r->rip, probe_word_start, probe_word_end)) {
		if (r->trapno == TRAP_PAGE_FAULT && r->cr2 < GUEST_TASK_SIZE &&
		    resolve_of(t, sig, uc, &why))
			return;
		r->rip = sys_ptr(copy ? probe_copy_fixup : probe_word_fixup);
		return;
	}
	if ((struct thread *)(r->rsp & ~(THREAD_AREA - 1)) == t) {
		say("fault in the stub, instruction", r->rip);
		say("   address", r->cr2);
		say("   signal", (uint64_t)sig);
		die_by(t, sig);
	}
	signal_fault(t, info, uc);
}

/*
 * The host drops a signal's origin when its queue is full.  One without is the service's while
 * there is a request whose signal has not been seen, be it served already (with an answer, or when
 * another signal came).  The signal of the one before may still be on its way.
 */
static bool from_supervisor(struct thread *t, const siginfo_t *info, bool served)
{
	uint32_t seq = at_load(&t->answer->service_seq), unseen = seq - t->service_seen;

	if (info->si_code == SI_QUEUE) {
		if (info->si_pid != (int)INFO->supervisor_pid)
			return false;
	} else if (info->si_code != SI_USER || info->si_pid || (!served && !unseen)) {
		return false;
	}
	t->service_seen = unseen > 1 ? seq - 1 : seq;
	return true;
}

/* Sent by somebody: ours to hold back, because the host must not block these. */
static void sent_signal(struct thread *t, siginfo_t *info, struct ucontext *uc, bool served)
{
	uint64_t ip = uc->uc_mcontext.rip;

	if (info->si_signo != SIGBUS || !from_supervisor(t, info, served))
		signal_virtual(t, info, info->si_code == SI_TKILL);
	else
		signal_recheck(t);
	if (t->in_call)
		t->restarts = true;
	/* rcx says that the kernel has been there. */
	if (ip == sys_ptr(guest_syscall_insn) &&
	    uc->uc_mcontext.rcx == sys_ptr(guest_syscall_after) &&
	    t->interrupted == NOT_INTERRUPTED)
		t->interrupted = WENT_BACK;
	if (!t->pending && !t->flushed)
		return;
	if (ip >= sys_ptr(guest_syscall_start) && ip <= sys_ptr(guest_syscall_insn))
		uc->uc_mcontext.rip = sys_ptr(guest_syscall_abort);
	else if (ip >= sys_ptr(leave_check) && ip <= sys_ptr(leave_insn))
		uc->uc_mcontext.rip = sys_ptr(leave_check);
}

/*
 * si_code says less than it seems: a child's end has codes that are a fault's, too, if clone named
 * one of these signals for it.  So what the code says must agree with what the CPU was doing.  (A
 * siginfo of the guest's own making that says so does not come here: sys_sigqueue.c.)  No child has
 * the number and the user that an address of vsyscall would be.
 */
static bool is_trapped_call(int sig, const siginfo_t *info, const struct ucontext *uc)
{
	uint64_t addr = sys_ptr(info->si_call_addr);

	return sig == SIGSYS && info->si_code == SYS_SECCOMP &&
	       (addr == uc->uc_mcontext.rip || in_vsyscall(addr));
}

static bool is_fault(int sig, const siginfo_t *info, const struct ucontext *uc)
{
	const struct sigcontext *r = &uc->uc_mcontext;

	if (sig == SIGSYS || info->si_code <= 0)
		return false;
	if (info->si_code == SI_KERNEL)
		return true;
	if (r->trapno == TRAP_ALIGNMENT)
		return sig == SIGBUS && info->si_code == BUS_ADRALN;
	return r->trapno == TRAP_PAGE_FAULT && r->cr2 == sys_ptr(info->si_addr);
}

void on_sync(int sig, siginfo_t *info, struct ucontext *uc)
{
	struct thread *t = thread_self();
	bool fault = is_fault(sig, info, uc), served;

	if (sig == SIGBUS && fault)
		signal_unblock_bus();
	/* A pending SIGBUS swallows the next: whichever has come, it may stand for the service. */
	served = sig == SIGBUS && service_flush(t);
	if (is_trapped_call(sig, info, uc))
		on_syscall(t, info, uc);
	else if (!fault)
		sent_signal(t, info, uc, served);
	else if (in_stub(uc->uc_mcontext.rip))
		stub_fault(t, sig, info, uc);
	else
		guest_fault(t, sig, info, uc);
}

void die_by(struct thread *t, int sig)
{
	struct action dfl = {0};
	uint64_t mask = 0;

	sys(__NR_rt_sigaction, sig, &dfl, NULL, 8);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	sys(__NR_tgkill, sys(__NR_getpid), t->tid, sig);
	for (;;)
		sys(__NR_exit_group, 128 + sig);
}
