/* SPDX-License-Identifier: MIT */
/*
 * matrix.c: every rule off, in each scenario that guards it, beside that scenario with all on.
 *
 * A rule that no scenario finds to be missing is not known to be needed, or not tested.
 */
#include <stdlib.h>
#include <string.h>

#include "check/cmd/check.h"

struct matrix {
	const struct options *o;
	struct item *items;
	struct outcome *out; /* of items, in their order */
	unsigned n, done;
	unsigned rules, bad;
};

/* With all rules on, then without each that it guards. */
static void add_scenario(struct matrix *m, const struct scenario *s)
{
	m->items[m->n++] = item_of(m->o, s);
	for (unsigned i = 0; i < s->nr_guards; i++) {
		struct item item = item_of(m->o, s);

		item.off[s->guards[i]] = true;
		m->items[m->n++] = item;
	}
}

static void take(void *ctx, const struct outcome *out)
{
	struct matrix *m = ctx;

	m->out[m->done++] = *out;
	outcome_save(m->o, out);
}

/* ---- the table ---------------------------------------------------------------------- */

static const char *count(const struct outcome *out)
{
	static char bufs[2][64];
	static unsigned turn;
	char *p = bufs[turn++ % 2];

	snprintf(p, sizeof(bufs[0]), "bound %u, %s schedule%s", out->bound, grouped(out->schedules),
		 out->schedules == 1 ? "" : "s");
	return p;
}

static void print_violation(const struct matrix *m, const struct outcome *out)
{
	fprintf(m->o->out, "    %s\n    %s\n", out->violation, out->id);
}

/* True: found. */
static bool print_row(struct matrix *m, enum quire_rule rule, const struct outcome *off,
		      const struct outcome *on)
{
	char without[100];
	bool found = off->verdict == VERDICT_VIOLATION, holds = on->verdict != VERDICT_VIOLATION;

	snprintf(without, sizeof(without), "%s: %s", found ? "found" : "NOT FOUND", count(off));
	fprintf(m->o->out, "%-24s %-18s %-38s %s: %s\n", rule_name(rule), off->item.scenario->name,
		without, verdict_name(on->verdict), count(on));
	if (found && m->o->verbose)
		print_violation(m, off);
	if (!holds)
		print_violation(m, on);
	m->bad += (found ? 0u : 1u) + (holds ? 0u : 1u);
	return found;
}

static void print_rule(struct matrix *m, enum quire_rule rule)
{
	const struct outcome *on = NULL;
	bool found = false;

	for (unsigned i = 0; i < m->n; i++) {
		const struct outcome *out = &m->out[i];

		if (!on || on->item.scenario != out->item.scenario)
			on = out;
		else if (out->item.off[rule] && !m->o->off[rule])
			found |= print_row(m, rule, out, on);
	}
	m->rules += found;
	/* Only if all scenarios were asked can a rule be said to be found by none. */
	if (found || !m->o->all)
		return;
	fprintf(m->o->out, "%-24s FOUND BY NO SCENARIO\n", rule_name(rule));
	m->bad++;
}

static void print_table(struct matrix *m)
{
	fprintf(m->o->out, "%-24s %-18s %-38s %s\n", "rule", "scenario", "without it", "with it");
	for (unsigned i = 0; i < NR_RULES; i++)
		print_rule(m, (enum quire_rule)i);
	fprintf(m->o->out, "%u of %u rules found missing when off; %u complaint%s\n", m->rules,
		(unsigned)NR_RULES, m->bad, m->bad == 1 ? "" : "s");
}

int cmd_matrix(const struct options *o)
{
	struct matrix m = {.o = o};
	size_t most = 0;

	for (unsigned i = 0; i < o->nr_scenarios; i++)
		most += 1 + o->scenarios[i]->nr_guards;
	m.items = calloc(most, sizeof(*m.items));
	m.out = calloc(most, sizeof(*m.out));
	if (!m.items || !m.out)
		abort();
	for (unsigned i = 0; i < o->nr_scenarios; i++)
		if (o->scenarios[i]->nr_guards)
			add_scenario(&m, o->scenarios[i]);
	run_all(o, m.items, m.n, take, &m);
	print_table(&m);
	free(m.items);
	free(m.out);
	return m.bad ? STATUS_VIOLATION : STATUS_EXHAUSTED;
}
