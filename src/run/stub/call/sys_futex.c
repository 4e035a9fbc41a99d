/* SPDX-License-Identifier: MIT */
/*
 * sys_futex.c: futexes, robust lists, and the word that is cleared when a thread ends.
 *
 * A futex that is not FUTEX_PRIVATE is keyed by the host by what is mapped there.  For shared
 * memory that is the frame, the same in every process: right.  For private memory the frame
 * changes with copy-on-write, while Linux keys by address: such calls are made private.  A page
 * that somebody waits on keeps its frame: it is noted as lent (fill/lent.c), and does not move.
 */
#include "run/stub/call/sys_futex.h"

#include "quire/quire.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/fill/fill_lock.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/wire/addresses.h"
#include "run/wire/sys.h"
#include "run/wire/atomic.h"

#include <linux/futex.h>

#define ROBUST_LIMIT 2048

static uint64_t entry_at(struct thread *t, uint64_t addr)
{
	uint64_t entry;

	fill_lock(t);
	entry = walk_entry(t, addr);
	fill_unlock(t);
	return entry;
}

/* A word that cannot be read is neither: the host is to say what is wrong with it.  The entry of a
 * page that moves says nothing until it is back. */
static bool page_is(struct thread *t, uint64_t addr, bool of_all)
{
	uint64_t entry;

	do {
		if (!touch_range(t, addr, 4, TOUCH_READ))
			return false;
		entry = entry_at(t, addr);
	} while (!(entry & QUIRE_PTE_PRESENT));
	return of_all == ((entry & QUIRE_PTE_SHARED) != 0);
}

static bool times_out(uint64_t cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
	       cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI;
}

static bool has_second(uint64_t cmd)
{
	return cmd == FUTEX_REQUEUE || cmd == FUTEX_CMP_REQUEUE || cmd == FUTEX_WAKE_OP ||
	       cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_CMP_REQUEUE_PI;
}

static bool touch_futex(struct thread *t, const uint64_t a[6])
{
	uint64_t cmd = a[1] & (uint64_t)FUTEX_CMD_MASK;
	bool ok = true;

	if (cmd != FUTEX_WAKE && cmd != FUTEX_WAKE_BITSET)
		ok = touch_range(t, a[0], 4,
				 cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
					 cmd == FUTEX_UNLOCK_PI || cmd == FUTEX_TRYLOCK_PI
				     ? TOUCH_WRITE
				     : TOUCH_READ);
	if (has_second(cmd))
		ok &= touch_range(t, a[4], 4, cmd == FUTEX_WAKE_OP ? TOUCH_WRITE : TOUCH_READ);
	if (times_out(cmd) && a[3])
		ok &= touch_range(t, a[3], 16, TOUCH_READ);
	return ok;
}

int64_t sys_futex(struct call *c)
{
	int64_t r = 0;

	c->a[1] = (uint32_t)c->a[1];
	if (c->a[0] >= GUEST_TASK_SIZE)
		c->a[0] = NOWHERE | (c->a[0] & 3);
	if (has_second(c->a[1] & (uint64_t)FUTEX_CMD_MASK) && c->a[4] >= GUEST_TASK_SIZE)
		c->a[4] = NOWHERE | (c->a[4] & 3);
	if (!(c->a[1] & FUTEX_PRIVATE_FLAG) && page_is(c->t, c->a[0], false))
		c->a[1] |= FUTEX_PRIVATE_FLAG;
	/* Mostly everything is there; a futex call that gives EFAULT has done nothing. */
	for (int i = 0;; i++) {
		uint32_t flushes = atomic_load(&shared.flushes);

		if (i && !touch_futex(c->t, c->a))
			return r;
		r = call_native(c);
		if (r != -EFAULT || fault_stays(i, flushes))
			return r;
	}
}

void futex_wake_guest(struct thread *t, uint64_t addr, uint32_t n)
{
	uint64_t op = FUTEX_WAKE;

	if (!page_is(t, addr, true))
		op |= FUTEX_PRIVATE_FLAG;
	sys(__NR_futex, addr, op, n);
}

int64_t sys_set_tid_address(struct call *c)
{
	c->t->clear_tid = c->a[0];
	return c->t->tid;
}

/* The host gets it too: it walks what is mapped if the process is killed. */
int64_t sys_set_robust_list(struct call *c)
{
	int64_t r = call_native(c);

	if (r == 0) {
		c->t->robust_head = c->a[0];
		c->t->robust_len = c->a[1];
	}
	return r;
}

int64_t sys_get_robust_list(struct call *c)
{
	return call_native(c);
}

/* One futex of a thread that ends: marked if it is ours, and one waiter woken. */
static void robust_release(struct thread *t, uint64_t addr, bool pending)
{
	for (;;) {
		int64_t word = guest_load32(addr);

		if (word < 0)
			return;
		if (((uint32_t)word & FUTEX_TID_MASK) != (uint32_t)t->tid) {
			/* Unlocked but not yet woken for. */
			if (pending && !word)
				futex_wake_guest(t, addr, 1);
			return;
		}
		if (probe_cmpxchg32(addr, (uint32_t)word,
				    ((uint32_t)word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) == word) {
			if ((uint32_t)word & FUTEX_WAITERS)
				futex_wake_guest(t, addr, 1);
			return;
		}
	}
}

void robust_list_exit(struct thread *t)
{
	struct {
		uint64_t next;
		int64_t offset;
		uint64_t pending;
	} head;
	uint64_t at, next;

	if (!t->robust_head || t->robust_len != sizeof(head) ||
	    guest_read(&head, t->robust_head, sizeof(head)))
		return;
	/* The lowest bit of an entry marks a priority-inheriting futex: the host's business. */
	for (int i = 0; i < ROBUST_LIMIT && (head.next & ~1ull) != t->robust_head; i++) {
		at = head.next & ~1ull;
		if (guest_read(&next, at, 8))
			break;
		if (!(head.next & 1) && at != (head.pending & ~1ull))
			robust_release(t, at + (uint64_t)head.offset, false);
		head.next = next;
	}
	if (head.pending && !(head.pending & 1))
		robust_release(t, (head.pending & ~1ull) + (uint64_t)head.offset, true);
}
