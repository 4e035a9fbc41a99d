/* SPDX-License-Identifier: MIT */
/*
 * list.c: scenarios with the rules that they guard, rules with what they say.
 */
#include "check/cmd/check.h"

static void list_scenario(const struct scenario *s, FILE *out)
{
	fprintf(out, "%s\n    %s\n    from: %s\n    actors:", s->name, s->title, s->source);
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (s->actors[i].run)
			fprintf(out, " %s", s->actors[i].name);
	if (s->alloc_failures)
		fprintf(out, "; allocations that may fail: %u", s->alloc_failures);
	if (s->bound)
		fprintf(out, "; bound %u", s->bound);
	fputs(s->nr_guards ? "\n    guards:" : "", out);
	for (unsigned i = 0; i < s->nr_guards; i++)
		fprintf(out, " %s", rule_name(s->guards[i]));
	fputs("\n\n", out);
}

static unsigned guards(const struct scenario *s, enum quire_rule rule)
{
	for (unsigned i = 0; i < s->nr_guards; i++)
		if (s->guards[i] == rule)
			return 1;
	return 0;
}

static void list_rule(enum quire_rule rule, FILE *out)
{
	const struct scenario *const *all = scenarios();
	unsigned n = 0;

	for (unsigned i = 0; all[i]; i++)
		n += guards(all[i], rule);
	fprintf(out, "%s\n    %s\n    from: %s\n    %s", rule_name(rule), rule_text(rule),
		rule_source(rule), n ? "guarded by:" : "guarded by no scenario");
	for (unsigned i = 0; all[i]; i++)
		if (guards(all[i], rule))
			fprintf(out, " %s", all[i]->name);
	fputs("\n\n", out);
}

void cmd_list(FILE *out)
{
	const struct scenario *const *all = scenarios();

	fputs("Scenarios\n\n", out);
	for (unsigned i = 0; all[i]; i++)
		list_scenario(all[i], out);
	fputs("Rules (--without RULE)\n\n", out);
	for (unsigned i = 0; i < NR_RULES; i++)
		list_rule((enum quire_rule)i, out);
}
