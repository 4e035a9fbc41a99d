/* SPDX-License-Identifier: MIT */
/*
 * compare.c: looks for the first difference between two sides.
 */
#include "replay/compare/compare.h"
#include "replay/board/print.h"

#include <ctype.h>
#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

enum verdict { SAME, DIFFERENT, PARTED };

static enum verdict ask(const struct place *at)
{
	const struct allowance *a = allowance_for(at);

	if (!a)
		return DIFFERENT;
	return a->parts ? PARTED : SAME;
}

static enum verdict says(struct difference *d, const struct place *at, const char *what)
{
	d->what = what;
	d->step = at->nr_step;
	d->verb = at->step->verb;
	return DIFFERENT;
}

static enum verdict compare_results(struct place *at, struct difference *d)
{
	enum verdict v;

	at->part = PART_RESULT;
	for (unsigned i = 0; i < 2; i++)
		result_print(at->board[i], at->step, at->result[i], d->text[i], RESULT_LEN);
	if (!strcmp(d->text[0], d->text[1]))
		return SAME;
	v = ask(at);
	return v == DIFFERENT ? says(d, at, "result") : v;
}

/* ---- views ------------------------------------------------------------------ */

static bool same_mapping(const struct vma_view *a, const struct vma_view *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       !strcmp(a->perms, b->perms) && a->file == b->file;
}

static enum verdict compare_usage(struct place *at)
{
	at->part = PART_USAGE;
	for (at->field = 0; at->field < NR_USAGE; at->field++) {
		enum verdict v =
		    at->vma[0]->kb[at->field] == at->vma[1]->kb[at->field] ? SAME : ask(at);

		if (v != SAME)
			return v;
	}
	return SAME;
}

static enum verdict compare_pages(struct place *at)
{
	at->part = PART_PAGE;
	for (at->field = 0; at->field < NR_CELLS; at->field++) {
		uint64_t addr = cell_address(at->field);
		enum verdict v;

		if (addr < at->vma[0]->start || addr >= at->vma[0]->end)
			continue;
		v = at->result[0]->view.pages[at->field] == at->result[1]->view.pages[at->field]
			? SAME
			: ask(at);
		if (v != SAME)
			return v;
	}
	return SAME;
}

static enum verdict compare_vma(struct place *at)
{
	enum verdict v = SAME;

	at->part = PART_MAPPINGS;
	if (!at->vma[0] || !at->vma[1] || !same_mapping(at->vma[0], at->vma[1]))
		return ask(at);
	at->part = PART_FLAGS;
	if (strcmp(at->vma[0]->flags, at->vma[1]->flags))
		v = ask(at);
	at->part = PART_POLICY;
	if (v == SAME && at->vma[0]->policy != at->vma[1]->policy)
		v = ask(at);
	if (v == SAME)
		v = compare_usage(at);
	return v == SAME ? compare_pages(at) : v;
}

static const char *part_name(const struct place *at)
{
	switch (at->part) {
	case PART_USAGE:
		return usage_names[at->field];
	case PART_PAGE:
		return "page";
	case PART_FLAGS:
		return "VmFlags";
	case PART_POLICY:
		return "policy";
	default:
		return "mapping";
	}
}

/* ---- neighbours that could be one mapping ----------------------------------- */

static void without(const char *flags, const char *word, char *out)
{
	const char *at = strstr(flags, word);

	strcpy(out, flags);
	if (at)
		strcpy(out + (at - flags), at + strlen(word));
}

bool flags_same_but_accounting(const char *a, const char *b)
{
	char rest[2][FLAGS_LEN];

	without(a, " ac", rest[0]);
	without(b, " ac", rest[1]);
	return !strcmp(rest[0], rest[1]);
}

/* That of shared memory is what the memory has at the beginning of the mapping. */
static bool policies_match(const struct vma_view *a, const struct vma_view *b)
{
	return a->policy == b->policy || a->perms[3] == 's' || a->file >= 0;
}

static bool could_merge(const struct vma_view *a, const struct vma_view *b)
{
	bool follows = a->end == b->start && a->file == b->file && !strcmp(a->perms, b->perms) &&
		       policies_match(a, b) && flags_same_but_accounting(a->flags, b->flags);

	return follows && (a->file < 0 || a->offset + (a->end - a->start) == b->offset);
}

static void join(struct vma_view *to, const struct vma_view *next)
{
	to->end = next->end;
	for (unsigned i = 0; i < NR_USAGE; i++)
		if (i != USAGE_PAGE_SIZE)
			to->kb[i] += next->kb[i];
}

/* What would be there if all neighbours that can be one mapping were one. */
static void merge_all(const struct view *from, struct view *to)
{
	memcpy(to->pages, from->pages, sizeof(to->pages));
	to->nr_vmas = 0;
	for (unsigned i = 0; i < from->nr_vmas; i++) {
		struct vma_view *last = to->nr_vmas ? &to->vmas[to->nr_vmas - 1] : NULL;

		if (last && could_merge(last, &from->vmas[i]))
			join(last, &from->vmas[i]);
		else
			to->vmas[to->nr_vmas++] = from->vmas[i];
	}
}

static bool same_range(const struct vma_view *a, const struct vma_view *b)
{
	return a->start == b->start && a->end == b->end;
}

/* So many mappings from the first on are the same. */
static unsigned same_ranges(const struct view *a, const struct view *b)
{
	unsigned i = 0;

	while (i < a->nr_vmas && i < b->nr_vmas && same_range(&a->vmas[i], &b->vmas[i]))
		i++;
	return i;
}

static bool all_same(const struct view *a, const struct view *b)
{
	return a->nr_vmas == b->nr_vmas && same_ranges(a, b) == a->nr_vmas;
}

