/* SPDX-License-Identifier: MIT */
/*
 * random.c: random scripts: which steps, and by whom.
 */
#include "replay/random/random_model.h"

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

static bool possible(const struct model *m, const struct choice *c)
{
	switch (c->verb) {
	case VERB_TRUNCATE:
	case VERB_PUNCH:
	case VERB_PREAD:
	case VERB_PWRITE:
	case VERB_FSYNC:
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

static const struct choice *choose(struct model *m)
{
	unsigned sum = 0;
	uint64_t at;

	for (unsigned i = 0; i < nr_choices; i++)
		sum += choices[i].weight;
	at = random_below(m->r, sum);
	for (unsigned i = 0;; i++) {
		if (at < choices[i].weight)
			return &choices[i];
		at -= choices[i].weight;
	}
}

static struct step *new_step(struct model *m, enum verb verb, uint8_t actor)
{
	struct step *s = &m->s->steps[m->s->nr_steps++];

	*s = (struct step){.verb = (uint8_t)verb, .actor = actor, .into = VAR_NONE, .target = -1};
	for (unsigned i = 0; i < MAX_ARGS; i++)
		s->args[i].var = VAR_NONE;
	return s;
}

static void add_step(struct model *m)
{
	const struct choice *c = choose(m);
	uint8_t actor = (uint8_t)random_below(m->r, m->s->nr_actors);

	if (!possible(m, c))
		return;
	while (!m->alive[actor])
		actor = (uint8_t)((actor + 1) % m->s->nr_actors);
	if (c->verb == VERB_EXIT && !m->thread[actor] && !actor)
		return;
	if (c->verb == VERB_THREAD && m->limited[m->process[actor]])
		return;
	c->make(m, new_step(m, c->verb, actor));
}

static void add_files(struct model *m)
{
	uint32_t n = (uint32_t)random_below(m->r, 3);

	for (uint32_t i = 0; i < n; i++) {
		struct step *s = new_step(m, VERB_FILE, 0);

		snprintf(m->s->file_names[i], NAME_LEN, "f%u", i);
		s->target = (int8_t)i;
		s->words[0] = chance(m, 50) ? FILE_MEMFD : FILE_DISK;
		s->args[0] = file_place(m);
	}
	m->s->nr_files = n;
}

void random_script(struct random_source *r, struct script *s)
{
	struct model m = {.r = r, .s = s, .alive = {true}};

	script_init(s);
	add_files(&m);
	while (s->nr_steps < STEPS)
		add_step(&m);
	for (uint8_t i = 0; i < MAX_ACTORS; i++)
		if (m.alive[i] && !m.thread[i])
			new_step(&m, VERB_CONTENTS, i);
}
