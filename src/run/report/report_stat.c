/* SPDX-License-Identifier: MIT */
/*
 * report_stat.c: the live line of --stat.  Called by one thread only.
 *
 * On a terminal the line is rewritten in place; otherwise each is a line of its own.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/report/parts.h"
#include "run/report/report.h"
#include "run/wire/requests.h"

#include <unistd.h>

/*
 * Faults that guests asked about, so far.  The exact kinds are in the address spaces, whose locks
 * the main thread must not wait for: their holders may be waiting for it to notice a death.
 */
static uint64_t count_faults(struct run *run, unsigned *live)
{
	uint64_t n;

	pthread_mutex_lock(&run->lock);
	n = run->folded->requests[OP_FAULT];
	*live = run->nr_live;
	for (struct proc *p = run->procs; p; p = p->next)
		n += __atomic_load_n(&p->stats.requests[OP_FAULT], __ATOMIC_RELAXED);
	pthread_mutex_unlock(&run->lock);
	return n;
}

static double rate(const struct run *run, uint64_t faults, uint64_t now)
{
	uint64_t since = run->stat_ns ? run->stat_ns : now;
	double seconds = (double)(now - since) / 1e9;

	return seconds > 0 && faults >= run->stat_faults
		   ? (double)(faults - run->stat_faults) / seconds
		   : 0;
}

void report_stat_line(struct run *run)
{
	bool tty = isatty(STDERR_FILENO);
	uint64_t now = run_now_ns(), faults, used;
	struct quire_machine_stats m;
	report_buf b[7];
	unsigned live;

	if (!run->stat_ns)
		run->stat_ns = run->start_ns;
	quire_machine_stats(run->machine, &m);
	faults = count_faults(run, &live);
	used = m.ram_frames - m.free_frames;
	fprintf(
	    stderr, "%squire: %s  %s  %s of %s  anon %s  shm %s  tables %s  %s faults/s%s",
	    tty ? "\r" : "", report_duration(now - run->start_ns, b[0]),
	    report_noun(live, "process", b[1]), report_size(used * QUIRE_PAGE_SIZE, b[2]),
	    report_size(run->ram_bytes, b[3]), report_size(m.anon_frames * QUIRE_PAGE_SIZE, b[4]),
	    report_size(m.shmem_frames * QUIRE_PAGE_SIZE, b[5]),
	    report_size(m.table_frames * QUIRE_PAGE_SIZE, b[6]),
	    report_count((uint64_t)rate(run, faults, now), (report_buf){0}), tty ? "\033[K" : "\n");
	fflush(stderr);
	run->stat_ns = now;
	run->stat_faults = faults;
}
