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

/* The step itself lets go of pages first, on the host, and asks for as many. */
static bool granted_in_place(const struct place *at, int ours)
{
	return at->part == PART_RESULT && at->step->verb == VERB_MAP &&
	       at->step->words[1] & QMAP_FIXED && at->result[ours]->value == -ENOMEM &&
	       at->result[!ours]->value >= 0;
}

/* From the first step on after which the host's counter is too low: it grants more then. */
bool allow_below_zero(const struct place *at)
{
	int ours = beside_host(at);

	if (ours < 0 || !let_go_after_fork(at))
		return false;
	return reserved(at, !ours) < reserved(at, ours) || granted_in_place(at, ours);
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

/* For want of a page. */
static bool is_refused(const struct result *r)
{
	return r->signal == SIGBUS || r->value == -EFAULT || r->value == -ENOMEM;
}

/* A page of it is refused on our side alone. */
static bool content_refused(const struct place *at, int ours)
{
	for (unsigned i = 0; i < NR_CELLS; i++)
		if (at->result[ours]->contents[i] == CONTENT_BUS &&
		    at->result[!ours]->contents[i] != CONTENT_BUS)
			return true;
	return false;
}

/* A child's child is refused what it has lost, where the host reads zeros. */
bool allow_mark_inherited(const struct place *at)
{
	const struct step *s = at->step;
	int ours = beside_host(at);
	bool of_grandchild = ours >= 0 && forks_above(at, s->actor) >= 2;

	if (ours >= 0 && verb_takes(s->verb, ARG_ACTOR) && s->target >= 0)
		of_grandchild |= forks_above(at, s->target) >= 2;
	if (!of_grandchild)
		return false;
	if (s->verb == VERB_CONTENTS)
		return content_refused(at, ours);
	return at->part == PART_RESULT && is_refused(at->result[ours]) &&
	       !is_refused(at->result[!ours]);
}

/* Only the first of them finds surplus pages. */
bool allow_order_of_mappings(const struct place *at)
{
	const struct step *s = at->step;
	bool cuts = s->verb == VERB_TRUNCATE || s->verb == VERB_PUNCH ||
		    (s->verb == VERB_FALLOCATE && s->words[0]);
	bool surplus = false;

	for (unsigned i = 0; i < at->nr_step; i++)
		surplus |= at->board[0]->results[i].view.pool[COUNTER_SURPLUS] != 0;
	return beside_host(at) >= 0 && cuts && surplus && at->part == PART_POOL &&
	       at->field == COUNTER_RESERVED;
}

static bool is_mounted_with_size(const struct script *s)
{
	for (unsigned i = 0; i < s->nr_steps; i++)
		if (s->steps[i].verb == VERB_MOUNT && s->steps[i].args[0].add)
			return true;
	return false;
}

/* Of a page that could not be populated mmap and mlockall say nothing. */
static bool may_want_a_page(const struct step *s, const struct result *r)
{
	return is_refused(r) || r->value == -ENOSPC ||
	       (s->verb == VERB_MAP && s->words[1] & (QMAP_POPULATE | QMAP_LOCKED)) ||
	       s->verb == VERB_LOCKALL || s->verb == VERB_CONTENTS;
}

bool allow_lost_quota(const struct place *at)
{
	const struct board *b;

	if (beside_host(at) < 0 || !is_mounted_with_size(&at->board[0]->script))
		return false;
	b = at->board[!beside_host(at)];
	for (unsigned i = 0; i <= at->nr_step; i++)
		if (may_want_a_page(&b->script.steps[i], &b->results[i]))
			return true;
	return false;
}

static bool may_leave_beyond_end(const struct place *at, unsigned i)
{
	const struct step *s = &at->board[0]->script.steps[i];

	return s->verb == VERB_FALLOCATE &&
	       (s->words[0] || at->board[0]->results[i].value == -ENOSPC);
}

bool allow_beyond_end(const struct place *at)
{
	int ours = beside_host(at);
	bool left = false;

	for (unsigned i = 0; ours >= 0 && i < at->nr_step; i++)
		left |= may_leave_beyond_end(at, i);
	if (!left)
		return false;
	if (at->part == PART_RESULT)
		return is_refused(at->result[ours]) && !is_refused(at->result[!ours]);
	if (at->part == PART_CONTENT)
		return at->result[ours]->contents[at->field] == CONTENT_BUS;
	return at->part == PART_USAGE || at->part == PART_PAGE || at->part == PART_STATUS;
}

/* What it would have replaced is gone on the host before it asks whether there are pages. */
bool allow_refused_gap(const struct place *at)
{
	const struct step *s = at->step;

	return beside_host(at) >= 0 && step_maps_huge(&at->board[0]->script, s) &&
	       s->words[1] & QMAP_FIXED && at->result[0]->value < 0 && at->part != PART_RESULT;
}
