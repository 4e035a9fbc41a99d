/* SPDX-License-Identifier: MIT */
/*
 * filter.c: goes through a script, and refuses what the host must not be asked for.
 *
 * Seen on Linux 6.18: after a move of a part of a private mapping of huge pages, reserved pages are
 * lost until the next boot; after a move of one whose pages a forked relative shares, a store does
 * not end.
 */
#include "replay/filter/filter.h"
#include "replay/filter/model.h"

#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

/* A file of small pages takes memory of the host's by fallocate, and no pool limits it. */
#define MAX_ALLOCATED (64ull << 20)

/* ---- pools ------------------------------------------------------------------- */

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Pages of other processes' that their owner has let go of count below zero meanwhile. */
static bool reserved_below_zero(const struct model *m)
{
	for (unsigned p = 0; m->let_go && p < MAX_ACTORS; p++)
		for (unsigned i = 0; i < m->processes[p].nr; i++)
			if (m->processes[p].objects[i].shared && !m->processes[p].objects[i].owner)
				return true;
	return false;
}

static const char *check_bounds(const struct model *m)
{
	if (m->most_pool[HUGE_2M] + m->most_overcommit[HUGE_2M] > MAX_POOL_2M)
		return "more than 2 GiB of huge pages of 2 MiB, pool and overcommit together";
	if (m->most_pool[HUGE_1G] > MAX_POOL_1G || m->most_overcommit[HUGE_1G] > MAX_POOL_1G)
		return "more than two huge pages of 1 GiB";
	return NULL;
}

static const char *check_pool(struct model *m)
{
	const struct step *s = m->step;
	unsigned size = s->verb == VERB_DEMOTE ? HUGE_1G : s->words[0];
	uint64_t n = s->args[0].add, before;

	if (s->args[0].var != VAR_NONE || size >= NR_HUGE_SIZES || n > MAX_POOL_2M)
		return "a number of huge pages that is beyond all bounds";
	if (s->verb == VERB_OVERCOMMIT) {
		m->most_overcommit[size] = max_of(m->most_overcommit[size], n);
	} else if (s->verb == VERB_DEMOTE) {
		m->most_pool[HUGE_2M] += n * 512;
	} else {
		before = m->pool[size];
		m->pool[size] = n;
		m->most_pool[size] = max_of(m->most_pool[size], n);
		if (n < before && reserved_below_zero(m))
			return "the pool is made smaller while Rsvd may be below zero";
	}
	return check_bounds(m);
}

/* ---- mappings ---------------------------------------------------------------- */

static uint64_t to_huge(uint64_t n)
{
	return n / REPLAY_HUGE + (n % REPLAY_HUGE != 0);
}

static bool is_shared(uint32_t flags)
{
	uint32_t type = flags & 0xf;

	return type == QMAP_SHARED || type == QMAP_SHARED_VALIDATE;
}

/* What the steal of a page from relatives would look for at a wrong address. */
static const char *check_second_mapping(const struct model *m, int8_t file)
{
	for (unsigned p = 0; file >= 0 && p < MAX_ACTORS; p++)
		for (unsigned i = 0; i < m->processes[p].nr; i++)
			if (m->processes[p].objects[i].shared &&
			    m->processes[p].objects[i].file == file)
				return "a second private mapping of a file of huge pages, of which "
				       "a forked relative has the first";
	return NULL;
}

/* A mapping of that length goes where the kernel likes, which the step's variable may hold. */
static struct range where_chosen(struct model *m, uint64_t length)
{
	int32_t into = m->step->into;

	if (into == VAR_NONE || m->vars[into].holds != HOLDS_CHOSEN)
		return (struct range){.from = FROM_ANYWHERE, .end = UINT64_MAX};
	m->vars[into].value = length;
	return (struct range){.from = into, .end = length};
}

static const char *check_map(struct model *m)
{
	const struct step *s = m->step;
	bool placed = s->words[1] & (QMAP_FIXED | QMAP_FIXED_NOREPLACE);
	struct range at = range_outwards(model_range(m, s->args[0], s->args[1]));
	struct object o = {.file = s->target, .owner = true, .origin = (uint16_t)m->nr_step};
	bool known = placed && at.certain;

	if (s->words[1] & QMAP_FIXED) {
		at.certain = false; /* it may be refused */
		model_remove(m, at);
	}
	if (s->into != VAR_NONE)
		model_assign(m);
	if (!step_maps_huge(m->s, s) || is_shared(s->words[1]))
		return NULL;
	o.at = known ? at : where_chosen(m, to_huge(s->args[1].add) * REPLAY_HUGE);
	o.at.certain = true;
	model_add(m, &o);
	return check_second_mapping(m, o.file);
}

