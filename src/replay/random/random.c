/* SPDX-License-Identifier: MIT */
/*
 * random.c: random scripts: which steps, and by whom.
 */
#include "replay/random/random_model.h"
#include "replay/filter/filter.h"

#include <stdio.h>
#include <string.h>

#define STEPS 40

struct random_source random_from(uint64_t seed)
{
	struct random_source r = {seed};

	/* Seeds beside each other have nothing in common. */
	r.state = random_below(&r, ~0ull);
	return r;
}

uint64_t random_below(struct random_source *r, uint64_t below)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % below;
}

static unsigned living(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_ACTORS; i++)
		n += m->alive[i];
	return n;
}

/* Somebody has to be there for the rest; of ordinary scripts that is the first process. */
static bool may_exit(const struct model *m, uint8_t actor)
{
	unsigned processes = 0;

	for (unsigned i = 0; i < MAX_ACTORS; i++)
		processes += m->alive[i] && !m->thread[i];
	return m->thread[actor] || (m->kind == RANDOM_HUGE ? processes > 1 : actor != 0);
}

static bool possible(const struct model *m, const struct choice *c)
{
	switch (c->verb) {
	case VERB_TRUNCATE:
	case VERB_PUNCH:
	case VERB_PREAD:
	case VERB_PWRITE:
	case VERB_FSYNC:
	case VERB_FALLOCATE:
		return m->s->nr_files;
	case VERB_FORK:
	case VERB_THREAD:
		return m->s->nr_actors < MAX_ACTORS;
	case VERB_EXIT:
		return living(m) > 1;
	default:
		return true;
	}
}

void random_new_actor(struct model *m, struct step *s)
{
	uint32_t i = m->s->nr_actors++;

	snprintf(m->s->actor_names[i], NAME_LEN, "%c%u", s->verb == VERB_FORK ? 'p' : 't', i);
	s->target = (int8_t)i;
	m->alive[i] = true;
	m->thread[i] = s->verb == VERB_THREAD;
	m->process[i] = m->thread[i] ? m->process[s->actor] : (uint8_t)i;
	m->limited[i] = m->limited[m->process[s->actor]];
	memcpy(m->mapped[i], m->mapped[m->process[s->actor]], USED_PAGES);
	memcpy(m->huge_mapped[i], m->huge_mapped[m->process[s->actor]], HUGE_PAGES);
}

void random_exit(struct model *m, struct step *s)
{
	for (unsigned i = 0; i < MAX_ACTORS; i++)
		if (i == s->actor || (!m->thread[s->actor] && m->process[i] == s->actor))
			m->alive[i] = false;
}

static const struct choice *choose(struct model *m)
{
	unsigned sum = 0;
	uint64_t at;

	for (unsigned i = 0; i < m->nr_choices; i++)
		sum += m->choices[i].weight;
	at = random_below(m->r, sum);
	for (unsigned i = 0;; i++) {
		if (at < m->choices[i].weight)
			return &m->choices[i];
		at -= m->choices[i].weight;
	}
}

struct step *random_new_step(struct model *m, enum verb verb, uint8_t actor)
{
	struct step *s = &m->s->steps[m->s->nr_steps++];

	*s = (struct step){.verb = (uint8_t)verb, .actor = actor, .into = VAR_NONE, .target = -1};
	for (unsigned i = 0; i < MAX_ARGS; i++)
		s->args[i].var = VAR_NONE;
	return s;
}

/* A step that the host must not get is not made. */
static void make(struct model *m, const struct choice *c, uint8_t actor)
{
	const struct model before = *m;
	uint32_t steps = m->s->nr_steps, actors = m->s->nr_actors;
	struct refusal why;

	c->make(m, random_new_step(m, c->verb, actor));
	if (m->kind != RANDOM_HUGE || !host_refuses(m->s, &why))
		return;
	*m = before;
	m->s->nr_steps = steps;
	m->s->nr_actors = actors;
}

static void add_step(struct model *m)
{
	const struct choice *c = choose(m);
	uint8_t actor = (uint8_t)random_below(m->r, m->s->nr_actors);

	if (!possible(m, c))
		return;
	while (!m->alive[actor])
		actor = (uint8_t)((actor + 1) % m->s->nr_actors);
	if (c->verb == VERB_EXIT && !may_exit(m, actor))
		return;
	if (c->verb == VERB_THREAD && m->limited[m->process[actor]])
		return;
	if (m->kind == RANDOM_HUGE && !random_huge_meets(m, c->verb, actor))
		return;
	make(m, c, actor);
}

static void add_files(struct model *m)
{
	uint32_t n = (uint32_t)random_below(m->r, 3);

	for (uint32_t i = 0; i < n; i++) {
		struct step *s = random_new_step(m, VERB_FILE, 0);

		snprintf(m->s->file_names[i], NAME_LEN, "f%u", i);
		s->target = (int8_t)i;
		s->words[0] = chance(m, 50) ? FILE_MEMFD : FILE_DISK;
		s->args[0] = file_place(m);
	}
	m->s->nr_files = n;
}

void random_script(struct random_source *r, enum random_kind kind, struct script *s)
{
	struct model m = {.r = r, .s = s, .kind = kind, .alive = {true}};

	script_init(s);
	if (kind == RANDOM_HUGE) {
		random_huge_choices(&m);
		random_huge_begin(&m);
	} else {
		random_choices(&m);
		add_files(&m);
	}
	while (s->nr_steps < STEPS)
		add_step(&m);
	for (uint8_t i = 0; i < MAX_ACTORS; i++)
		if (m.alive[i] && !m.thread[i])
			random_new_step(&m, VERB_CONTENTS, i);
}
