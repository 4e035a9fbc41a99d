/* SPDX-License-Identifier: MIT */
/*
 * allow_huge.c: what the host and another side may differ in where there are huge pages.
 */
#include "replay/compare/allow_huge.h"
#include "replay/board/content.h"

#include <errno.h>
#include <quire/abi.h>
#include <signal.h>
#include <stddef.h>

static bool lets_go(const struct step *s)
{
	switch (s->verb) {
	case VERB_UNMAP:
	case VERB_EXIT:
	case VERB_REMAP:
	case VERB_TRUNCATE:
	case VERB_PUNCH:
		return true;
	case VERB_MAP:
		return s->words[1] & QMAP_FIXED;
	case VERB_ADVISE:
		return s->words[0] == QMADV_DONTNEED || s->words[0] == QMADV_DONTNEED_LOCKED ||
		       s->words[0] == QMADV_REMOVE;
	default:
		return false;
	}
}

/* After a fork somebody has let go of pages, as an owner may of those that a child has. */
static bool let_go_after_fork(const struct place *at)
{
	bool forked = false;

	for (unsigned i = 0; i <= at->nr_step; i++) {
		const struct step *s = &at->board[0]->script.steps[i];

		forked |= s->verb == VERB_FORK;
		if (forked && lets_go(s))
			return true;
	}
	return false;
}

/* Which side is not the host; -1: both or none, or the script is not about huge pages. */
static int beside_host(const struct place *at)
{
	if (!at->board[0]->huge || at->board[0]->host == at->board[1]->host)
		return -1;
	return at->board[0]->host ? 1 : 0;
}

static int64_t reserved(const struct place *at, int side)
{
	return at->result[side]->view.pool[COUNTER_RESERVED];
}

/* From the first step on after which the host's counter is too low: it grants more then. */
bool allow_below_zero(const struct place *at)
{
	int ours = beside_host(at);

	return ours >= 0 && reserved(at, !ours) < reserved(at, ours) && let_go_after_fork(at);
}

/*
 * Of a huge page that is in the file's cache, and not mapped here: the host looks only where it has
 * no table at all.
 */
bool allow_cached_huge(const struct place *at)
{
	uint8_t bits[2];

	if (beside_host(at) < 0)
		return false;
	if (at->part == PART_RESULT)
		return at->step->verb == VERB_MINCORE &&
		       at->result[0]->value == at->result[1]->value;
	if (at->part != PART_PAGE)
		return false;
	for (unsigned i = 0; i < 2; i++)
		bits[i] = at->result[i]->view.pages[at->field];
	return at->field >= ARENA_PAGES && (bits[0] ^ bits[1]) == PAGE_INCORE &&
	       !(bits[0] & PAGE_PRESENT);
}

/* The last file of what MAP_FIXED has replaced ends on the host when the call has returned. */
bool allow_late_end(const struct place *at)
{
	const struct step *s = at->step;

	return beside_host(at) >= 0 && s->verb == VERB_MAP && s->words[1] & QMAP_FIXED &&
	       s->words[1] & (QMAP_POPULATE | QMAP_LOCKED) && at->part != PART_RESULT &&
	       at->part != PART_MAPPINGS;
}

/* The step that has made a process; NULL: it is the first. */
static const struct step *birth(const struct place *at, int actor)
{
	const struct script *s = &at->board[0]->script;

	for (unsigned i = 0; i < at->nr_step; i++)
		if ((s->steps[i].verb == VERB_FORK || s->steps[i].verb == VERB_THREAD) &&
		    s->steps[i].target == actor)
			return &s->steps[i];
	return NULL;
}

static unsigned forks_above(const struct place *at, int actor)
{
	const struct step *s;
	unsigned n = 0;

	for (; (s = birth(at, actor)); actor = s->actor)
		n += s->verb == VERB_FORK;
	return n;
}

/* A child's child is refused what it has lost, where the host reads zeros. */
bool allow_mark_inherited(const struct place *at)
{
	int ours = beside_host(at);
	const struct result *r[2] = {at->result[0], at->result[1]};

	if (ours < 0 || forks_above(at, at->step->actor) < 2)
		return false;
	if (at->part == PART_CONTENT)
		return r[ours]->contents[at->field] == CONTENT_BUS;
	return at->part == PART_RESULT && r[!ours]->outcome == OUTCOME_VALUE &&
	       (r[ours]->signal == SIGBUS || r[ours]->value == -EFAULT ||
		r[ours]->value == -ENOMEM);
}

/* What it would have replaced is gone on the host before it asks whether there are pages. */
bool allow_refused_gap(const struct place *at)
{
	const struct step *s = at->step;

	return beside_host(at) >= 0 && step_maps_huge(&at->board[0]->script, s) &&
	       s->words[1] & QMAP_FIXED && at->result[0]->value < 0 && at->part != PART_RESULT;
}
