/* SPDX-License-Identifier: MIT */
/*
 * report_data.c: takes the numbers of a run out of its processes and adds them up.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/account.h"
#include "run/guest/proc.h"
#include "run/report/parts.h"
#include "run/report/report.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int report_collect(struct report *r, struct run *run, const struct run_verdict *verdict)
{
	unsigned n = 0;

	memset(r, 0, sizeof(*r));
	r->run = run;
	r->verdict = verdict;
	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p; p = p->next)
		n++;
	r->rows = calloc(n ? n : 1, sizeof(*r->rows));
	r->sum = *run->folded;
	for (struct proc *p = run->procs; p && r->rows; p = p->next) {
		struct report_row *row = &r->rows[r->nr_rows++];

		row->proc = p;
		proc_stats_locked(p, &row->stats);
		stats_add(&r->sum, &row->stats);
		r->sum.usage.pss_shifted += row->stats.usage.pss_shifted;
		r->sum.usage.rss += row->stats.usage.rss;
	}
	r->nr_procs = r->nr_rows + run->nr_folded;
	pthread_mutex_unlock(&run->lock);
	return r->rows ? 0 : -ENOMEM;
}

void report_free(struct report *r)
{
	free(r->rows);
	r->rows = NULL;
}

uint64_t report_faults(const struct quire_mm_stats *mm)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < QUIRE_NR_KINDS; i++)
		if (i != QUIRE_KIND_SPURIOUS)
			n += mm->faults[i];
	return n;
}

uint64_t report_refused(const uint64_t by_reason[QUIRE_NR_REASONS])
{
	uint64_t n = 0;

	for (unsigned i = 0; i < QUIRE_NR_REASONS; i++)
		n += by_reason[i];
	return n;
}

uint64_t report_requests(const struct proc_stats *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < RUN_NR_OPS; i++)
		n += s->requests[i];
	return n;
}

uint64_t report_fills_by_walk(const struct proc_stats *s)
{
	uint64_t asked = s->requests[OP_FAULT];

	return s->fills > asked ? s->fills - asked : 0;
}
