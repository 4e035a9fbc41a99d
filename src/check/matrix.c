/* SPDX-License-Identifier: MIT */
/*
 * matrix.c: every rule off, in each scenario that guards it; every such scenario with all on.
 *
 * A rule that no scenario finds to be missing is not known to be needed, or not tested.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct matrix {
	const struct options *o;
	struct item *items;
	unsigned n;
	struct outcome *out;
	unsigned done;
	bool found[NR_RULES];
	unsigned bad;
};

static bool chosen(const struct options *o, const struct scenario *s)
{
	for (unsigned i = 0; i < o->nr_scenarios; i++)
		if (o->scenarios[i] == s)
			return true;
	return false;
}

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

static void print_on(struct matrix *m, const struct outcome *on)
{
	bool good = on->verdict != VERDICT_VIOLATION;

	fprintf(m->o->out, "%-28s %-34s %s at bound %u, %s schedules\n", on->item.scenario->name,
		"(all rules on)", verdict_name(on->verdict), on->bound, grouped(on->schedules));
	if (good)
		return;
	m->bad++;
	fprintf(m->o->out, "    %s\n    %s\n", on->violation, on->id);
}

static void print_off(struct matrix *m, const struct outcome *off, enum quire_rule rule)
{
	bool found = off->verdict == VERDICT_VIOLATION;
	FILE *f = m->o->out;

	fprintf(f, "    without %-45s ", rule_name(rule));
	if (found)
		fprintf(f, "found at bound %u after %s schedules\n", off->bound,
			grouped(off->schedules));
	else
		fprintf(f, "NOT FOUND at bound %u in %s schedules\n", off->bound,
			grouped(off->schedules));
	if (found && m->o->verbose)
		fprintf(f, "        %s\n        %s\n", off->violation, off->id);
	m->found[rule] |= found;
	m->bad += !found;
}

static void print_table(struct matrix *m)
{
	unsigned k = 0;

	for (unsigned i = 0; scenarios[i]; i++) {
		const struct scenario *s = scenarios[i];

		if (!chosen(m->o, s))
			continue;
		print_on(m, &m->out[k++]);
		for (unsigned g = 0; g < s->nr_guards; g++)
			print_off(m, &m->out[k++], s->guards[g]);
	}
}

/* Only if all scenarios were asked can a rule be said to be found by none. */
static void print_rules(struct matrix *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NR_RULES; i++) {
		n += m->found[i];
		if (m->found[i] || !m->o->all)
			continue;
		fprintf(m->o->out, "%s: FOUND BY NO SCENARIO\n", rule_name((enum quire_rule)i));
		m->bad++;
	}
	fprintf(m->o->out, "%u of %u rules found missing when off; %u complaint%s\n", n,
		(unsigned)NR_RULES, m->bad, m->bad == 1 ? "" : "s");
}

static size_t most_items(void)
{
	size_t n = 0;

	for (unsigned i = 0; scenarios[i]; i++)
		n += 1 + scenarios[i]->nr_guards;
	return n;
}

int cmd_matrix(const struct options *o)
{
	struct matrix m = {.o = o};

	m.items = calloc(most_items(), sizeof(*m.items));
	m.out = calloc(most_items(), sizeof(*m.out));
	if (!m.items || !m.out)
		abort();
	for (unsigned i = 0; scenarios[i]; i++)
		if (chosen(o, scenarios[i]))
			add_scenario(&m, scenarios[i]);
	run_all(o, m.items, m.n, take, &m);
	print_table(&m);
	print_rules(&m);
	free(m.items);
	free(m.out);
	return m.bad ? STATUS_VIOLATION : STATUS_EXHAUSTED;
}
