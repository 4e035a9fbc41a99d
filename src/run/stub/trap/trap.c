/* SPDX-License-Identifier: MIT */
/*
 * trap.c: SIGSEGV, SIGBUS and SIGSYS: what has come: a fault, a system call, a flush that is asked
 * for, or a signal that somebody has sent.
 */
#include "run/stub/trap/trap.h"

#include "run/stub/base/area.h"
#include "run/stub/base/guest_syscall.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/signal/held.h"
#include "run/stub/signal/leave.h"
#include "run/stub/signal/signal.h"
#include "run/stub/trap/fault.h"
#include "run/stub/trap/syscall.h"
#include "run/wire/atomic.h"
#include "run/wire/sys.h"

#define TRAP_PAGE_FAULT 14
#define TRAP_ALIGNMENT 17

/*
 * The host drops a signal's origin when its queue is full.  One without is the service's while
 * there is a request whose signal has not been seen, be it served already (with an answer, or when
 * another signal came).  The signal of the one before may still be on its way.
 */
static bool from_supervisor(struct thread *t, const siginfo_t *info, bool served)
{
	uint32_t seq = atomic_load(&t->answer->service_seq), unseen = seq - t->service_seen;

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
