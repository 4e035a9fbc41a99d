/* SPDX-License-Identifier: MIT */
/*
 * signal.c: when a signal of the guest's comes, and when its handler is entered.
 *
 *   host signal --in guest code--> frame_push, handler
 *        '------in the stub-----> noted (PENDING_ASYNC), the stub goes on with all signals
 *                                  blocked; frame_push when it leaves to the guest
 *
 * Host masks and dispositions mirror the guest's: a signal that the guest blocks, ignores or
 * leaves to its default never comes here.  SIGS_VIRTUAL are caught always; a sent one
 * is kept while the guest blocks it (held.c).
 *
 *   1. thread->mask is the guest's whole mask.  The ucontext of a guest frame carries what the
 *      host shall block after the leave: host_mask(thread->mask).
 *   2. At most one signal is noted in thread->async: all others stay pending in the host.
 */
#include "run/stub/signal/signal.h"

#include "run/stub/base/area.h"
#include "run/stub/base/guest_syscall.h"
#include "run/stub/base/layout.h"
#include "run/stub/base/stub.h"
#include "run/stub/signal/held.h"
#include "run/stub/signal/leave.h"
#include "run/stub/signal/sigframe.h"
#include "run/wire/addresses.h"
#include "run/wire/sys.h"

uint64_t host_mask(uint64_t guest_mask)
{
	return guest_mask & ~(SIGS_VIRTUAL | SIGS_UNBLOCKABLE);
}

