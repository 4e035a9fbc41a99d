/* SPDX-License-Identifier: MIT */
/*
 * sys_signal.c: the guest's calls about signals: its masks and actions, mirrored in the host's.
 */
#include "run/stub/base/area.h"
#include "run/stub/base/layout.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/signal/held.h"
#include "run/stub/signal/leave.h"
#include "run/stub/signal/sigframe.h"
#include "run/stub/signal/signal.h"
#include "run/wire/sys.h"

#include <linux/signal.h>

#define FLAGS_HOST ((uint64_t)(SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT))
#define FLAGS_KNOWN                                                                                \
	((uint64_t)(FLAGS_HOST | SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_EXPOSE_TAGBITS |       \
		    SA_NODEFER | SA_RESETHAND))

/* What the host shall do for a guest's handler: call us. */
static struct action host_action_of(const struct action *act)
{
	return (struct action){sys_ptr((const void *)entry_async),
			       SA_SIGINFO | SA_ONSTACK | SA_RESTORER | (act->flags & FLAGS_HOST),
			       sys_ptr((const void *)entry_restorer), HOST_ALL_BLOCKED};
}

static void action_get_locked(struct process *p, int sig, struct action *old)
{
	*old = p->actions[sig];
	/* Default or ignored: the host keeps flags and mask too. */
	if (old->handler <= HANDLER_IGN && !sig_is_virtual(sig))
		sys(__NR_rt_sigaction, sig, NULL, old, 8);
}

static int64_t action_set_locked(struct thread *t, int sig, const struct action *act)
{
	struct process *p = t->proc;
	struct action host = *act;
	int64_t r = 0;

	if (act->handler == HANDLER_IGN)
		held_forget(t, SIGBIT(sig));
	if (sig_is_virtual(sig)) {
		p->actions[sig] = *act;
		return 0;
	}
	if (act->handler > HANDLER_IGN) {
		p->actions[sig] = *act;
		host = host_action_of(act);
	}
	r = sys(__NR_rt_sigaction, sig, &host, NULL, 8);
	if (r == 0)
		p->actions[sig] = *act;
	return r;
}

int64_t sys_sigaction(struct call *c)
{
	int sig = (int)c->a[0];
	struct process *p = c->t->proc;
	struct action act, old;
	int64_t r = 0;

	if (c->a[3] != 8 || sig < 1 || sig > NR_SIGNALS)
		return -EINVAL;
	if (c->a[1]) {
		if (guest_read(&act, c->a[1], sizeof(act)))
			return -EFAULT;
		if (SIGBIT(sig) & SIGS_UNBLOCKABLE)
			return -EINVAL;
		act.mask &= ~SIGS_UNBLOCKABLE;
		act.flags &= FLAGS_KNOWN;
	}
	lock_take(&p->lock);
	action_get_locked(p, sig, &old);
	if (c->a[1])
		r = action_set_locked(c->t, sig, &act);
	lock_drop(&p->lock);
	if (r == 0 && c->a[2] && guest_write(c->a[2], &old, sizeof(old)))
		r = -EFAULT;
	return r;
}

int64_t sys_sigprocmask(struct call *c)
{
	struct thread *t = c->t;
	uint64_t old = t->mask, set;

	if (c->a[3] != 8)
		return -EINVAL;
	if (c->a[1]) {
		if (guest_read(&set, c->a[1], 8))
			return -EFAULT;
		switch ((int)c->a[0]) {
		case SIG_BLOCK:
			set = old | set;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		t->mask = set & ~SIGS_UNBLOCKABLE;
		c->uc->uc_sigmask = host_mask(t->mask);
		signal_recheck(t);
	}
	if (c->a[2] && guest_write(c->a[2], &old, 8))
		return -EFAULT;
	return 0;
}

int64_t sys_sigreturn(struct call *c)
{
	if (!frame_pop(c->t, c->uc)) {
		siginfo_t info = {.si_signo = SIGSEGV, .si_code = SI_KERNEL};

		signal_fault(c->t, &info, c->uc);
	}
	return 0;
}

struct altstack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};

int64_t sys_sigaltstack(struct call *c)
{
	struct thread *t = c->t;
	uint64_t sp = c->uc->uc_mcontext.rsp;
	struct altstack old = {t->alt_sp, 0, 0, t->alt_size}, new;
	int64_t r = 0;

	old.flags = (int32_t)(t->alt_flags & SS_AUTODISARM);
	if (!t->alt_size)
		old.flags |= SS_DISABLE;
	else if (on_altstack(t, sp))
		old.flags |= SS_ONSTACK;
	if (c->a[0]) {
		if (guest_read(&new, c->a[0], sizeof(new)))
			return -EFAULT;
		r = altstack_set(t, sp, new.sp, new.size, (uint32_t) new.flags);
	}
	if (r == 0 && c->a[1] && guest_write(c->a[1], &old, sizeof(old)))
		r = -EFAULT;
	return r;
}

int64_t sys_sigpending(struct call *c)
{
	uint64_t set = 0;
	int64_t r;

	if (c->a[1] > 8)
		return -EINVAL;
	r = sys(__NR_rt_sigpending, &set, 8);
	set |= held_set(c->t) & c->t->mask;
	if (r == 0 && guest_write(c->a[0], &set, c->a[1]))
		r = -EFAULT;
	return r;
}

/* A call that replaces the mask while it sleeps; the mask is at `ptr`, 0: none. */
static int64_t call_masked(struct call *c, uint64_t ptr, uint64_t bytes, uint64_t *arg)
{
	struct thread *t = c->t;
	uint64_t mask, host;
	int64_t r;

	if (!ptr) {
		return call_native(c);
	}
	if (bytes != 8)
		return -EINVAL;
	if (guest_read(&mask, ptr, 8))
		return -EFAULT;
	t->wait_mask = mask & ~SIGS_UNBLOCKABLE;
	host = host_mask(t->wait_mask);
	*arg = sys_ptr(&host);
	t->has_wait_mask = true;
	signal_recheck(t);
	r = call_native(c);
	if ((r == -EINTR || r == RESTART) && held_wakes(t)) {
		t->held_ends_wait = true;
		/* What ends the program, or is ignored after all, ends no call. */
		r = held_handled(t) ? -EINTR : RESTART;
	}
	t->has_wait_mask = false;
	signal_recheck(t);
	return r;
}

int64_t sys_sigsuspend(struct call *c)
{
	return call_masked(c, c->a[0], c->a[1], &c->a[0]);
}

int64_t sys_ppoll(struct call *c)
{
	return call_masked(c, c->a[3], c->a[4], &c->a[3]);
}

int64_t sys_epoll_pwait(struct call *c)
{
	return call_masked(c, c->a[4], c->a[5], &c->a[4]);
}

int64_t sys_pselect(struct call *c)
{
	uint64_t pack[2];

	if (!c->a[5])
		return call_native(c);
	if (guest_read(pack, c->a[5], sizeof(pack)))
		return -EFAULT;
	c->a[5] = sys_ptr(pack);
	return call_masked(c, pack[0], pack[1], &pack[0]);
}
