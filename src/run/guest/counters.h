/* SPDX-License-Identifier: MIT */
/*
 * counters.h: what the supervisor counts of a process, one line each.
 *
 * PROC_COUNTERS(X): X(member of struct proc_stats, object and name in the report, what it counts).
 * An object `stats` is the process itself.  The members, the sums, the report and its schema are
 * made of this list; an address space's are in quire/counters.h.
 */
#ifndef RUN_COUNTERS_H
#define RUN_COUNTERS_H

/* clang-format off */
#define PROC_COUNTERS(X) \
	X(kicks, requests, woke_a_worker, \
	  "requests that had to wake a worker") \
	X(fills, tlb, fills, \
	  "times that pages were entered into the host's page tables, as the stub counted them") \
	X(filled_pages, tlb, filled_pages, \
	  "pages of these fills") \
	X(remote_flushes, tlb, remote_flushes, \
	  "flushes on behalf of other processes") \
	X(drops, tlb, drops, \
	  "times that all had to go because the host's limit on mappings was reached") \
	X(execs, stats, execs, \
	  "programs that it executed") \
	X(threads, stats, threads, \
	  "threads that it made beside its first")
/* clang-format on */

#endif