/* The longer of the mappings that are not the same first: neighbours on the other side. */
static void find_difference(struct place *at)
{
	const struct view *v[2] = {&at->result[0]->view, &at->result[1]->view};
	unsigned i = same_ranges(v[0], v[1]);

	at->start = v[0]->vmas[i].start;
	at->end = v[0]->vmas[i].end > v[1]->vmas[i].end ? v[0]->vmas[i].end : v[1]->vmas[i].end;
}

/* Into view[]: the views to be compared. */
static enum verdict choose_views(struct place *at, const struct view *view[2])
{
	static struct view merged[2];

	for (unsigned i = 0; i < 2; i++)
		view[i] = &at->result[i]->view;
	if (all_same(view[0], view[1]))
		return SAME;
	for (unsigned i = 0; i < 2; i++)
		merge_all(view[i], &merged[i]);
	if (!all_same(&merged[0], &merged[1]))
		return SAME;
	at->part = PART_MERGED;
	find_difference(at);
	view[0] = &merged[0];
	view[1] = &merged[1];
	return ask(at);
}

static enum verdict compare_views(struct place *at, struct difference *d)
{
	const struct view *view[2];

	enum verdict chosen = choose_views(at, view);

	if (chosen == PARTED)
		return PARTED;
	if (chosen == DIFFERENT) {
		view[0] = &at->result[0]->view;
		view[1] = &at->result[1]->view;
	}
	for (unsigned i = 0; i < view[0]->nr_vmas || i < view[1]->nr_vmas; i++) {
		enum verdict v;

		for (unsigned side = 0; side < 2; side++)
			at->vma[side] = i < view[side]->nr_vmas ? &view[side]->vmas[i] : NULL;
		v = compare_vma(at);
		if (v == SAME)
			continue;
		for (unsigned side = 0; side < 2; side++) {
			snprintf(d->text[side], sizeof(d->text[side]), "nothing mapped there");
			if (at->vma[side])
				vma_print(at->board[side], view[side], i, d->text[side],
					  sizeof(d->text[side]));
		}
		return v == DIFFERENT ? says(d, at, part_name(at)) : v;
	}
	return SAME;
}

static enum verdict compare_status(struct place *at, struct difference *d)
{
	at->part = PART_STATUS;
	for (at->field = 0; at->field < NR_STATUS; at->field++) {
		int64_t kb[2] = {at->result[0]->view.status[at->field],
				 at->result[1]->view.status[at->field]};
		enum verdict v = kb[0] == kb[1] ? SAME : ask(at);

		if (v == SAME)
			continue;
		for (unsigned side = 0; side < 2; side++)
			snprintf(d->text[side], sizeof(d->text[side]),
				 "%+lld kB since the script began", (long long)kb[side]);
		return v == DIFFERENT ? says(d, at, status_names[at->field]) : v;
	}
	return SAME;
}

static enum verdict compare_contents(struct place *at, struct difference *d)
{
	at->part = PART_CONTENT;
	for (at->field = 0; at->field < NR_CELLS; at->field++) {
		uint16_t held[2] = {at->result[0]->contents[at->field],
				    at->result[1]->contents[at->field]};
		enum verdict v = held[0] == held[1] ? SAME : ask(at);

		if (v == SAME)
			continue;
		for (unsigned side = 0; side < 2; side++) {
			char addr[48];

			address_print(at->board[side], cell_address(at->field), addr, sizeof(addr));
			snprintf(d->text[side], sizeof(d->text[side]), "%s: sum %x", addr,
				 held[side]);
		}
		return v == DIFFERENT ? says(d, at, "content") : v;
	}
	return SAME;
}

static enum verdict compare_pool(struct place *at, struct difference *d)
{
	at->part = PART_POOL;
	for (at->field = 0; at->field < NR_COUNTERS; at->field++) {
		const int64_t *pool[2] = {at->result[0]->view.pool, at->result[1]->view.pool};
		enum verdict v = pool[0][at->field] == pool[1][at->field] ? SAME : ask(at);

		if (v == SAME)
			continue;
		for (unsigned side = 0; side < 2; side++)
			counters_print(told_counters(pool[side]), d->text[side],
				       sizeof(d->text[side]));
		return v == DIFFERENT ? says(d, at, "counters of the pool") : v;
	}
	return SAME;
}

bool boards_differ(const struct board *a, const struct board *b, struct difference *d)
{
	struct place at = {.board = {a, b}};
	enum verdict v = SAME;

	for (unsigned i = 0; i < a->script.nr_steps && v == SAME; i++) {
		at.nr_step = i;
		at.step = &a->script.steps[i];
		at.result[0] = &a->results[i];
		at.result[1] = &b->results[i];
		v = compare_results(&at, d);
		if (v == SAME)
			v = compare_views(&at, d);
		if (v == SAME)
			v = compare_status(&at, d);
		if (v == SAME)
			v = compare_pool(&at, d);
		if (v == SAME)
			v = compare_contents(&at, d);
	}
	return v == DIFFERENT;
}

/* Names of errors and signals are in capitals; results that are none may be any. */
static bool refused_alike(const char *a, const char *b)
{
	if (!isupper((unsigned char)*a) || !isupper((unsigned char)*b))
		return isupper((unsigned char)*a) == isupper((unsigned char)*b);
	return strcspn(a, " ") == strcspn(b, " ") && !strncmp(a, b, strcspn(a, " "));
}

bool differences_alike(const struct difference *a, const struct difference *b)
{
	if (a->verb != b->verb || strcmp(a->what, b->what))
		return false;
	return strcmp(a->what, "result") ||
	       (refused_alike(a->text[0], b->text[0]) && refused_alike(a->text[1], b->text[1]));
}
