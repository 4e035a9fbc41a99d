/* SPDX-License-Identifier: MIT */
/*
 * merge.c: outcomes from files: shards put together, and what they have learned.
 *
 * A shard that is there twice counts as it is the last time: so the outcome of one that was run
 * again is simply appended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/cmd/check.h"

struct shelf {
	struct outcome *v;
	unsigned n, size;
};

static void keep(struct shelf *s, const struct outcome *out)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (!same_question(&s->v[i].item, &out->item) ||
		    s->v[i].item.shard != out->item.shard)
			continue;
		s->v[i] = *out;
		return;
	}
	if (s->n == s->size) {
		s->size = s->size * 2 + 16;
		s->v = reallocarray(s->v, s->size, sizeof(*s->v));
		if (!s->v)
			abort();
	}
	s->v[s->n++] = *out;
}

static bool blank(const char *line)
{
	return !line[strspn(line, " \t\r\n")];
}

static bool read_lines(struct shelf *s, FILE *f, const char *name)
{
	struct outcome out;
	char *line = NULL;
	const char *wrong = NULL;
	size_t size = 0;
	unsigned nr = 0;

	while (!wrong && getline(&line, &size, f) > 0) {
		nr++;
		if (blank(line))
			continue;
		wrong = outcome_read(line, &out);
		if (!wrong)
			keep(s, &out);
	}
	free(line);
	if (wrong)
		fprintf(stderr, "quire check: %s:%u: %s\n", name, nr, wrong);
	return !wrong;
}

static bool read_file(struct shelf *s, const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "r") : stdin;
	bool good;

	if (!f) {
		fprintf(stderr, "quire check: %s: %s\n", name, strerror(errno));
		return false;
	}
	good = read_lines(s, f, name);
	if (f != stdin)
		fclose(f);
	return good;
}

/* ---- --learned ---------------------------------------------------------------------- */

bool learned_read(struct options *o, const char *file)
{
	struct shelf s = {o->learned, o->nr_learned, o->nr_learned};
	bool good = read_file(&s, file);

	o->learned = s.v;
	o->nr_learned = s.n;
	return good;
}

void learned_apply(const struct options *o, struct item *item)
{
	for (unsigned i = 0; i < o->nr_learned; i++) {
		const struct item *from = &o->learned[i].item;

		if (from->scenario == item->scenario &&
		    !memcmp(from->off, item->off, sizeof(item->off)))
			words_join(&item->known, &from->known);
	}
}

/* ---- --merge ------------------------------------------------------------------------ */

/* Shards of v[first]'s question, added to *whole; their number. */
static unsigned gather(const struct shelf *s, unsigned first, struct outcome *whole)
{
	unsigned n = 1;

	*whole = s->v[first];
	for (unsigned i = first + 1; i < s->n; i++) {
		if (!same_question(&s->v[i].item, &whole->item))
			continue;
		outcome_add(whole, &s->v[i]);
		n++;
	}
	return n;
}

static bool is_first(const struct shelf *s, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (same_question(&s->v[k].item, &s->v[i].item))
			return false;
	return true;
}

static const struct outcome *shard_of(const struct shelf *s, const struct item *item, unsigned k)
{
	for (unsigned i = 0; i < s->n; i++)
		if (same_question(&s->v[i].item, item) && s->v[i].item.shard == k)
			return &s->v[i];
	return NULL;
}

/* Says which shards are to be run (again), one to a line; their number. */
static unsigned tell_missing(const struct shelf *s, const struct outcome *whole, FILE *out)
{
	unsigned n = 0;

	for (unsigned k = 0; k < whole->item.nshards; k++) {
		const struct outcome *part = shard_of(s, &whole->item, k);

		if (part &&
		    (whole->item.random || words_equal(&part->item.known, &whole->item.known)))
			continue;
		fprintf(out, "    shard %u/%u %s\n", k, whole->item.nshards,
			part ? "did not know all shared words: run it again with --learned"
			     : "is missing");
		n++;
	}
	return n;
}

static void merge_one(const struct options *o, const struct shelf *s, unsigned first,
		      struct totals *t)
{
	struct outcome *whole = malloc(sizeof(*whole));
	unsigned n;

	if (!whole)
		abort();
	n = gather(s, first, whole);
	if (whole->verdict == VERDICT_EXHAUSTED || whole->verdict == VERDICT_SEARCHED)
		if (whole->item.nshards && n < whole->item.nshards)
			whole->verdict = VERDICT_LIMIT;
	if (whole->verdict == VERDICT_EXHAUSTED && tell_missing(s, whole, stderr))
		whole->verdict = VERDICT_LIMIT;
	else if (whole->verdict == VERDICT_LIMIT)
		tell_missing(s, whole, stderr);
	whole->item.shard = whole->item.nshards = 0;
	print_outcome(o, whole, t);
	free(whole);
}

int cmd_merge(const struct options *o, char **files)
{
	struct totals t = {0};
	struct shelf s = {0};

	for (unsigned i = 0; files[i]; i++)
		if (!read_file(&s, files[i]))
			return STATUS_WRONG;
	for (unsigned i = 0; i < s.n; i++)
		if (is_first(&s, i))
			merge_one(o, &s, i, &t);
	free(s.v);
	return print_totals(o, &t);
}
