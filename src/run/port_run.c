/* SPDX-License-Identifier: MIT */
/*
 * port_run.c: the core's port under `quire run`: the host's, with the TLB being the guests' host
 * mappings, and RAM being a memfd.
 *
 * Guarantee D (port.h): a flush of the requester's own address space goes through its channel; an
 * address space in which no process lives has no translations; any other takes flush.c's way.
 */
#include "run/engine.h"

#include "quire/port_host.h"

/*
 * The only thread of the address space is waiting for this fault and will map the page anew, in the
 * old one's place, before it runs: that is the flush.
 */
static bool fill_flushes(const struct slot *slot, const struct quire_tlb_range *ranges, unsigned n)
{
	return filled_page && n == 1 && ranges[0].start == (filled_page & ~1ull) &&
	       ranges[0].end == ranges[0].start + PAGE && at_load(&slot->space->nr_slots) == 1;
}

static void tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		      const struct quire_tlb_range *ranges, unsigned n)
{
	struct space *space = cookie;
	struct slot *slot = current_slot;

	(void)ctx;
	(void)mm;
	if (!space || !at_load(&space->users))
		return;
	if (slot && slot->space == space && at_load(&slot->started)) {
		/* A killed vfork child leaves its parent's address space, with the translations. */
		if (!fill_flushes(slot, ranges, n) && !channel_flush(slot, ranges, n) &&
		    at_load(&space->users))
			flush_remote(space, ranges, n);
	} else {
		flush_remote(space, ranges, n);
	}
}

static void log_line(void *ctx, enum quire_log_level level, const char *line)
{
	struct run *run = ctx;

	if (level == QUIRE_LOG_BUG)
		run_say("BUG: %s", line);
	else if (level == QUIRE_LOG_WARN)
		run_note(run, "%s", line);
}

void port_run(struct run *run)
{
	quire_port_host(&run->port);
	run->port.ctx = run;
	run->port.tlb_flush = tlb_flush;
	run->port.ram_discard = ram_discard;
	run->port.log = log_line;
	run->port.oom = oom_kill;
}
