/* SPDX-License-Identifier: MIT */
/*
 * report_table.c: the processes of a run, a row each.  A column without any number is left out.
 */
#include "quire/quire.h"
#include "run/report/parts.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 16

struct column {
	const char *title;
	bool size; /* bytes, not a count */
	uint64_t (*get)(const struct report_row *row);
};

static uint64_t get_faults(const struct report_row *row)
{
	return report_faults(&row->stats.mm);
}

static uint64_t get_zero(const struct report_row *row)
{
	return row->stats.mm.faults[QUIRE_KIND_ZERO];
}

static uint64_t get_anon(const struct report_row *row)
{
	return row->stats.mm.faults[QUIRE_KIND_ANON];
}

static uint64_t get_file(const struct report_row *row)
{
	return row->stats.mm.faults[QUIRE_KIND_FILE_MINOR] +
	       row->stats.mm.faults[QUIRE_KIND_FILE_MAJOR];
}

static uint64_t get_cow(const struct report_row *row)
{
	return row->stats.mm.faults[QUIRE_KIND_COW_COPY];
}

static uint64_t get_reuse(const struct report_row *row)
{
	return row->stats.mm.faults[QUIRE_KIND_COW_REUSE];
}

static uint64_t get_refused(const struct report_row *row)
{
	return report_refused(row->stats.signalled);
}

static uint64_t get_forks(const struct report_row *row)
{
	return row->stats.mm.forks;
}

static uint64_t get_entries(const struct report_row *row)
{
	return row->stats.mm.fork_entries_copied;
}

static uint64_t get_later(const struct report_row *row)
{
	return row->stats.mm.cow_copied_after_fork;
}

static uint64_t get_rss(const struct report_row *row)
{
	return row->stats.mm.peak_rss * QUIRE_PAGE_SIZE;
}

static uint64_t get_pss(const struct report_row *row)
{
	return row->stats.usage.pss_shifted >> 12;
}

static uint64_t get_tables(const struct report_row *row)
{
	return row->stats.mm.peak_table_bytes;
}

static uint64_t get_vmas(const struct report_row *row)
{
	return row->stats.mm.peak_vmas;
}

static const struct column columns[] = {
    {"peak RSS", true, get_rss},     {"PSS", true, get_pss},          {"tables", true, get_tables},
    {"VMAs", false, get_vmas},       {"faults", false, get_faults},   {"zero", false, get_zero},
    {"anon", false, get_anon},       {"file", false, get_file},       {"copied", false, get_cow},
    {"reused", false, get_reuse},    {"refused", false, get_refused}, {"forks", false, get_forks},
    {"entries", false, get_entries}, {"later", false, get_later},
};
#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *cell(const struct column *c, const struct report_row *row, report_buf buf)
{
	uint64_t v = c->get(row);

	if (!v)
		return "-";
	return c->size ? report_size(v, buf) : report_count(v, buf);
}

/* Width of a column, 0: nothing in it. */
static int width_of(const struct column *c, struct report_row *const *rows, unsigned n)
{
	size_t width = 0;
	bool any = false;
	report_buf b;

	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(cell(c, rows[i], b));

		any |= c->get(rows[i]) != 0;
		width = len > width ? len : width;
	}
	if (width < strlen(c->title))
		width = strlen(c->title);
	return any ? (int)width : 0;
}

static int by_peak(const void *a, const void *b)
{
	const struct report_row *x = *(struct report_row *const *)a;
	const struct report_row *y = *(struct report_row *const *)b;

	if (x->stats.mm.peak_rss != y->stats.mm.peak_rss)
		return x->stats.mm.peak_rss < y->stats.mm.peak_rss ? 1 : -1;
	return x->proc->serial < y->proc->serial ? -1 : 1;
}

static int by_birth(const void *a, const void *b)
{
	const struct report_row *x = *(struct report_row *const *)a;
	const struct report_row *y = *(struct report_row *const *)b;

	return x->proc->serial < y->proc->serial ? -1 : 1;
}

static void print_rows(struct report_row *const *rows, unsigned n, FILE *out)
{
	int widths[NR_COLUMNS];
	report_buf b;

	fprintf(out, "\n  %8s %-15s", "process", "");
	for (unsigned c = 0; c < NR_COLUMNS; c++) {
		widths[c] = width_of(&columns[c], rows, n);
		if (widths[c])
			fprintf(out, "  %*s", widths[c], columns[c].title);
	}
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "\n  %8d %-15.15s", (int)rows[i]->proc->pid,
			report_clean(rows[i]->proc->comm, b));
		for (unsigned c = 0; c < NR_COLUMNS; c++)
			if (widths[c])
				fprintf(out, "  %*s", widths[c], cell(&columns[c], rows[i], b));
	}
	fputc('\n', out);
}

void report_table(const struct report *r, FILE *out)
{
	struct report_row **rows = calloc(r->nr_rows + 1u, sizeof(struct report_row *));
	unsigned n = r->nr_rows;
	report_buf b;

	if (!rows || !n) {
		free(rows);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		rows[i] = &r->rows[i];
	if (n > MAX_ROWS) {
		qsort(rows, n, sizeof(struct report_row *), by_peak);
		n = MAX_ROWS;
		qsort(rows, n, sizeof(struct report_row *), by_birth);
	}
	print_rows(rows, n, out);
	if (r->nr_procs > n)
		fprintf(out, "  and %s with smaller peaks\n",
			report_noun(r->nr_procs - n, "process", b));
	free(rows);
}
