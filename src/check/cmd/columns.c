/* SPDX-License-Identifier: MIT */
/*
 * columns.c: a run as columns: one for each actor, a row for each step.
 *
 * RCU callbacks have a narrow column at the right, if there are any.
 */
#include <stdlib.h>
#include <string.h>

#include "check/cmd/check.h"

#define WIDTH_OF_TWO 100u
#define WIDTH_OF_MORE 120u
#define RCU_WIDTH 24u
#define GAP 2u
#define LONGEST 600u /* steps that are shown in full; of more, the first and the last */
#define SHOWN 80u
#define ACROSS SCHED_ALL /* a line across all columns */

struct step {
	unsigned actor;
	char *text;
};

struct columns {
	const struct scenario *s;
	struct step *v;
	unsigned n, size;
	bool rcu;
};

/* Where a column begins and what fits into it. */
struct column {
	unsigned at, width;
};

static void *or_die(void *p)
{
	if (!p) {
		fputs("quire check: out of memory\n", stderr);
		exit(STATUS_BROKEN);
	}
	return p;
}

struct columns *columns_new(const struct scenario *s)
{
	struct columns *c = or_die(calloc(1, sizeof(*c)));

	c->s = s;
	return c;
}

void columns_step(struct columns *c, unsigned actor, const char *text)
{
	if (c->n == c->size) {
		c->size = c->size ? c->size * 2 : 64;
		c->v = or_die(reallocarray(c->v, c->size, sizeof(*c->v)));
	}
	c->v[c->n++] = (struct step){actor, or_die(strdup(text))};
	c->rcu |= actor == SCHED_GRACE;
}

void columns_rule(struct columns *c, const char *text)
{
	columns_step(c, ACROSS, text);
}

void columns_free(struct columns *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->v[i].text);
	free(c->v);
	free(c);
}

/* ---- layout ----------------------------------------------------------------------- */

static unsigned nr_actors(const struct columns *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (c->s->actors[i].run)
			n = i + 1;
	return n;
}

static unsigned total_width(const struct columns *c)
{
	return nr_actors(c) + c->rcu > 2 ? WIDTH_OF_MORE : WIDTH_OF_TWO;
}

static struct column place(const struct columns *c, unsigned actor)
{
	unsigned n = nr_actors(c), all = total_width(c) - GAP;
	unsigned each = (all - (c->rcu ? RCU_WIDTH + GAP : 0)) / n;

	if (actor == SCHED_GRACE)
		return (struct column){GAP + n * each, RCU_WIDTH};
	return (struct column){GAP + actor * each, each - GAP};
}

/* How much of text goes on the first line of `width`: up to a blank if there is one. */
static unsigned fitting(const char *text, unsigned width)
{
	unsigned len = (unsigned)strlen(text), k = width;

	if (len <= width)
		return len;
	while (k && text[k] != ' ')
		k--;
	return k ? k : width;
}

static void print_step(const struct columns *c, const struct step *step, FILE *out)
{
	struct column col = place(c, step->actor);
	const char *text = step->text;
	unsigned indent = 0;

	do {
		unsigned k = fitting(text, col.width - indent);

		fprintf(out, "%*s%.*s\n", (int)(col.at + indent), "", (int)k, text);
		text += k;
		text += strspn(text, " ");
		indent = 2;
	} while (*text);
}

static void print_rule(const struct columns *c, const char *text, FILE *out)
{
	unsigned len = (unsigned)strlen(text) + GAP + 6, width = total_width(c);

	fprintf(out, "%*s---- %s ", (int)GAP, "", text);
	for (; len < width; len++)
		fputc('-', out);
	fputc('\n', out);
}

/* The first `len` bytes of text, in a line that has come to *at. */
static void print_cell(const struct columns *c, unsigned actor, unsigned *at, const char *text,
		       size_t len, FILE *out)
{
	struct column col = place(c, actor);
	unsigned n = len < col.width ? (unsigned)len : col.width;

	fprintf(out, "%*s%.*s", (int)(col.at - *at), "", (int)n, text);
	*at = col.at + n;
}

static void print_heads(const struct columns *c, bool underline, FILE *out)
{
	static const char dashes[] = "------------------------------------------------------------";
	unsigned at = 0;

	for (unsigned i = 0; i < SCHED_ALL; i++) {
		bool rcu = i == SCHED_GRACE;
		const char *name = rcu ? "RCU callbacks" : c->s->actors[i].name;

		if (rcu ? c->rcu : c->s->actors[i].run != NULL)
			print_cell(c, i, &at, underline ? dashes : name, strlen(name), out);
	}
	fputc('\n', out);
}

/* The middle of a livelock says what its beginning and its end say.  Returns its last step. */
static unsigned leave_out(const struct columns *c, unsigned from, FILE *out)
{
	unsigned to = c->n - SHOWN;
	char text[64];

	snprintf(text, sizeof(text), "%u steps are left out here", to - from);
	print_rule(c, text, out);
	return to - 1;
}

void columns_print(const struct columns *c, FILE *out)
{
	print_heads(c, false, out);
	print_heads(c, true, out);
	for (unsigned i = 0; i < c->n; i++)
		if (c->n > LONGEST && i >= SHOWN && i < c->n - SHOWN)
			i = leave_out(c, i, out);
		else if (c->v[i].actor == ACROSS)
			print_rule(c, c->v[i].text, out);
		else
			print_step(c, &c->v[i], out);
}
