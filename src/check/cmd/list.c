/* SPDX-License-Identifier: MIT */
/*
 * list.c: scenarios with the rules that they guard, pairs of operations with the scenarios that
 * have them, rules with what they say.
 */
#include <string.h>

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

/* The pair after this one, or NULL. */
static const char *next_pair(const char *at)
{
	at += strcspn(at, ";");
	return *at ? at + strlen("; ") : NULL;
}

/* `pair` begins what may go on with others. */
static bool has_pair(const struct scenario *s, const char *pair)
{
	size_t len = strcspn(pair, ";");

	for (const char *at = s->pairs; at; at = next_pair(at))
		if (strcspn(at, ";") == len && !strncmp(at, pair, len))
			return true;
	return false;
}

static void list_pair(const char *pair, FILE *out)
{
	fprintf(out, "%.*s\n   ", (int)strcspn(pair, ";"), pair);
	for (const struct scenario *const *s = scenarios(); *s; s++)
		if (has_pair(*s, pair))
			fprintf(out, " %s", (*s)->name);
	fputs("\n\n", out);
}

/* Those that no scenario before this one has. */
static void list_new_pairs(const struct scenario *const *s, FILE *out)
{
	for (const char *at = (*s)->pairs; at; at = next_pair(at)) {
		const struct scenario *const *first = scenarios();

		while (!has_pair(*first, at))
			first++;
		if (first == s)
			list_pair(at, out);
	}
}

void cmd_list(FILE *out)
{
	const struct scenario *const *all = scenarios();

	fputs("Scenarios\n\n", out);
	for (unsigned i = 0; all[i]; i++)
		list_scenario(all[i], out);
	fputs("Pairs of operations\n\n", out);
	for (unsigned i = 0; all[i]; i++)
		list_new_pairs(&all[i], out);
	fputs("Rules (--without RULE)\n\n", out);
	for (unsigned i = 0; i < NR_RULES; i++)
		list_rule((enum quire_rule)i, out);
}
