/* SPDX-License-Identifier: MIT */
/*
 * touch.c: has the host map guest pages before its kernel uses them.
 *
 * A touch is an ordinary access: what is not there faults and is filled.  The supervisor
 * is asked for many pages at once where many are missing.
 */
#include "run/stub/mem/touch.h"

#include "quire/quire.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/fill/lent.h"
#include "run/stub/link/rpc.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"

#define BULK_PAGES 4
#define PATH_MAX 4096

/* Asks once for all pages from the first that is not good; looks without the lock: a hint. */
static void touch_bulk(struct thread *t, uint64_t addr, uint64_t end, enum quire_access access)
{
	for (uint64_t at = PAGE_DOWN(addr); at < end; at += PAGE) {
		if (!entry_permits(walk_entry(t, at), access)) {
			rpc(t, OP_TOUCH, at, end - at, (uint64_t)access);
			return;
		}
	}
}

bool touch_range(struct thread *t, uint64_t addr, uint64_t n, int how)
{
	bool write = how & TOUCH_WRITE;
	uint64_t end;

	if (!n)
		return true;
	if (!guest_range(addr, n))
		return false;
	end = addr + n;
	lent_note(t, addr, n);
	if (n > BULK_PAGES * PAGE)
		touch_bulk(t, addr, end, write ? QUIRE_WRITE : QUIRE_READ);
	for (uint64_t at = addr; at < end; at = PAGE_DOWN(at) + PAGE) {
		if (write ? probe_touch_write(at) : probe_touch_read(at))
			return false;
	}
	return true;
}

bool touch_string(struct thread *t, uint64_t addr)
{
	(void)t; /* copied by the host before it does anything: not lent */
	return guest_strnlen(addr, PATH_MAX) >= 0;
}
