/* SPDX-License-Identifier: MIT */
/*
 * held.c: SIGSEGV, SIGBUS and SIGSYS that were sent, until the guest takes them; and SIGILL,
 * SIGTRAP and SIGFPE that a thread has forged for itself (sys_sigqueue.c).
 *
 * The host must never block these, nor wait for them on the guest's behalf: it would take the
 * service's SIGBUS (proto.h) with them.  So one that comes while the guest blocks it is kept here,
 * and a call that waits for some says so in thread->waits_for.  The others the host may block.  But
 * with the SIGSYS of every call it would hand out, blocked or not, one that says of itself that a
 * fault of this very thread has caused it.
 *
 *   1. All words change atomically: a handler may come between any two instructions of this.
 *   2. A bit of `claimed` belongs to the thread that set it until the bit of `set` stands.  When
 *      that bit is cleared, it belongs to the thread that cleared it: nobody else touches the
 *      signal's info.
 *   3. The host gives a signal to the process to any thread.  One that blocks it holds it for the
 *      process, then looks whether another has it open; one that opens it stores its mask, then
 *      looks at what is held.  So one of them sees the other.
 */
#include "run/stub/signal/held.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"
#include "run/wire/sys.h"

/* Of SIGS_FAULT, as they are taken. */
static const int held_order[] = {SIGSEGV, SIGBUS, SIGSYS, SIGILL, SIGTRAP, SIGFPE};
#define NR_ORDER (int)(sizeof(held_order) / sizeof(held_order[0]))

static siginfo_t *info_of(struct held *h, int sig)
{
	int i = 0;

	while (held_order[i] != sig)
		i++;
	return &h->info[i];
}

/* One of a number is kept, as by the kernel. */
static void put(struct held *h, const siginfo_t *info)
{
	uint64_t bit = SIGBIT(info->si_signo);

	if (__atomic_fetch_or(&h->claimed, bit, __ATOMIC_SEQ_CST) & bit)
		return;
	*info_of(h, info->si_signo) = *info;
	__atomic_fetch_or(&h->set, bit, __ATOMIC_SEQ_CST);
}

static bool take(struct held *h, int sig, siginfo_t *info)
{
	uint64_t bit = SIGBIT(sig);

	if (!(__atomic_fetch_and(&h->set, ~bit, __ATOMIC_SEQ_CST) & bit))
		return false;
	*info = *info_of(h, sig);
	__atomic_fetch_and(&h->claimed, ~bit, __ATOMIC_SEQ_CST);
	return true;
}

/* What this thread would take now. */
static uint64_t open_set(const struct thread *t)
{
	if (atomic_load(&t->has_wait_mask) || t->held_ends_wait)
		return ~t->wait_mask;
	return ~atomic_load(&t->mask) | atomic_load(&t->waits_for);
}

uint64_t held_set(const struct thread *t)
{
	return atomic_load(&t->held.set) | atomic_load(&t->proc->held.set);
}

bool held_wakes(const struct thread *t)
{
	return (held_set(t) & open_set(t)) != 0;
}

void signal_recheck(struct thread *t)
{
	/* Behind the new mask: rule 3's other side. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (held_wakes(t))
		__atomic_or_fetch(&t->pending, PENDING_VIRTUAL, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&t->pending, ~PENDING_VIRTUAL, __ATOMIC_SEQ_CST);
}

/* Another thread of the process that would take it; 0: none. */
static int32_t find_open(const struct thread *t, uint64_t bit)
{
	for (uint32_t i = 0; i < atomic_load(&shared.nr_areas); i++) {
		const struct thread *o = thread_at(i);

		if (o != t && atomic_load(&o->host_tid) > 1 && o->proc == t->proc && o->tid &&
		    (open_set(o) & bit))
			return o->tid;
	}
	return 0;
}

/*
 * To the process, by way of a thread that blocks it: a thread that has it open shall look.  It is
 * told by a signal that says it is the supervisor's, and asks for nothing.
 */
static void hold_for_process(struct thread *t, const siginfo_t *info)
{
	siginfo_t look = {.si_signo = SIGBUS, .si_code = SI_QUEUE};
	int32_t tid;

	put(&t->proc->held, info);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	tid = find_open(t, SIGBIT(info->si_signo));
	look.si_pid = (int)INFO->supervisor_pid;
	if (tid)
		sys(__NR_rt_tgsigqueueinfo, sys(__NR_getpid), tid, SIGBUS, &look);
}

void signal_virtual(struct thread *t, siginfo_t *info, bool to_thread)
{
	/* Ignored but blocked ones are kept, too: the guest may wait for them. */
	if (t->proc->actions[info->si_signo].handler == HANDLER_IGN &&
	    (open_set(t) & SIGBIT(info->si_signo)))
		return;
	if (to_thread || (open_set(t) & SIGBIT(info->si_signo)))
		put(&t->held, info);
	else
		hold_for_process(t, info);
	signal_recheck(t);
}

bool held_handled(const struct thread *t)
{
	uint64_t set = held_set(t) & open_set(t);

	for (int sig = 1; sig <= SIGSYS; sig++) {
		if ((set & SIGBIT(sig)) && t->proc->actions[sig].handler > HANDLER_IGN)
			return true;
	}
	return false;
}

bool held_take(struct thread *t, uint64_t set, siginfo_t *info)
{
	bool got = false;

	for (int i = 0; i < NR_ORDER && !got; i++) {
		if (set & SIGBIT(held_order[i]))
			got = take(&t->held, held_order[i], info) ||
			      take(&t->proc->held, held_order[i], info);
	}
	signal_recheck(t);
	return got;
}

void held_forget(struct thread *t, uint64_t set)
{
	siginfo_t info;

	while (held_take(t, set, &info))
		;
}

void held_after_fork(struct thread *t)
{
	memset(&t->held, 0, sizeof(t->held));
	memset(&t->proc->held, 0, sizeof(t->proc->held));
}