/* ---- moves ------------------------------------------------------------------- */

static bool may_move(const struct step *s)
{
	bool grows = s->args[1].var != VAR_NONE || s->args[2].var != VAR_NONE ||
		     s->args[2].add > s->args[1].add;

	return s->words[0] & ~(uint32_t)QMREMAP_MAYMOVE || (s->words[0] && grows);
}

static const char *check_moved(const struct step *s, const struct range *from,
			       const struct object *o)
{
	if (o->shared)
		return "a move of a private mapping of huge pages that a forked relative may "
		       "share: "
		       "the host's next store to it may never end";
	if (from->from == FROM_ANYWHERE || o->at.from == FROM_ANYWHERE)
		return "a move from a place that is not known, where private huge pages may be";
	if (o->split || !range_covers(from, o))
		return "a move of a part of a private mapping of huge pages: the host loses its "
		       "reservation for good";
	if (to_huge(s->args[1].add) != to_huge(s->args[2].add))
		return "a move of a private mapping of huge pages to another length";
	return NULL;
}

/* It may be at both places from now on. */
static void note_moved(struct model *m, const struct range *from, const struct object *o)
{
	const struct step *s = m->step;
	struct range to = range_outwards(model_range(m, s->args[3], s->args[2]));
	struct object moved = *o;

	if (!(s->words[0] & QMREMAP_FIXED) || to.from != FROM_ZERO || !to.certain) {
		moved.at = (struct range){.from = FROM_ANYWHERE, .end = UINT64_MAX};
	} else {
		moved.at.from = FROM_ZERO;
		moved.at.start = to.start + (o->at.start - from->start);
		moved.at.end = moved.at.start + (o->at.end - o->at.start);
	}
	model_add(m, &moved);
}

static const char *check_move(struct model *m)
{
	const struct step *s = m->step;
	struct process *p = model_process(m);
	struct range from = range_outwards(model_range(m, s->args[0], s->args[1]));
	struct object moved[MAX_OBJECTS];
	unsigned nr = 0;

	for (unsigned i = 0; i < p->nr; i++) {
		const char *why;

		if (!range_meets(&from, &p->objects[i]))
			continue;
		why = check_moved(s, &from, &p->objects[i]);
		if (why)
			return why;
		moved[nr++] = p->objects[i];
	}
	if (s->words[0] & QMREMAP_FIXED) {
		struct range to = range_outwards(model_range(m, s->args[3], s->args[2]));

		to.certain = false;
		model_remove(m, to);
	}
	for (unsigned i = 0; i < nr; i++)
		note_moved(m, &from, &moved[i]);
	return NULL;
}

/* Only of one that is whole, and is said whole, it is certain that the call shrinks it. */
static void shrink(struct model *m)
{
	const struct step *s = m->step;
	struct process *p = model_process(m);
	struct range all = model_range(m, s->args[0], s->args[1]), cut = range_outwards(all);
	bool exact = false;

	if (s->args[2].var != VAR_NONE || s->args[2].add >= s->args[1].add)
		return;
	for (unsigned i = 0; i < p->nr; i++)
		exact |= p->objects[i].at.from == all.from && p->objects[i].at.start == all.start &&
			 p->objects[i].at.end == all.end && !p->objects[i].split;
	if (cut.from != FROM_ANYWHERE)
		cut.start += to_huge(s->args[2].add) * REPLAY_HUGE;
	cut.certain &= exact && s->args[2].add;
	if (cut.from == FROM_ANYWHERE || cut.start < cut.end)
		model_remove(m, cut);
}

static const char *check_remap(struct model *m)
{
	const char *why = NULL;

	if (may_move(m->step))
		why = check_move(m);
	else
		shrink(m);
	if (m->step->into != VAR_NONE)
		model_assign(m);
	return why;
}

/* ---- other steps ------------------------------------------------------------- */

static bool is_of_pages(uint32_t advice)
{
	switch (advice) {
	case QMADV_WILLNEED:
	case QMADV_DONTNEED:
	case QMADV_DONTNEED_LOCKED:
	case QMADV_FREE:
	case QMADV_REMOVE:
	case QMADV_COLD:
	case QMADV_PAGEOUT:
	case QMADV_POPULATE_READ:
	case QMADV_POPULATE_WRITE:
		return true;
	default:
		return false;
	}
}

