/* SPDX-License-Identifier: MIT */
/*
 * account.h: what is counted of a process, for the report.
 */
#ifndef RUN_ACCOUNT_H
#define RUN_ACCOUNT_H

#include "quire/quire.h"
#include "run/guest/counters.h"
#include "run/wire/requests.h"

struct huge_why;
struct proc;
struct slot;
struct space;

/* A SIGSEGV or SIGBUS that was delivered, and why; equal ones are counted together. */
struct refusal {
	uint64_t addr, ip;
	enum quire_access access;
	enum quire_fault_reason reason;
	int sig, si_code;
	bool has_vma;
	uint64_t vma_start, vma_end;
	int vma_prot;
	char vma_name[64];
	uint64_t count;
	struct huge_why *why; /* G; by whoever noted it: of huge pages; or NULL */
};
#define PROC_MAX_REFUSALS 8

/* Counters of one process over all the programs it executed. */
struct proc_stats {
	struct quire_mm_stats mm;             /* sums of counters, maxima of peaks */
	struct quire_usage usage;             /* just before the end (of the last program) */
	uint64_t signalled[QUIRE_NR_REASONS]; /* refused accesses of the program's own, by rule */
	uint64_t efaults[QUIRE_NR_REASONS];   /* and of system calls of its */
	uint64_t requests[RUN_NR_OPS];
#define X(member, object, name, text) uint64_t member;
	PROC_COUNTERS(X)
#undef X
};

void stats_add(struct proc_stats *to, const struct proc_stats *from);
void stats_add_mm(struct proc_stats *to, const struct quire_mm_stats *mm);
void proc_count_slot(struct proc *p, struct slot *s);
/*
 * An access of p, in s, that was refused.  It counts for nothing if nobody is in s any more: p was
 * killed while it waited for the answer.  Returned if it is the first of its kind and is kept, as
 * long as p is; else NULL.
 */
struct refusal *proc_note_refusal(struct proc *p, const struct space *s, uint64_t addr, uint64_t ip,
				  enum quire_access access, const struct quire_fault *f);

/* Counters of a process as they are now; those of a present mm are not among them (asking the core
 * under G could deadlock with a flush). */
void proc_stats_locked(struct proc *p, struct proc_stats *out);

#endif
