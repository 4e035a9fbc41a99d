/* SPDX-License-Identifier: MIT */
/*
 * report_rows.c: the numbers of the whole run, a row each.
 *
 * Rows that would say 0 are left out.  Numbers stand in one column so that the eye can run down
 * it.
 */
#include "quire/quire.h"
#include "run/guest/account.h"
#include "run/report/parts.h"

#include <stdarg.h>
#include <string.h>

#define LABEL_WIDTH 18
#define VALUE_WIDTH 12

void report_row(FILE *out, const char *label, const char *value, const char *fmt, ...)
{
	char note[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
	fprintf(out, "  %-*s%*s%s%s\n", LABEL_WIDTH, label, VALUE_WIDTH, value,
		note[0] ? "   " : "", note);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Something never shows as nothing. */
static const char *share_of(uint64_t part, uint64_t whole, report_buf buf)
{
	double p = percent(part, whole);

	snprintf(buf, sizeof(report_buf), part && p < 0.5 ? "<1 %%" : "%2.0f %%", p);
	return buf;
}

static void print_faults(const struct report *r, FILE *out)
{
	const struct quire_mm_stats *mm = &r->sum.mm;
	uint64_t all = report_faults(mm);
	report_buf b, c;

	report_row(out, "faults", report_count(all, b), "%s", "");
	for (unsigned i = 0; i < QUIRE_NR_KINDS; i++) {
		char label[32];

		if (!mm->faults[i] || i == QUIRE_KIND_SPURIOUS)
			continue;
		snprintf(label, sizeof(label), "  %s", report_kinds[i].text);
		report_row(out, label, report_count(mm->faults[i], b), "%s",
			   share_of(mm->faults[i], all, c));
	}
	if (mm->faults[QUIRE_KIND_SPURIOUS])
		report_row(out, "already good", report_count(mm->faults[QUIRE_KIND_SPURIOUS], b),
			   "asked for, though the page was mapped");
	if (mm->around_pages)
		report_row(out, "fault-around", report_count(mm->around_pages, b),
			   "pages mapped beside those asked for");
	if (mm->stack_growths)
		report_row(out, "stack growth", report_count(mm->stack_growths, b), "%s", "");
}

static void print_refused(const char *label, const uint64_t *by_reason, FILE *out)
{
	uint64_t all = report_refused(by_reason);
	char note[300] = "";
	report_buf b;
	size_t len = 0;

	if (!all)
		return;
	for (unsigned i = 0; i < QUIRE_NR_REASONS && len < sizeof(note); i++)
		if (by_reason[i])
			len += (size_t)snprintf(note + len, sizeof(note) - len, "%s%s: %s",
						len ? "; " : "",
						quire_fault_reason_name((enum quire_fault_reason)i),
						report_count(by_reason[i], b));
	report_row(out, label, report_count(all, b), "%s", note);
}

static const struct report_row *largest(const struct report *r)
{
	const struct report_row *best = NULL;

	for (unsigned i = 0; i < r->nr_rows; i++)
		if (!best || r->rows[i].stats.mm.peak_rss > best->stats.mm.peak_rss)
			best = &r->rows[i];
	return best;
}

static void print_memory(const struct report *r, FILE *out)
{
	const struct quire_mm_stats *mm = &r->sum.mm;
	const struct report_row *top = largest(r);
	bool many = r->nr_procs > 1;
	const char *peak = many ? "the largest process's peak" : "the peak";
	report_buf b, c;

	if (many && top && top->stats.mm.peak_rss == mm->peak_rss)
		report_row(out, "peak RSS", report_size(mm->peak_rss * QUIRE_PAGE_SIZE, b), "%d %s",
			   (int)top->proc->pid, report_clean(top->proc->comm, c));
	else
		report_row(out, "peak RSS", report_size(mm->peak_rss * QUIRE_PAGE_SIZE, b), "%s",
			   many ? "of the largest process" : "");
	if (r->sum.usage.pss_shifted >> 12)
		report_row(out, "PSS at exit", report_size(r->sum.usage.pss_shifted >> 12, b), "%s",
			   r->nr_procs > r->nr_rows ? "in sum, of the first"
			   : many                   ? "in sum"
						    : "");
	report_row(out, "page tables", report_size(mm->peak_table_bytes, b), "at %s", peak);
	report_row(out, "mappings", report_count(mm->peak_vmas, b), "at %s", peak);
}

/* Who paid for the sharing: the processes with most pages copied after a fork. */
static void print_copied_later(const struct report *r, FILE *out)
{
	const struct report_row *top[3] = {NULL};
	report_buf b, c, d;
	char note[200] = "";
	size_t len = 0;

	for (unsigned i = 0; i < r->nr_rows; i++) {
		const struct report_row *cand = &r->rows[i];

		for (unsigned k = 0; k < 3 && cand; k++) {
			const struct report_row *old = top[k];

			if (old && old->stats.mm.cow_copied_after_fork >=
				       cand->stats.mm.cow_copied_after_fork)
				continue;
			top[k] = cand;
			cand = old;
		}
	}
	for (unsigned k = 0; k < 3 && top[k] && len < sizeof(note); k++)
		if (top[k]->stats.mm.cow_copied_after_fork)
			len += (size_t)snprintf(
			    note + len, sizeof(note) - len, "%s%s by %d %s", len ? ", " : "",
			    report_count(top[k]->stats.mm.cow_copied_after_fork, c),
			    (int)top[k]->proc->pid, report_clean(top[k]->proc->comm, d));
	report_row(out, "  copied later", report_count(r->sum.mm.cow_copied_after_fork, b), "%s",
		   note);
}

static void print_fork(const struct report *r, FILE *out)
{
	const struct quire_mm_stats *mm = &r->sum.mm;
	report_buf b, c, d;

	if (!mm->forks)
		return;
	report_row(out, "forks", report_count(mm->forks, b), "%s and %s copied",
		   report_noun(mm->fork_entries_copied, "entry", c),
		   report_noun(mm->fork_tables_copied, "table", d));
	if (mm->cow_copied_after_fork)
		print_copied_later(r, out);
}

static void print_lockless(const struct report *r, FILE *out)
{
	const struct quire_mm_stats *mm = &r->sum.mm;
	uint64_t faults = report_faults(mm) + report_refused(mm->segv);
	char share[16];
	report_buf b, c;

	if (!faults || (!mm->retries && !mm->fallbacks))
		return;
	snprintf(share, sizeof(share), "%.2f %%",
		 100 - percent(mm->fallbacks < faults ? mm->fallbacks : faults, faults));
	report_row(out, "lockless", share, "%s, %s", report_noun(mm->retries, "retry", b),
		   report_noun(mm->fallbacks, "fallback", c));
}

static void print_tlb(const struct report *r, FILE *out)
{
	const struct proc_stats *s = &r->sum;
	report_buf b, c;

	if (s->fills)
		report_row(out, "TLB fills", report_count(s->fills, b), "%s; %.0f %% by walk alone",
			   report_noun(s->filled_pages, "page", c),
			   percent(report_fills_by_walk(s), s->fills));
	if (s->mm.flushes)
		report_row(out, "TLB flushes", report_count(s->mm.flushes, b), "%s",
			   report_noun(s->mm.flushed_pages, "page", c));
	if (s->drops)
		report_row(out, "TLB dropped", report_count(s->drops, b),
			   "times whole: the host's limit on mappings");
	if (s->remote_flushes)
		report_row(out, "remote flushes", report_count(s->remote_flushes, b),
			   "in other processes");
}

static void print_requests(const struct report *r, FILE *out)
{
	const struct proc_stats *s = &r->sum;
	report_buf b;

	if (report_requests(s))
		report_row(out, "requests", report_count(report_requests(s), b),
			   "%.0f %% had to wake a worker", percent(s->kicks, report_requests(s)));
}

static void print_machine(const struct report *r, FILE *out)
{
	const struct quire_machine_stats *m = &r->verdict->machine;
	const struct compacted *done = &r->run->compacted;
	report_buf b, c, d;

	if (done->times)
		report_row(out, "compactions", report_count(done->times, b),
			   "%s of 2 MiB made, %s moved", report_noun(done->blocks, "block", c),
			   report_noun(done->pages, "page", d));

	if (m->failed_points)
		report_row(out, "allocations", report_count(m->alloc_points, b), "%s on purpose",
			   report_noun(m->failed_points, "failure", c));
	else if (m->alloc_points)
		report_row(out, "allocations", report_count(m->alloc_points, b), "%s", "");
}

void report_rows(const struct report *r, FILE *out)
{
	print_faults(r, out);
	print_refused("refused", r->sum.signalled, out);
	print_refused("EFAULT", r->sum.efaults, out);
	fputc('\n', out);
	report_peak(r, out);
	print_memory(r, out);
	print_fork(r, out);
	fputc('\n', out);
	print_lockless(r, out);
	print_tlb(r, out);
	print_requests(r, out);
	print_machine(r, out);
}
