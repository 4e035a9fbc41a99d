/* SPDX-License-Identifier: MIT */
/*
 * account.c: sums for the report.  Owns how two programs' counters become one process's: counters
 * add up, peaks are the larger, what describes a moment is the later one.
 */
#include "run/guest/account.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/counters.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void max_into(uint64_t *to, uint64_t v)
{
	if (*to < v)
		*to = v;
}

static void add_counters(struct quire_mm_stats *to, const struct quire_mm_stats *mm)
{
	for (unsigned i = 0; i < QUIRE_NR_KINDS; i++)
		to->faults[i] += mm->faults[i];
	for (unsigned i = 0; i < QUIRE_NR_REASONS; i++)
		to->segv[i] += mm->segv[i];
	to->forks += mm->forks;
	to->fork_entries_copied += mm->fork_entries_copied;
	to->fork_tables_copied += mm->fork_tables_copied;
#define X(counter, field, object, name, text) to->field += mm->field;
	QUIRE_MM_COUNTERS(X)
#undef X
}

static void max_peaks(struct quire_mm_stats *to, const struct quire_mm_stats *mm)
{
	max_into(&to->peak_rss, mm->peak_rss);
	max_into(&to->peak_total_vm, mm->peak_total_vm);
	max_into(&to->peak_locked_vm, mm->peak_locked_vm);
	max_into(&to->peak_vmas, mm->peak_vmas);
	max_into(&to->peak_table_bytes, mm->peak_table_bytes);
	max_into(&to->largest_request, mm->largest_request);
}

void stats_add_mm(struct proc_stats *to, const struct quire_mm_stats *mm)
{
	struct quire_mm_stats sum = *mm;

	add_counters(&to->mm, mm);
	max_peaks(&to->mm, mm);
	/* The rest describes the present: rss, sizes, layout. */
	add_counters(memset(&sum, 0, sizeof(sum)), &to->mm);
	max_peaks(&sum, &to->mm);
	sum.rss_anon = mm->rss_anon;
	sum.rss_file = mm->rss_file;
	sum.rss_shmem = mm->rss_shmem;
	sum.hugetlb = mm->hugetlb;
	sum.total_vm = mm->total_vm;
	sum.data_vm = mm->data_vm;
	sum.exec_vm = mm->exec_vm;
	sum.stack_vm = mm->stack_vm;
	sum.locked_vm = mm->locked_vm;
	sum.vmas = mm->vmas;
	sum.table_bytes = mm->table_bytes;
	sum.start_brk = mm->start_brk;
	sum.brk = mm->brk;
	sum.mmap_base = mm->mmap_base;
	sum.start_stack = mm->start_stack;
	to->mm = sum;
}

void stats_add(struct proc_stats *to, const struct proc_stats *from)
{
	add_counters(&to->mm, &from->mm);
	max_peaks(&to->mm, &from->mm);
	for (unsigned i = 0; i < QUIRE_NR_REASONS; i++) {
		to->signalled[i] += from->signalled[i];
		to->efaults[i] += from->efaults[i];
	}
	for (unsigned i = 0; i < RUN_NR_OPS; i++)
		to->requests[i] += from->requests[i];
#define X(member, object, name, text) to->member += from->member;
	PROC_COUNTERS(X)
#undef X
}

/* The stub's own counters of a thread that is gone.  G held. */
void proc_count_slot(struct proc *p, struct slot *s)
{
	p->stats.fills += atomic_load_relaxed(&s->chan->fills);
	p->stats.filled_pages += atomic_load_relaxed(&s->chan->filled_pages);
	p->stats.drops += atomic_load_relaxed(&s->chan->drops);
	s->chan->fills = s->chan->filled_pages = s->chan->drops = 0;
}

void proc_stats_locked(struct proc *p, struct proc_stats *out)
{
	*out = p->stats;
	for (struct slot *s = p->slots; s; s = s->next) {
		out->fills += atomic_load_relaxed(&s->chan->fills);
		out->filled_pages += atomic_load_relaxed(&s->chan->filled_pages);
		out->drops += atomic_load_relaxed(&s->chan->drops);
	}
}

static void describe(struct refusal *r, const struct quire_fault *f)
{
	const char *name = f->vma.name;

	r->has_vma = f->has_vma;
	if (!f->has_vma)
		return;
	r->vma_start = f->vma.start;
	r->vma_end = f->vma.end;
	r->vma_prot = f->vma.prot;
	if (f->vma.has_file)
		name = f->vma.file_name;
	snprintf(r->vma_name, sizeof(r->vma_name), "%s", name);
}

static struct refusal *find_refusal(struct proc *p, uint64_t ip, const struct quire_fault *f)
{
	for (unsigned i = 0; i < p->nr_refusals; i++) {
		struct refusal *r = &p->refusals[i];

		if (r->ip == ip && r->reason == f->reason)
			return r;
	}
	return NULL;
}

/* G.  The refusal, if it is the first of its kind and is kept. */
static struct refusal *note_signal(struct proc *p, uint64_t addr, uint64_t ip,
				   enum quire_access access, const struct quire_fault *f)
{
	struct refusal *r;

	atomic_count(&p->stats.signalled[f->reason]);
	if (!p->refusals)
		p->refusals = calloc(PROC_MAX_REFUSALS, sizeof(*p->refusals));
	r = p->refusals ? find_refusal(p, ip, f) : NULL;
	if (r)
		r->count++;
	if (r || !p->refusals || p->nr_refusals == PROC_MAX_REFUSALS)
		return NULL;
	r = &p->refusals[p->nr_refusals++];
	r->addr = addr;
	r->ip = ip;
	r->access = access;
	r->reason = f->reason;
	r->sig = f->result == QUIRE_FAULT_BUS ? SIGBUS : SIGSEGV;
	r->si_code = f->si_code;
	r->count = 1;
	describe(r, f);
	return r;
}

struct refusal *proc_note_refusal(struct proc *p, const struct space *s, uint64_t addr, uint64_t ip,
				  enum quire_access access, const struct quire_fault *f)
{
	struct refusal *first = NULL;

	pthread_mutex_lock(&p->run->lock);
	if (s->users && ip < GUEST_TASK_SIZE)
		first = note_signal(p, addr, ip, access, f);
	else if (s->users) /* by the stub, for a system call: no signal comes of it */
		atomic_count(&p->stats.efaults[f->reason]);
	pthread_mutex_unlock(&p->run->lock);
	return first;
}
