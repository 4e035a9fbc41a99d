/* SPDX-License-Identifier: MIT */
/*
 * sys_sigqueue.c: calls that send a signal with a siginfo of the caller's making.
 *
 * Such a signal may look like the kernel's own word on a fault or a trapped system call (si_code
 * above 0), or the supervisor's (0), but only where a process sends it to itself: to others it is
 * refused.  So it never goes by the host, where our handler could not tell it from a real one: it
 * is held for the guest as one that has come.  Those that the host may block are held where they
 * go to the thread alone: see held.c.
 */
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/signal/held.h"
#include "run/wire/sys.h"

/* A flag of pidfd_send_signal that older headers do not have. */
#define PIDFD_SIGNAL_THREAD 1u
/* The host's struct; what follows it in the guest's is zero in what a handler sees. */
#define INFO_BYTES 48

static bool looks_like_a_fault(int sig, const siginfo_t *info, bool thread)
{
	uint64_t sigs = thread ? SIGS_FAULT : SIGS_VIRTUAL;

	return sig >= 1 && sig <= NR_SIGNALS && (SIGBIT(sig) & sigs) && info->si_code >= 0;
}

/*
 * May a signal with the kernel's si_code be sent there?  Signal 0 is sent in its stead, for the
 * host's answer on the rights.
 */
static int64_t ask_host(const struct call *c, int at_sig, const siginfo_t *info)
{
	siginfo_t asked = *info;
	struct call ask = *c;

	asked.si_signo = 0;
	asked.si_code = SI_TKILL;
	ask.a[at_sig] = 0;
	ask.a[at_sig + 1] = sys_ptr(&asked);
	return call_native(&ask);
}

static int64_t to_oneself(struct call *c, int at_sig, siginfo_t *info, bool thread)
{
	int64_t r = ask_host(c, at_sig, info);

	if (r)
		return r;
	info->si_signo = (int)c->a[at_sig];
	memset((char *)info + INFO_BYTES, 0, sizeof(*info) - INFO_BYTES);
	signal_virtual(c->t, info, thread);
	return 0;
}

/* Our copy goes to the host: the guest's may be another one by then.  False: it cannot be read. */
static bool copy_info(struct call *c, int at_info, siginfo_t *info)
{
	uint64_t from = c->a[at_info];

	memset(info, 0, sizeof(*info));
	c->a[at_info] = NOWHERE;
	if (guest_read(info, from, INFO_BYTES))
		return false;
	/* What the host wants to be zero there, if it looks at all. */
	guest_read((char *)info + INFO_BYTES, from + INFO_BYTES, sizeof(*info) - INFO_BYTES);
	c->a[at_info] = sys_ptr(info);
	return true;
}

static int64_t queue(struct call *c, int at_sig, bool thread)
{
	siginfo_t info;

	if (copy_info(c, at_sig + 1, &info) && looks_like_a_fault((int)c->a[at_sig], &info, thread))
		return to_oneself(c, at_sig, &info, thread);
	return call_native(c);
}

int64_t sys_rt_sigqueueinfo(struct call *c)
{
	return queue(c, 1, false);
}

int64_t sys_rt_tgsigqueueinfo(struct call *c)
{
	return queue(c, 2, true);
}

int64_t sys_pidfd_send_signal(struct call *c)
{
	int sig = (int)c->a[1];
	bool thread = (c->a[3] & PIDFD_SIGNAL_THREAD) != 0;
	siginfo_t info;

	if (!c->a[2] || !copy_info(c, 2, &info) || info.si_signo != sig ||
	    !looks_like_a_fault(sig, &info, thread))
		return call_native(c);
	return to_oneself(c, 1, &info, thread);
}
