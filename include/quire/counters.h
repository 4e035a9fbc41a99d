/* SPDX-License-Identifier: MIT */
/*
 * counters.h: what an address space counts by mm_count(), one line each.
 *
 * QUIRE_MM_COUNTERS(X): X(MM_ and this, field of struct quire_mm_stats, object and name in the
 * report of `quire run`, what it counts).  The enum, the sums, the fields, the report and its
 * schema are made of this list.  New ones come last: programs that were compiled before know less
 * of the struct.
 */
#ifndef QUIRE_COUNTERS_H
#define QUIRE_COUNTERS_H

/* clang-format off */
#define QUIRE_MM_COUNTERS(X) \
	X(AROUND, around_pages, faults, fault_around_pages, \
	  "pages mapped beside those that were asked for") \
	X(STACK_GROW, stack_growths, faults, stack_growths, \
	  "faults that made the stack longer") \
	X(OOM, oom, faults, out_of_memory, \
	  "faults for which there was no memory") \
	X(RETRY, retries, lockless, retries, \
	  "attempts without the lock of the address space that lost a race and began again") \
	X(FALLBACK, fallbacks, lockless, fallbacks, \
	  "faults that took the lock after all") \
	X(FLUSH, flushes, tlb, flushes, \
	  "times that pages were taken out because their entries changed") \
	X(FLUSH_PAGES, flushed_pages, tlb, flushed_pages, \
	  "entries of these pages") \
	X(COW_AFTER_FORK, cow_copied_after_fork, fork, pages_copied_later, \
	  "shared pages that it had to copy because it wrote first")
/* clang-format on */

#endif
