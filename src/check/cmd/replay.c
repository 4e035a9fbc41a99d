/* SPDX-License-Identifier: MIT */
/*
 * replay.c: ids of runs, and a run told from its id.
 *
 * An id says everything: the scenario, the rules that are off, the decisions.  It is told from
 * nothing but itself, so that the text is the same wherever it is.
 */
#include <stdlib.h>
#include <string.h>

#include "check/cmd/check.h"

/* ---- ids ---------------------------------------------------------------------------- */

void id_format(const struct item *item, const struct schedule *s, char *buf, size_t len)
{
	size_t n = (size_t)snprintf(buf, len, "%s", item->scenario->name);
	char mark = '~';

	for (unsigned i = 0; i < NR_RULES && n < len; i++) {
		if (!item->off[i])
			continue;
		n +=
		    (size_t)snprintf(buf + n, len - n, "%c%s", mark, rule_name((enum quire_rule)i));
		mark = ',';
	}
	if (n + 1 >= len)
		return;
	buf[n++] = '@';
	schedule_format(s, buf + n, len - n);
}

static const char *parse_rules(char *list, bool off[NR_RULES])
{
	char *name, *rest = list;

	while ((name = strsep(&rest, ","))) {
		int rule = rule_find(name);

		if (rule < 0)
			return "it names a rule that is not here";
		off[rule] = true;
	}
	return NULL;
}

const char *id_parse(const char *text, const struct scenario **s, bool off[NR_RULES],
		     struct schedule *schedule)
{
	char name[MAX_ID], *at, *rules;

	if (strlen(text) >= sizeof(name))
		return "it is too long";
	strcpy(name, text);
	at = strchr(name, '@');
	if (!at)
		return "an id looks like SCENARIO~RULE@0:80>1, or SCENARIO@- without any decision";
	*at = 0;
	rules = strchr(name, '~');
	if (rules)
		*rules++ = 0;
	*s = scenario_find(name);
	if (!*s)
		return "it names a scenario that is not here";
	if (!schedule_parse(at + 1, schedule))
		return "what follows the @ is no schedule";
	return rules ? parse_rules(rules, off) : NULL;
}

/* ---- telling -------------------------------------------------------------------------- */

struct telling {
	struct follow fo;
	struct columns *columns;     /* NULL: not yet */
	const struct forced *missed; /* the first decision that did not come up */
	uint32_t seen[SCHED_ALL];    /* the last access of each actor */
};

static void tell_line(void *ctx, unsigned actor, const char *text)
{
	struct telling *t = ctx;

	columns_step(t->columns, actor, text);
}

static void tell_decision(struct telling *t, const struct sched_decision *d, unsigned value)
{
	char text[200];

	if (d->kind == DECIDE_PREEMPT)
		snprintf(text, sizeof(text), "%s is preempted here: %s runs",
			 sched_actor_name(d->actor), sched_actor_name(value));
	else if (d->kind == DECIDE_SWITCH)
		snprintf(text, sizeof(text), "%s runs next", sched_actor_name(value));
	else
		return;
	columns_rule(t->columns, text);
}

static int tell_choose(void *ctx, const struct sched_decision *d)
{
	struct telling *t = ctx;
	unsigned before = t->fo.next;
	int value = follow_choose(&t->fo, d);

	t->seen[d->actor] = d->at & SCHED_AT_POINT;
	if (t->fo.next > before + 1 && !t->missed)
		t->missed = &t->fo.schedule->v[before];
	if (t->columns && value != usual_decision(d))
		tell_decision(t, d, (unsigned)value);
	return value;
}

/*
 * Every access is a decision, since which words are shared is not known from the id.  It is from
 * the first of two runs: only what is shared is worth a line.
 */
static bool run_twice(const struct options *o, const struct subject *sub, struct telling *t)
{
	struct columns *columns = t->columns;
	const struct schedule *schedule = t->fo.schedule;
	enum sched_outcome outcome;

	t->columns = NULL;
	sched_all_points(true);
	sched_run(tell_choose, t, sub->after, sub->arg);
	*t = (struct telling){.fo = {.schedule = schedule}, .columns = columns};
	sched_tell(tell_line, t, o->verbose);
	outcome = sched_run(tell_choose, t, sub->after, sub->arg);
	sched_tell(NULL, NULL, false);
	sched_all_points(false);
	if (!t->missed && t->fo.next < schedule->n)
		t->missed = &schedule->v[t->fo.next];
	return outcome == RUN_VIOLATION;
}

/* Where the run left the schedule, which is then that of another core. */
static void tell_missed(const struct telling *t, FILE *out)
{
	const struct forced *f = t->missed;
	struct schedule one = {.n = 1, .v = {*f}};
	unsigned at = f->at & SCHED_AT_POINT;
	char text[40];

	schedule_format(&one, text, sizeof(text));
	fprintf(out, "  the schedule was not followed: %s does not come up: ", text);
	if (!t->seen[f->actor])
		fprintf(out, "actor %u does nothing\n", f->actor);
	else if (t->seen[f->actor] < at)
		fprintf(out, "%s comes no further than its access %u\n", sched_actor_name(f->actor),
			t->seen[f->actor]);
	else
		fprintf(out, "no such decision is made there\n");
}

static void tell_rules(const bool off[NR_RULES], FILE *out)
{
	for (unsigned i = 0; i < NR_RULES; i++)
		if (off[i])
			fprintf(out, "  off: %s: %s (%s)\n", rule_name((enum quire_rule)i),
				rule_text((enum quire_rule)i), rule_source((enum quire_rule)i));
}

enum id_told id_tell(const struct options *o, const char *id, FILE *out)
{
	struct schedule schedule;
	struct telling t = {.fo = {.schedule = &schedule}};
	const struct scenario *s;
	bool off[NR_RULES] = {false}, bad;
	struct subject sub;

	if (id_parse(id, &s, off, &schedule))
		return ID_MISSED;
	rules_set(off);
	world_build(s, &sub);
	t.columns = columns_new(s);
	bad = run_twice(o, &sub, &t);
	fprintf(out, "\n  %s: %s (%s)\n", s->name, s->title, s->source);
	tell_rules(off, out);
	if (t.missed)
		tell_missed(&t, out);
	if (bad || !t.missed)
		fprintf(out, "  %s\n", bad ? sched_violation() : "no violation");
	fputc('\n', out);
	columns_print(t.columns, out);
	columns_free(t.columns);
	fprintf(out, "\n  quire check --replay '%s'\n\n", id);
	return bad ? ID_VIOLATION : t.missed ? ID_MISSED : ID_CLEAN;
}

int cmd_replay(const struct options *o, const char *id)
{
	bool off[NR_RULES] = {false};
	struct schedule schedule;
	const struct scenario *s;
	const char *wrong = id_parse(id, &s, off, &schedule);

	if (wrong) {
		fprintf(stderr, "quire check: '%s': %s\n", id, wrong);
		return STATUS_WRONG;
	}
	switch (id_tell(o, id, o->out)) {
	case ID_VIOLATION:
		return STATUS_VIOLATION;
	case ID_CLEAN:
		return STATUS_EXHAUSTED;
	default:
		fprintf(stderr,
			"quire check: '%s': the schedule was not followed: it is of another "
			"version of the core\n",
			id);
		return STATUS_WRONG;
	}
}
