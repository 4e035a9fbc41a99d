/* SPDX-License-Identifier: MIT */
/*
 * report_peak.c: the machine's RAM at its fullest: how much, of what, and who held it.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/peak.h"
#include "run/report/parts.h"

#include <string.h>

#define SHOWN_HOLDERS 3

uint64_t report_peak_other(const struct run *run)
{
	uint64_t known = run->peak->anon + run->peak->shmem;

	return run->peak_noted > known ? run->peak_noted - known : 0;
}

uint64_t report_ram_needed(const struct report *r)
{
	uint64_t request = r->sum.mm.largest_request * QUIRE_PAGE_SIZE, peak = peak_bytes(r->run);

	return request > peak ? request : peak;
}

/* "198 MiB anonymous", after a comma if it is not the first; nothing for 0. */
static void part(char *note, size_t size, uint64_t frames, const char *what)
{
	size_t len = strlen(note);
	report_buf b;

	if (frames)
		snprintf(note + len, size - len, "%s%s %s", len ? ", " : "",
			 report_size(frames * QUIRE_PAGE_SIZE, b), what);
}

static void print_holders(const struct peak *p, FILE *out)
{
	unsigned shown = p->nr_holders < SHOWN_HOLDERS ? p->nr_holders : SHOWN_HOLDERS;
	unsigned more = p->nr_holders - shown + p->nr_others;
	report_buf b, c;

	for (unsigned i = 0; i < shown; i++) {
		const struct peak_holder *h = &p->holder[i];

		report_row(out, i ? "" : "  held by",
			   report_size((h->anon + h->shmem) * QUIRE_PAGE_SIZE, b), "%d %s",
			   (int)h->pid, report_clean(h->comm, c));
	}
	if (more)
		report_row(out, "", "", "and %s", report_noun(more, "smaller process", b));
}

void report_peak(const struct report *r, FILE *out)
{
	const struct peak *p = r->run->peak;
	char note[200] = "";
	report_buf b;

	part(note, sizeof(note), p->anon, "anonymous");
	part(note, sizeof(note), p->shmem, "shared memory");
	part(note, sizeof(note), report_peak_other(r->run), "other");
	report_row(out, "peak RAM", report_size_up(peak_bytes(r->run), b), "%s", note);
	if (r->nr_procs > 1)
		print_holders(p, out);
	if (report_ram_needed(r) > peak_bytes(r->run))
		report_row(out, "  at once", report_size_up(report_ram_needed(r), b),
			   "the largest request, refused with less RAM");
}
