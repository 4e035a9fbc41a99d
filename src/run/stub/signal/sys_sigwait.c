/* SPDX-License-Identifier: MIT */
/*
 * sys_sigwait.c: calls that take signals instead of having them delivered.  The host is asked for
 * none of SIGS_VIRTUAL: it would give away a SIGBUS that is the supervisor's.  A sent one is
 * taken from where it is held (held.c); a signalfd never reports them.
 */
#include "run/stub/base/layout.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/signal/held.h"
#include "run/wire/atomic.h"
#include "run/wire/sys.h"

struct limit {
	int64_t sec, nsec;
};

static int64_t check_limit(uint64_t from)
{
	struct limit limit;

	if (!from)
		return 0;
	if (guest_read(&limit, from, sizeof(limit)))
		return -EFAULT;
	return limit.sec < 0 || limit.nsec < 0 || limit.nsec >= 1000000000 ? -EINVAL : 0;
}

static int64_t give(const siginfo_t *info, uint64_t to)
{
	if (to && guest_write(to, info, sizeof(*info)))
		return -EFAULT;
	return info->si_signo;
}

int64_t sys_sigtimedwait(struct call *c)
{
	struct thread *t = c->t;
	uint64_t set, host;
	siginfo_t info;
	int64_t r;

	if (c->a[3] != 8)
		return -EINVAL;
	if (guest_read(&set, c->a[0], 8))
		return -EFAULT;
	r = check_limit(c->a[2]);
	if (r)
		return r;
	host = set & ~SIGS_VIRTUAL;
	c->a[0] = sys_ptr(&host);
	/* From here on one that comes, or has come, ends the call: PENDING_VIRTUAL. */
	atomic_store(&t->waits_for, set & SIGS_FAULT);
	signal_recheck(t);
	r = call_native(c);
	atomic_store(&t->waits_for, 0);
	if ((r == RESTART || r == -EINTR || r == -EAGAIN) && held_take(t, set & SIGS_FAULT, &info))
		return give(&info, c->a[1]);
	signal_recheck(t);
	return r;
}

int64_t sys_signalfd(struct call *c)
{
	uint64_t set;

	if (c->a[2] != 8)
		return -EINVAL;
	if (guest_read(&set, c->a[1], 8))
		return -EFAULT;
	set &= ~SIGS_VIRTUAL;
	c->a[1] = sys_ptr(&set);
	return call_native(c);
}
