/* SPDX-License-Identifier: MIT */
/*
 * report_text.c: the report for people: how the run went, what went wrong, then the numbers.
 */
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/account.h"
#include "run/guest/peak.h"
#include "run/guest/proc.h"
#include "run/oom/oom.h"
#include "run/report/parts.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

static void print_command(const struct report *r, FILE *out)
{
	size_t room = 68;
	report_buf b;

	fputs("quire:", out);
	for (char **arg = r->run->opts->argv; *arg; arg++) {
		if (strlen(*arg) + 1 > room) {
			fputs(" ...", out);
			break;
		}
		fprintf(out, " %s", report_clean(*arg, b));
		room -= strlen(*arg) + 1;
	}
	fputc('\n', out);
}

static void print_outcome(const struct report *r, FILE *out)
{
	int status = r->run->first_status;
	report_buf b;

	if (WIFSIGNALED(status))
		fprintf(out, "  killed by %s", report_signal_name(WTERMSIG(status)));
	else
		fprintf(out, "  exit %d", WEXITSTATUS(status));
	fprintf(out, " after %s", report_duration(r->verdict->wall_ns, b));
	if (r->nr_procs > 1)
		fprintf(out, "; %s", report_noun(r->nr_procs, "process", b));
	fprintf(out, "; peak %s", report_size_up(peak_bytes(r->run), b));
	fprintf(out, " of %s", report_size(r->run->ram_bytes, b));
	if (!r->verdict->violations)
		fputs("; verify clean", out);
	fputc('\n', out);
}

static const char *access_name(enum quire_access access)
{
	switch (access) {
	case QUIRE_WRITE:
		return "write to";
	case QUIRE_EXEC:
		return "jump to";
	default:
		return "read of";
	}
}

static void print_refusal(FILE *out, const struct proc *p, const struct refusal *f)
{
	report_buf b;

	fprintf(out, "  ! %s in %d %s: ", report_signal_name(f->sig), (int)p->pid,
		report_clean(p->comm, b));
	fprintf(out, "%s %#lx from %#lx: %s\n", access_name(f->access), (unsigned long)f->addr,
		(unsigned long)f->ip, quire_fault_reason_name(f->reason));
	if (f->has_vma)
		fprintf(out, "      %#lx-%#lx %c%c%c %s\n", (unsigned long)f->vma_start,
			(unsigned long)f->vma_end, f->vma_prot & QPROT_READ ? 'r' : '-',
			f->vma_prot & QPROT_WRITE ? 'w' : '-', f->vma_prot & QPROT_EXEC ? 'x' : '-',
			report_clean(f->vma_name, b));
	if (f->why)
		report_huge(f, out);
	if (f->count > 1)
		fprintf(out, "      %s times\n", report_count(f->count, b));
}

/* More than this many would push the numbers off the screen; the JSON has all. */
#define MAX_REFUSALS 12

static void print_refusals(const struct report *r, FILE *out)
{
	unsigned shown = 0, hidden = 0;

	for (unsigned i = 0; i < r->nr_rows; i++) {
		const struct proc *p = r->rows[i].proc;

		for (unsigned k = 0; k < p->nr_refusals; k++) {
			if (shown++ < MAX_REFUSALS)
				print_refusal(out, p, &p->refusals[k]);
			else
				hidden++;
		}
	}
	if (hidden)
		fprintf(out, "  ! and %u more of the kind\n", hidden);
}

static void print_ooms(const struct run *run, FILE *out)
{
	uint64_t shown = run->ooms->kills < RUN_MAX_OOMS ? run->ooms->kills : RUN_MAX_OOMS;
	char who[400];

	for (uint64_t i = 0; i < shown; i++) {
		oom_describe(&run->ooms->v[i], who, sizeof(who));
		fprintf(out, "  ! out of memory (%s): killed %s\n",
			oom_memory_name(run->ooms->v[i].what), who);
	}
	if (run->ooms->kills > shown)
		fprintf(out, "  ! and %llu more killed\n",
			(unsigned long long)(run->ooms->kills - shown));
}

static void print_trouble(const struct report *r, FILE *out)
{
	report_buf b;

	if (r->verdict->violations)
		fprintf(out, "  ! VERIFY: %s: the books do not balance; this is a bug in quire\n",
			report_noun(r->verdict->violations, "violation", b));
	print_ooms(r->run, out);
	print_refusals(r, out);
	report_unpromised(r->run, out);
}

int report_text(const struct report *r, FILE *out)
{
	fputc('\n', out);
	print_command(r, out);
	print_outcome(r, out);
	print_trouble(r, out);
	fputc('\n', out);
	report_rows(r, out);
	if (r->nr_procs > 1)
		report_table(r, out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
