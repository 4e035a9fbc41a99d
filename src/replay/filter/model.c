/* SPDX-License-Identifier: MIT */
/*
 * model.c: where a script's private mappings of huge pages may be (model.h has the invariants).
 */
#include "replay/filter/model.h"

#include <quire/abi.h>
#include <string.h>

/* Below this the kernel chooses no place: only what a script says is there. */
#define CHOSEN_FROM 0x200000000000ull
/* Below this lies what a variable that nothing has been put into, or a sum with it, can mean. */
#define SHORT (1ull << 36)

/* ---- ranges ------------------------------------------------------------------ */

static const struct range anywhere = {.from = FROM_ANYWHERE, .end = UINT64_MAX};

/* FROM_ZERO or what it is counted from; *certain: the variable does hold that. */
static int32_t resolve(const struct model *m, struct value v, uint64_t *at, bool *certain)
{
	const struct variable *var = v.var >= VAR_FIRST ? &m->vars[v.var] : NULL;

	*certain = !var;
	*at = v.add;
	if (v.var == VAR_NONE)
		return FROM_ZERO;
	if (v.var == VAR_ARENA || v.var == VAR_HUGE) {
		*at += v.var == VAR_ARENA ? ARENA_START : HUGE_START;
		return FROM_ZERO;
	}
	if (v.var == VAR_HEAP)
		return v.add < SHORT ? VAR_HEAP : FROM_ANYWHERE;
	if (var->holds == HOLDS_ADDRESS) {
		*at += var->value;
		return FROM_ZERO;
	}
	*certain = true;
	return var->holds == HOLDS_CHOSEN ? v.var : FROM_ANYWHERE;
}

struct range model_range(const struct model *m, struct value addr, struct value len)
{
	struct range r = {.end = 0};
	uint64_t n = len.add ? len.add : 1;

	if (len.var != VAR_NONE)
		return anywhere;
	r.from = resolve(m, addr, &r.start, &r.certain);
	if (__builtin_add_overflow(r.start, n, &r.end) || r.from == FROM_ANYWHERE)
		return anywhere;
	if (r.from == FROM_ZERO && (r.start < SHORT || r.end > CHOSEN_FROM))
		return anywhere;
	if (r.from == FROM_ZERO && !r.certain && addr.add >= SHORT)
		return anywhere;
	if (r.from >= VAR_FIRST && r.end > m->vars[r.from].value)
		return anywhere;
	return r;
}

struct range range_outwards(struct range r)
{
	if (r.from == FROM_ANYWHERE)
		return r;
	r.start -= r.start % REPLAY_HUGE;
	r.end += (REPLAY_HUGE - r.end % REPLAY_HUGE) % REPLAY_HUGE;
	return r;
}

bool range_meets(const struct range *r, const struct object *o)
{
	if (r->from == FROM_ANYWHERE || o->at.from == FROM_ANYWHERE)
		return true;
	/* The kernel chooses a place again that is free again, and in another process, too. */
	if (r->from != o->at.from && r->from >= 0 && o->at.from >= 0)
		return true;
	return r->from == o->at.from && r->start < o->at.end && o->at.start < r->end;
}

bool range_covers(const struct range *r, const struct object *o)
{
	return r->from != FROM_ANYWHERE && r->from == o->at.from && r->start <= o->at.start &&
	       o->at.end <= r->end;
}

/* ---- variables --------------------------------------------------------------- */

/* One that is set again may still hold what it has held: the call may be refused. */
void model_assign(struct model *m)
{
	const struct step *s = m->step;
	struct variable *v = &m->vars[s->into];
	bool map = s->verb == VERB_MAP, remap = s->verb == VERB_REMAP, certain;
	struct variable gets = {HOLDS_ANYTHING, 0};
	uint64_t at;

	if (map && !(s->words[1] & (QMAP_FIXED | QMAP_FIXED_NOREPLACE | QMAP_32BIT)) &&
	    s->args[0].var == VAR_NONE && !s->args[0].add && s->args[1].var == VAR_NONE &&
	    s->args[1].add < SHORT)
		gets = (struct variable){HOLDS_CHOSEN, s->args[1].add};
	if ((map && s->words[1] & (QMAP_FIXED | QMAP_FIXED_NOREPLACE)) ||
	    (remap && s->words[0] & QMREMAP_FIXED))
		if (resolve(m, s->args[map ? 0 : 3], &at, &certain) == FROM_ZERO && certain)
			gets = (struct variable){HOLDS_ADDRESS, at};
	if (v->holds != HOLDS_NOTHING)
		gets.holds = HOLDS_ANYTHING;
	*v = gets;
	if (gets.holds != HOLDS_ANYTHING)
		return;
	for (unsigned p = 0; p < MAX_ACTORS; p++)
		for (unsigned i = 0; i < m->processes[p].nr; i++)
			if (m->processes[p].objects[i].at.from == s->into)
				m->processes[p].objects[i].at = anywhere;
}

/* ---- mappings ---------------------------------------------------------------- */

void model_add(struct model *m, const struct object *o)
{
	struct process *p = model_process(m);

	if (p->nr == MAX_OBJECTS)
		p->full = true;
	else
		p->objects[p->nr++] = *o;
}

void model_cut(struct model *m, struct range r)
{
	struct process *p = model_process(m);

	for (unsigned i = 0; i < p->nr; i++)
		if (range_meets(&r, &p->objects[i]) && !range_covers(&r, &p->objects[i]))
			p->objects[i].split = true;
}

/* The call that removes it may be refused, but for what is certain here. */
static bool surely_removed(const struct model *m, const struct range *r)
{
	return !m->other_sizes && r->from != FROM_ANYWHERE && r->certain &&
	       !(r->start % REPLAY_HUGE) && !(r->end % REPLAY_HUGE);
}

static bool is_tail(const struct range *r, const struct object *o)
{
	return o->at.from == r->from && o->at.certain && r->start > o->at.start &&
	       r->end >= o->at.end;
}

void model_remove(struct model *m, struct range r)
{
	struct process *p = model_process(m);
	bool surely = surely_removed(m, &r);

	for (unsigned i = 0; i < p->nr;) {
		struct object *o = &p->objects[i];

		m->let_go |= range_meets(&r, o) && o->shared;
		if (surely && range_covers(&r, o)) {
			*o = p->objects[--p->nr];
			continue;
		}
		if (surely && range_meets(&r, o) && is_tail(&r, o))
			o->at.end = r.start;
		i++;
	}
	model_cut(m, r);
}

/* ---- processes --------------------------------------------------------------- */

void model_fork(struct model *m)
{
	uint8_t to = (uint8_t)m->step->target;
	struct process *parent = model_process(m), *child = &m->processes[to];

	for (unsigned i = 0; i < parent->nr; i++)
		parent->objects[i].shared = true;
	*child = *parent;
	for (unsigned i = 0; i < child->nr; i++)
		child->objects[i].owner = false;
	m->process_of[to] = to;
	m->thread[to] = false;
}

void model_exit(struct model *m)
{
	struct process *p = model_process(m);

	if (m->thread[m->step->actor])
		return;
	for (unsigned i = 0; i < p->nr; i++)
		m->let_go |= p->objects[i].shared;
	p->nr = 0;
}
