/* SPDX-License-Identifier: MIT */
/*
 * report.c: a line for each outcome, violations as columns, the sums and the exit status.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check/cmd/check.h"

const char *grouped(uint64_t n)
{
	static char bufs[4][32];
	static unsigned turn;
	char digits[24], *p = bufs[turn++ % 4];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), k = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			p[k++] = ',';
		p[k++] = digits[i];
	}
	p[k] = 0;
	return p;
}

void outcome_save(const struct options *o, const struct outcome *out)
{
	if (o->json && outcome_write(out, o->json)) {
		fputs("quire check: --json: the file cannot be written\n", stderr);
		exit(STATUS_BROKEN);
	}
}

static void print_shard(const struct outcome *out, FILE *f)
{
	if (out->item.nshards)
		fprintf(f, "  shard %u/%u", out->item.shard, out->item.nshards);
	fputc('\n', f);
}

void print_outcome(const struct options *o, const struct outcome *out, struct totals *t)
{
	FILE *f = o->out;
	bool bad = out->verdict == VERDICT_VIOLATION;

	progress_clear();
	fprintf(f, "%-28s %-10s bound %u %12s schedules %12s pruned %7.1f s",
		out->item.scenario->name, verdict_name(out->verdict), out->bound,
		grouped(out->schedules), grouped(out->pruned), out->seconds);
	print_shard(out, f);
	if (bad && out->id[0])
		id_tell(o, out->id, f);
	else if (bad)
		fprintf(f, "\n  %s\n\n", out->violation);
	fflush(f);
	t->n++;
	t->violations += bad;
	t->partial += out->verdict == VERDICT_LIMIT;
	t->schedules += out->schedules;
	t->pruned += out->pruned;
	t->seconds += out->seconds;
}

int print_totals(const struct options *o, const struct totals *t)
{
	fprintf(o->out, "%u scenario%s, %u violation%s: %s schedules, %s pruned, %.1f s of CPU",
		t->n, t->n == 1 ? "" : "s", t->violations, t->violations == 1 ? "" : "s",
		grouped(t->schedules), grouped(t->pruned), t->seconds);
	if (t->partial)
		fprintf(o->out, "; %u not to the end", t->partial);
	fputc('\n', o->out);
	if (t->violations)
		return STATUS_VIOLATION;
	return t->partial ? STATUS_PARTIAL : STATUS_EXHAUSTED;
}

/* ---- the ordinary command --------------------------------------------------------- */

struct report {
	const struct options *o;
	struct totals totals;
};

static void report_one(void *ctx, const struct outcome *out)
{
	struct report *r = ctx;

	print_outcome(r->o, out, &r->totals);
	outcome_save(r->o, out);
}

int cmd_explore(const struct options *o)
{
	struct item *items = calloc(o->nr_scenarios, sizeof(*items));
	struct report r = {.o = o};

	if (!items)
		abort();
	for (unsigned i = 0; i < o->nr_scenarios; i++)
		items[i] = item_of(o, o->scenarios[i]);
	run_all(o, items, o->nr_scenarios, report_one, &r);
	free(items);
	return print_totals(o, &r.totals);
}
