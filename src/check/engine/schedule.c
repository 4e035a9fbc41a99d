/* SPDX-License-Identifier: MIT */
/*
 * schedule.c: schedules as values: text, following.
 */
#include "check/engine/schedule.h"

#include <stdio.h>
#include <stdlib.h>

int usual_decision(const struct sched_decision *d)
{
	switch (d->kind) {
	case DECIDE_PREEMPT:
		return (int)d->actor;
	case DECIDE_SWITCH:
		return __builtin_ctz(d->enabled);
	default:
		return 0;
	}
}

unsigned schedule_preemptions(const struct schedule *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->v[i].kind == DECIDE_PREEMPT;
	return n;
}

/* ---- text --------------------------------------------------------------------- */

#define AT_PLAIN (UINT32_MAX >> SCHED_AT_PLAIN_SHIFT)

static const char marks[] = {[DECIDE_PREEMPT] = '>', [DECIDE_SWITCH] = '/', [DECIDE_CHOICE] = '='};

void schedule_format(const struct schedule *s, char *buf, size_t len)
{
	size_t n = 0;

	snprintf(buf, len, "-");
	for (unsigned i = 0; i < s->n && n < len; i++) {
		const struct forced *f = &s->v[i];
		unsigned plain = f->at >> SCHED_AT_PLAIN_SHIFT;
		char after[16] = "";
		int k;

		if (plain)
			snprintf(after, sizeof(after), "+%u", plain);
		k = snprintf(buf + n, len - n, "%s%u:%u%s%c%u", i ? "," : "", f->actor,
			     f->at & SCHED_AT_POINT, after, marks[f->kind], f->value);
		n += k > 0 ? (size_t)k : 0;
	}
}

static bool parse_number(const char **p, unsigned long max, unsigned long *out)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*out = strtoul(*p, &end, 10);
	*p = end;
	return *out <= max;
}

static bool parse_kind(const char **p, uint8_t *kind)
{
	for (uint8_t k = 0; k < sizeof(marks); k++) {
		if (**p != marks[k])
			continue;
		(*p)++;
		*kind = k;
		return true;
	}
	return false;
}

static bool parse_forced(const char **p, struct forced *f)
{
	unsigned long actor, at, value, plain = 0;

	if (!parse_number(p, SCHED_GRACE, &actor) || *(*p)++ != ':')
		return false;
	if (!parse_number(p, SCHED_AT_POINT, &at))
		return false;
	if (**p == '+' && ((*p)++, !parse_number(p, AT_PLAIN, &plain)))
		return false;
	if (!parse_kind(p, &f->kind))
		return false;
	if (!parse_number(p, UINT8_MAX, &value))
		return false;
	f->actor = (uint8_t)actor;
	f->at = (uint32_t)(at | plain << SCHED_AT_PLAIN_SHIFT);
	f->value = (uint8_t)value;
	return true;
}

bool schedule_parse(const char *text, struct schedule *s)
{
	s->n = 0;
	if (text[0] == '-' && !text[1])
		return true;
	for (;;) {
		if (s->n == MAX_FORCED || !parse_forced(&text, &s->v[s->n++]))
			return false;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

/* ---- following ------------------------------------------------------------------ */

static bool allowed(const struct forced *f, const struct sched_decision *d)
{
	if (d->kind == DECIDE_CHOICE)
		return f->value < d->n;
	return f->value < SCHED_ALL && (d->enabled & 1u << f->value);
}

static const struct forced *find_forced(const struct follow *fo, const struct sched_decision *d)
{
	for (unsigned i = fo->next; i < fo->schedule->n; i++) {
		const struct forced *f = &fo->schedule->v[i];

		if (f->actor == d->actor && f->at == d->at && f->kind == d->kind)
			return f;
	}
	return NULL;
}

int follow_choose(void *ctx, const struct sched_decision *d)
{
	struct follow *fo = ctx;
	const struct forced *f = find_forced(fo, d);
	int value = usual_decision(d);

	if (!f || !allowed(f, d))
		return value;
	fo->next = (unsigned)(f - fo->schedule->v) + 1;
	if (f->value != value && fo->taken.n < MAX_FORCED)
		fo->taken.v[fo->taken.n++] = *f;
	return f->value;
}