void host_set_mask(uint64_t mask)
{
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

/* The action as it is now; a one-shot handler is taken out. */
static struct action take_action(struct process *p, int sig)
{
	struct action act, dfl = {0};

	lock_take(&p->lock);
	act = p->actions[sig];
	if (act.handler > HANDLER_IGN && (act.flags & SA_RESETHAND)) {
		p->actions[sig].handler = HANDLER_DFL;
		if (!sig_is_virtual(sig))
			sys(__NR_rt_sigaction, sig, &dfl, NULL, 8);
	}
	lock_drop(&p->lock);
	return act;
}

static void deliver(struct thread *t, const siginfo_t *info, uint64_t base, struct ucontext *uc);

/* No frame can be written: SIGSEGV, as the kernel does it. */
static void deliver_failed(struct thread *t, int sig, struct ucontext *uc)
{
	siginfo_t info = {0};

	if (sig == SIGSEGV || t->proc->actions[SIGSEGV].handler <= HANDLER_IGN ||
	    (t->mask & SIGBIT(SIGSEGV)))
		die_by(t, SIGSEGV);
	info.si_signo = SIGSEGV;
	info.si_code = SI_KERNEL;
	deliver(t, &info, t->mask, uc);
}

/* It came while there was a handler, which another thread has taken away since. */
static void deliver_unhandled(struct thread *t, const siginfo_t *info, uint64_t handler)
{
	int sig = info->si_signo;

	if (!sig_is_virtual(sig))
		sys(__NR_rt_tgsigqueueinfo, sys(__NR_getpid), t->tid, sig, info);
	else if (handler == HANDLER_DFL)
		die_by(t, sig);
}

static void deliver(struct thread *t, const siginfo_t *info, uint64_t base, struct ucontext *uc)
{
	int sig = info->si_signo;
	struct action act = take_action(t->proc, sig);

	if (act.handler <= HANDLER_IGN) {
		deliver_unhandled(t, info, act.handler);
		return;
	}
	if (!frame_push(t, uc, info, &act, t->mask)) {
		deliver_failed(t, sig, uc);
		return;
	}
	t->mask = base | act.mask;
	if (!(act.flags & SA_NODEFER))
		t->mask |= SIGBIT(sig);
	t->mask &= ~SIGS_UNBLOCKABLE;
	uc->uc_sigmask = host_mask(t->mask);
	signal_recheck(t);
}

static bool interrupts_stub(const struct thread *t, const struct ucontext *uc)
{
	return in_stub(uc->uc_mcontext.rip) &&
	       (uc->uc_mcontext.rsp & ~(THREAD_AREA - 1)) == sys_ptr(t);
}

/* Sends the stub back from between looking at `pending` and acting on it. */
static void unwind(struct sigcontext *r)
{
	if (r->rip >= sys_ptr(leave_check) && r->rip <= sys_ptr(leave_insn)) {
		r->rip = sys_ptr(leave_check);
	} else if (r->rip >= sys_ptr(guest_syscall_start) &&
		   r->rip <= sys_ptr(guest_syscall_insn)) {
		/* The kernel meant to continue a sleep; a handler ends that. */
		if (r->rip == sys_ptr(guest_syscall_insn) && r->rax == NR_RESTART_SYSCALL) {
			r->rax = (uint64_t)-EINTR;
			r->rip = sys_ptr(guest_syscall_after);
		} else {
			r->rip = sys_ptr(guest_syscall_abort);
		}
	}
}

static void note(struct thread *t, const siginfo_t *info, struct ucontext *uc)
{
	struct sigcontext *r = &uc->uc_mcontext;

	t->async.info = *info;
	t->async.in_wait = t->has_wait_mask && r->rip == sys_ptr(guest_syscall_after) &&
			   r->rax == (uint64_t)-EINTR;
	t->async.wait_mask = t->wait_mask;
	__atomic_or_fetch(&t->pending, PENDING_ASYNC, __ATOMIC_SEQ_CST);
	unwind(r);
	uc->uc_sigmask = HOST_ALL_BLOCKED;
}

void on_async(int sig, siginfo_t *info, struct ucontext *uc)
{
	struct thread *t = thread_self();

	(void)sig;
	if (interrupts_stub(t, uc))
		note(t, info, uc);
	else
		deliver(t, info, t->mask, uc);
}

static void deliver_virtual(struct thread *t, struct ucontext *uc)
{
	uint64_t base = t->held_ends_wait ? t->wait_mask : t->mask;
	siginfo_t info;
	bool got = held_take(t, ~base, &info);

	t->held_ends_wait = false;
	if (got)
		deliver(t, &info, base, uc);
	signal_recheck(t);
}

int on_leave(struct ucontext *uc)
{
	struct thread *t = thread_self();

	if (interrupts_stub(t, uc)) {
		if (t->pending & PENDING_ASYNC)
			uc->uc_sigmask = HOST_ALL_BLOCKED;
		return 1;
	}
	signal_unblock_bus(); /* writing a frame may fault */
	if (t->pending & PENDING_ASYNC) {
		struct signal s = t->async;

		__atomic_and_fetch(&t->pending, ~PENDING_ASYNC, __ATOMIC_SEQ_CST);
		t->held_ends_wait = false;
		deliver(t, &s.info, s.in_wait ? s.wait_mask : t->mask, uc);
	} else {
		deliver_virtual(t, uc);
	}
	return 0;
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

void signal_fault(struct thread *t, siginfo_t *info, struct ucontext *uc)
{
	int sig = info->si_signo;

	if ((t->mask & SIGBIT(sig)) || t->proc->actions[sig].handler <= HANDLER_IGN)
		die_by(t, sig);
	deliver(t, info, t->mask, uc);
}

/*
 * SIGBUS is blocked while one is noted: whoever sends them faster than that would fill our stack
 * with their frames.  The others come with every fault and every call: another call each would be
 * dear.
 */
static void catch (int sig, void (*way_in)(void), struct action *old)
{
	uint64_t nested = sig == SIGBUS ? 0 : SA_NODEFER;
	struct action act = {sys_ptr((const void *)way_in),
			     SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_RESTART | nested,
			     sys_ptr((const void *)entry_restorer), 0};

	sys(__NR_rt_sigaction, sig, &act, old, 8);
}

void signal_unblock_bus(void)
{
	uint64_t bus = SIGBIT(SIGBUS);

	sys(__NR_rt_sigprocmask, SIG_UNBLOCK, &bus, NULL, 8);
}

static void install_virtual(struct process *p, int sig, void (*way_in)(void))
{
	struct action old;

	catch (sig, way_in, &old);
	p->actions[sig].handler = old.handler == HANDLER_IGN ? HANDLER_IGN : HANDLER_DFL;
}

/* In a fresh stub: ignored signals, and in the first one the mask, are what execve handed on. */
void signals_install(struct thread *t, void (*way_in)(void))
{
	sys(__NR_rt_sigprocmask, SIG_SETMASK, NULL, &t->mask, 8);
	install_virtual(t->proc, SIGSEGV, way_in);
	install_virtual(t->proc, SIGBUS, way_in);
	install_virtual(t->proc, SIGSYS, way_in);
}
