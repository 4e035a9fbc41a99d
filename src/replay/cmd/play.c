/* SPDX-License-Identifier: MIT */
/*
 * play.c: executes scripts, prints what came of them and what differs.
 */
#include "replay/cmd/play.h"
#include "replay/board/print.h"
#include "replay/side/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_SECONDS 20

#define STEP_LEN 256
#define VMA_LEN 768

static const char *name_of(const struct play *p, unsigned side)
{
	return side_names[p->sides[side].kind];
}

static bool begin(struct play *p, unsigned side, const struct script *s)
{
	int err = side_begin(&p->sides[side], s);

	if (err)
		fprintf(stderr, "quire replay: %s: %s\n", name_of(p, side), strerror(-err));
	return !err;
}

/* The host is not what it was: nothing more is asked of it. */
static void stop(const struct play *p, unsigned side)
{
	const struct script *s = &p->sides[side].board->script;
	char text[STEP_LEN];

	fprintf(stderr,
		"quire replay: %s: after this script the pools of huge pages are not what they "
		"were before: %s\n",
		name_of(p, side), pool_text());
	for (unsigned i = 0; i < s->nr_steps; i++) {
		step_print(s, &s->steps[i], text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	exit(STATUS_DAMAGED);
}

static bool finish(struct play *p, unsigned side)
{
	int err = side_finish(&p->sides[side], SCRIPT_SECONDS);
	unsigned step = p->sides[side].board->turn + 1;

	if (err == -ENOTRECOVERABLE)
		stop(p, side);
	if (err == -ETIMEDOUT)
		fprintf(stderr, "quire replay: %s: step %u takes longer than %d seconds\n",
			name_of(p, side), step, SCRIPT_SECONDS);
	else if (err)
		fprintf(stderr, "quire replay: %s: has died at step %u\n", name_of(p, side), step);
	return !err;
}

/* A process that has died without `exit` leaves steps behind that nobody has done. */
static bool all_done(const struct play *p, unsigned side)
{
	const struct board *b = p->sides[side].board;

	for (unsigned i = 0; i < b->script.nr_steps; i++) {
		if (b->results[i].outcome != OUTCOME_NONE)
			continue;
		fprintf(stderr, "quire replay: %s: the process has died at step %u\n",
			name_of(p, side), i + 1);
		return false;
	}
	return true;
}

bool play_possible(struct play *p, const struct script *s)
{
	bool any = false;

	for (unsigned i = 0; i < p->nr_sides; i++) {
		p->left_out[i] = side_lacks(&p->sides[i], s, p->why[i], sizeof(p->why[i]));
		any |= !p->left_out[i];
	}
	for (unsigned i = 0; !any && i < p->nr_sides; i++)
		fprintf(stderr, "quire replay: %s: %s\n", name_of(p, i), p->why[i]);
	return any;
}

bool play_execute(struct play *p, const struct script *s)
{
	unsigned begun = 0;
	bool ok = play_possible(p, s);

	while (ok && begun < p->nr_sides) {
		ok = p->left_out[begun] || begin(p, begun, s);
		begun += ok;
	}
	for (unsigned i = 0; i < begun; i++)
		ok &= p->left_out[i] || (finish(p, i) && all_done(p, i));
	return ok;
}

static bool differ(const struct play *p, struct difference *d)
{
	return p->nr_sides == 2 && !p->left_out[0] && !p->left_out[1] &&
	       boards_differ(p->sides[0].board, p->sides[1].board, d);
}

bool play_differs(struct play *p, const struct script *s, struct difference *d)
{
	d->what = NULL;
	return !play_execute(p, s) || differ(p, d);
}

/* ---- printing ---------------------------------------------------------------- */

static void print_views(const struct play *p, unsigned side, unsigned i)
{
	const struct board *b = p->sides[side].board;
	const struct view *v = &b->results[i].view;
	char text[VMA_LEN];

	for (unsigned m = 0; m < v->nr_vmas; m++) {
		vma_print(b, v, m, text, sizeof(text));
		printf("       %s\n", text);
	}
}

static void print_step(const struct play *p, unsigned i)
{
	unsigned side = p->left_out[0];
	const struct board *b = p->sides[side].board;
	char step[STEP_LEN], text[RESULT_LEN];

	step_print(&b->script, &b->script.steps[i], step, sizeof(step));
	result_print(b, &b->script.steps[i], &b->results[i], text, sizeof(text));
	printf("%3u  %-50s %s\n", i + 1, step, text);
	if (p->verbose)
		print_views(p, side, i);
}

static void print_difference(const struct play *p, const struct difference *d)
{
	printf("differ at step %u (%s):\n", d->step + 1, d->what);
	for (unsigned i = 0; i < 2; i++)
		printf("  %-6s %s\n", name_of(p, i), d->text[i]);
}

/*
 * True: all that the script expects has come on this side, up to the first step that it cannot do:
 * what comes after that is about another state.
 */
static bool met(const struct play *p, unsigned side)
{
	const struct board *b = p->sides[side].board;
	bool ok = true;

	for (unsigned i = 0; i < b->script.nr_steps; i++) {
		const struct step *s = &b->script.steps[i];
		const struct result *r = &b->results[i];
		char text[RESULT_LEN];

		result_print(b, s, r, text, sizeof(text));
		if (r->outcome == OUTCOME_ABSENT)
			break;
		if (!s->expects || !strcmp(text, s->expected))
			continue;
		printf("step %u: expected on %s: %s\n  came: %s\n", i + 1, name_of(p, side),
		       s->expected, text);
		ok = false;
	}
	return ok;
}

bool play_script(struct play *p, const struct script *s)
{
	struct difference d;
	bool ok = play_execute(p, s);

	if (p->left_out[0] && p->left_out[p->nr_sides - 1])
		return false;
	for (unsigned i = 0; i < p->nr_sides; i++)
		if (p->left_out[i])
			printf("not on the %s, which %s\n", name_of(p, i), p->why[i]);
	for (unsigned i = 0; i < s->nr_steps; i++)
		print_step(p, i);
	for (unsigned i = 0; ok && i < p->nr_sides; i++)
		ok &= p->left_out[i] || met(p, i);
	if (differ(p, &d)) {
		print_difference(p, &d);
		ok = false;
	}
	return ok;
}
