/* SPDX-License-Identifier: MIT */
/*
 * port_run.c: the core's port under `quire run`: the host's, with the TLB being the guests' host
 * mappings, and RAM being a memfd.
 *
 * Guarantee D (port.h): a flush of the requester's own address space goes through its channel; an
 * address space in which no process lives has no translations; any other takes flush.c's way, and
 * so does one whose requester is stopped.
 */
#include "run/port/port_run.h"

#include "quire/port.h"
#include "quire/port_host.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/guest/creds.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/huge/history.h"
#include "run/link/channel.h"
#include "run/oom/oom.h"
#include "run/port/flush.h"
#include "run/port/ram.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

/* While a worker faults for its slot: the page that the guest maps anew if that
 * succeeds, plus 1. */
static __thread uint64_t filled_page;
/* Of the flush that this thread has just made: tlb_lent() is asked right after it. */
static __thread bool lent;

/*
 * The only thread of the address space is waiting for this fault and will map the page anew, in the
 * old one's place, before it runs: that is the flush.
 */
static bool fill_flushes(const struct slot *slot, const struct quire_tlb_range *ranges, unsigned n)
{
	return filled_page && n == 1 && ranges[0].start == (filled_page & ~1ull) &&
	       ranges[0].end == ranges[0].start + PAGE && atomic_load(&slot->space->nr_slots) == 1;
}

static void flush_own(struct slot *slot, const struct quire_tlb_range *ranges, unsigned n)
{
	struct space *space = slot->space;

	/*
	 * A killed vfork child leaves its parent's address space, with the translations.  A stopped
	 * thread would keep the core's locks from everybody.
	 */
	if (!channel_flush(slot, ranges, n, &lent) && atomic_load(&space->users))
		flush_remote(space, ranges, n, &lent);
}

static void tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		      const struct quire_tlb_range *ranges, unsigned n)
{
	struct space *space = cookie;
	struct slot *slot = current_slot;

	(void)ctx;
	(void)mm;
	lent = false;
	if (!space || !atomic_load(&space->users))
		return;
	if (!slot || slot->space != space || !atomic_load(&slot->started))
		flush_remote(space, ranges, n, &lent);
	else if (fill_flushes(slot, ranges, n))
		slot->unfilled = filled_page;
	else
		flush_own(slot, ranges, n);
}

/* Nobody is in a system call in an address space without threads, or whose only one has asked. */
static bool tlb_lent(void *ctx, struct quire_mm *mm, void *cookie,
		     const struct quire_tlb_range *ranges, unsigned n)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	(void)ranges;
	(void)n;
	return lent;
}

enum quire_fault_result fault_and_fill(struct slot *slot, uint64_t addr, enum quire_access access,
				       struct quire_fault *f)
{
	struct quire_tlb_range page = {PAGE_DOWN(addr), PAGE_DOWN(addr) + PAGE};
	enum quire_fault_result r;

	/* Another page: the one before has been mapped anew. */
	if (slot->unfilled != (page.start | 1))
		slot->unfilled = 0;
	filled_page = page.start | 1;
	r = quire_fault(slot->space->mm, addr, access, f);
	filled_page = 0;
	/* Also what an earlier answer left to a fill that found the entry gone. */
	if (r != QUIRE_FAULT_OK && slot->unfilled) {
		slot->unfilled = 0;
		flush_own(slot, &page, 1);
	}
	return r;
}

/* The thread whose request is being served, as it is now. */
static bool privileged(void *ctx, struct quire_mm *mm, void *cookie, enum quire_privilege which)
{
	const struct run *run = ctx;

	(void)mm;
	(void)cookie;
	if (which == QUIRE_MAY_MAP_LOW && run->low_for_all)
		return true;
	return current_slot &&
	       slot_capable(current_slot, which == QUIRE_MAY_LOCK ? CAP_IPC_LOCK : CAP_SYS_RAWIO);
}

/* On machines of several nodes. */
static struct quire_task *task(void *ctx)
{
	(void)ctx;
	return current_slot ? &current_slot->task : NULL;
}

static void log_line(void *ctx, enum quire_log_level level, const char *line)
{
	struct run *run = ctx;

	if (level == QUIRE_LOG_BUG)
		run_say(run, "BUG: %s", line);
	else if (level == QUIRE_LOG_WARN)
		run_note(run, "%s", line);
}

void port_run(struct run *run)
{
	quire_port_host(&run->port);
	run->port.ctx = run;
	run->port.tlb_flush = tlb_flush;
	run->port.tlb_lent = tlb_lent;
	run->port.ram_discard = ram_discard;
	run->port.log = log_line;
	run->port.oom = oom_kill;
	run->port.privileged = privileged;
	run->port.task = task;
	run->port.huge_event = huge_note;
}