static const char *check_advise(struct model *m)
{
	const struct step *s = m->step;
	uint32_t advice = s->words[0];

	if (advice == QMADV_HWPOISON || advice == QMADV_SOFT_OFFLINE)
		return "an advice that takes RAM from the host";
	if (!is_of_pages(advice))
		model_cut(m, model_range(m, s->args[0], s->args[1]));
	else if (advice == QMADV_DONTNEED || advice == QMADV_DONTNEED_LOCKED)
		m->let_go = true;
	return NULL;
}

static const char *check_fork(struct model *m)
{
	const struct process *p = model_process(m);

	for (unsigned i = 0; i < p->nr; i++)
		for (unsigned k = 0; k < i; k++)
			if (p->objects[i].file >= 0 && p->objects[i].file == p->objects[k].file &&
			    p->objects[i].origin != p->objects[k].origin)
				return "a fork of two private mappings of one file of huge pages";
	model_fork(m);
	return NULL;
}

static void note_thread(struct model *m)
{
	m->process_of[m->step->target] = m->process_of[m->step->actor];
	m->thread[m->step->target] = true;
}

static const char *check_allocation(const struct model *m)
{
	const struct step *s = m->step;
	int kind = script_file_kind(m->s, s->target);
	uint64_t end;

	if (kind == FILE_HUGETLB || kind == FILE_MOUNTED)
		return NULL;
	if (s->args[0].var != VAR_NONE || s->args[1].var != VAR_NONE ||
	    __builtin_add_overflow(s->args[0].add, s->args[1].add, &end) || end > MAX_ALLOCATED)
		return "more than 64 MiB are allocated for a file";
	return NULL;
}

static const char *check_step(struct model *m)
{
	const struct step *s = m->step;

	switch (s->verb) {
	case VERB_MAP:
		return check_map(m);
	case VERB_UNMAP:
		model_remove(m, model_range(m, s->args[0], s->args[1]));
		return NULL;
	case VERB_REMAP:
		return check_remap(m);
	case VERB_ADVISE:
		return check_advise(m);
	case VERB_PROTECT:
	case VERB_LOCK:
	case VERB_UNLOCK:
	case VERB_MBIND:
	case VERB_HOME_NODE:
		model_cut(m, model_range(m, s->args[0], s->args[1]));
		return NULL;
	case VERB_ATTACH:
		/* Of a length that is the segment's. */
		if (s->words[0] & ATTACH_REMAP)
			model_cut(m, (struct range){.from = FROM_ANYWHERE, .end = UINT64_MAX});
		break;
	case VERB_FALLOCATE:
		return check_allocation(m);
	case VERB_POOL:
	case VERB_OVERCOMMIT:
	case VERB_DEMOTE:
		return check_pool(m);
	case VERB_FORK:
		return check_fork(m);
	case VERB_THREAD:
		note_thread(m);
		return NULL;
	case VERB_EXIT:
		model_exit(m);
		return NULL;
	default:
		break;
	}
	if (s->into != VAR_NONE)
		model_assign(m);
	return NULL;
}

static bool is_other_size(uint32_t flags)
{
	return flags >> 26 && flags >> 26 != QMAP_HUGE_2MB >> 26;
}

/* An unmap that ends in a page of 1 GiB is refused as a whole, whoever has mapped that. */
static bool has_other_sizes(const struct script *s)
{
	for (unsigned i = 0; i < s->nr_steps; i++) {
		const struct step *step = &s->steps[i];

		if ((step->verb == VERB_MAP && is_other_size(step->words[1])) ||
		    (step->verb == VERB_SHM && is_other_size(step->words[0])) ||
		    (step->verb == VERB_MOUNT &&
		     (step->args[2].var != VAR_NONE || step->args[2].add)))
			return true;
	}
	return false;
}

bool host_refuses(const struct script *s, struct refusal *refusal)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.s = s;
	m.other_sizes = has_other_sizes(s);
	for (unsigned i = 0; i < s->nr_steps; i++) {
		const char *why;

		m.step = &s->steps[i];
		m.nr_step = i;
		why = check_step(&m);
		if (!why && model_process(&m)->full)
			why = "more private mappings of huge pages than can be followed";
		refusal->step = i;
		if (!why)
			continue;
		snprintf(refusal->why, sizeof(refusal->why), "%s", why);
		return true;
	}
	return false;
}
