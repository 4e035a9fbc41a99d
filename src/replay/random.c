// SPDX-License-Identifier: MIT
/*
 * random.c: random scripts by a grammar of steps and arguments, and a model of what is mapped, so
 * that most steps meet something.
 *
 * What would take the executing program's own memory is not made: ranges stay inside of the arena,
 * or are refused by every kernel for their size.
 */
#include "replay/random.h"

#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

#define STEPS 40
#define USED_PAGES 40u /* of the arena: few, so that steps meet */
#define MAX_LEN 8u

struct model {
	struct random_source *r;
	struct script *s;
	uint8_t mapped[MAX_ACTORS][USED_PAGES]; /* by process */
	uint8_t process[MAX_ACTORS];
	bool alive[MAX_ACTORS], thread[MAX_ACTORS];
};

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

static bool chance(struct model *m, unsigned percent)
{
	return random_below(m->r, 100) < percent;
}

static struct value arena_page(uint64_t page)
{
	return (struct value){VAR_ARENA, page * REPLAY_PAGE};
}

static struct value number(uint64_t n)
{
	return (struct value){VAR_NONE, n};
}

/* ---- arguments --------------------------------------------------------------- */

static uint64_t any_page(struct model *m, uint8_t actor)
{
	const uint8_t *mapped = m->mapped[m->process[actor]];
	uint64_t page = random_below(m->r, USED_PAGES);

	if (chance(m, 15))
		return page;
	for (unsigned i = 0; i < USED_PAGES; i++)
		if (mapped[(page + i) % USED_PAGES])
			return (page + i) % USED_PAGES;
	return page;
}

static struct value any_address(struct model *m, uint8_t actor)
{
	struct value v = arena_page(any_page(m, actor));

	if (chance(m, 3))
		v.add += 1 + random_below(m->r, REPLAY_PAGE - 1);
	return v;
}

static uint64_t any_pages(struct model *m)
{
	return chance(m, 50) ? 1 + random_below(m->r, 2) : 1 + random_below(m->r, MAX_LEN);
}

static struct value any_length(struct model *m)
{
	uint64_t n = any_pages(m) * REPLAY_PAGE;

	if (chance(m, 2))
		return number(0);
	if (chance(m, 5))
		n -= 1 + random_below(m->r, REPLAY_PAGE - 1);
	return number(n);
}

/* It wraps: no kernel takes such a range, whatever lies there. */
static struct value wrong_length(struct model *m)
{
	return number(~0ull - random_below(m->r, 3) * (REPLAY_PAGE - 1));
}

static uint32_t any_word(struct model *m, enum arg_kind kind)
{
	const struct word_list *list = words_of(kind);
	uint32_t n = 0;

	while (list->words[n].name)
		n++;
	return list->words[random_below(m->r, n)].value;
}

static uint32_t any_prot(struct model *m)
{
	static const uint32_t prots[] = {QPROT_READ | QPROT_WRITE, QPROT_READ, QPROT_NONE,
					 QPROT_READ | QPROT_EXEC, QPROT_WRITE};

	return chance(m, 60) ? prots[0] : prots[random_below(m->r, 5)];
}

/* ---- steps ------------------------------------------------------------------- */

static void mark(struct model *m, const struct step *s, unsigned addr, unsigned len, uint8_t what)
{
	uint8_t *mapped = m->mapped[m->process[s->actor]];
	uint64_t first = s->args[addr].add / REPLAY_PAGE;
	uint64_t pages = s->args[len].add / REPLAY_PAGE + (s->args[len].add % REPLAY_PAGE != 0);

	for (uint64_t i = first; i < first + pages && i < USED_PAGES; i++)
		mapped[i] = what;
}

static void make_range(struct model *m, struct step *s)
{
	s->args[0] = any_address(m, s->actor);
	s->args[1] = chance(m, 1) ? wrong_length(m) : any_length(m);
}

static void make_map(struct model *m, struct step *s)
{
	static const uint32_t extras[] = {QMAP_NORESERVE, QMAP_POPULATE, QMAP_LOCKED,
					  QMAP_GROWSDOWN, QMAP_POPULATE | QMAP_NONBLOCK};

	s->args[0] = arena_page(random_below(m->r, USED_PAGES));
	s->args[1] = chance(m, 1) ? wrong_length(m) : any_length(m);
	s->words[0] = any_prot(m);
	s->words[1] = chance(m, 60)   ? QMAP_PRIVATE
		      : chance(m, 80) ? QMAP_SHARED
				      : QMAP_SHARED_VALIDATE;
	s->words[1] |= chance(m, 80) ? QMAP_FIXED : QMAP_FIXED_NOREPLACE;
	if (chance(m, 15))
		s->words[1] |= extras[random_below(m->r, 5)];
	if (m->s->nr_files && chance(m, 50)) {
		s->target = (int8_t)random_below(m->r, m->s->nr_files);
		s->args[2] = number(random_below(m->r, 6) * REPLAY_PAGE);
		if (chance(m, 2))
			s->args[2].add += 512;
	}
	mark(m, s, 0, 1, 1);
}

static void make_unmap(struct model *m, struct step *s)
{
	make_range(m, s);
	mark(m, s, 0, 1, 0);
}

static void make_protect(struct model *m, struct step *s)
{
	make_range(m, s);
	s->words[0] = any_prot(m);
}

static void make_advise(struct model *m, struct step *s)
{
	make_range(m, s);
	s->words[0] = chance(m, 25) ? (uint32_t)QMADV_DONTNEED : any_word(m, ARG_ADVICE);
	if (chance(m, 1))
		s->words[0] = 77;
}

static void make_remap(struct model *m, struct step *s)
{
	static const uint32_t flags[] = {
	    0,
	    QMREMAP_MAYMOVE,
	    QMREMAP_MAYMOVE | QMREMAP_FIXED,
	    QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP | QMREMAP_FIXED,
	    QMREMAP_FIXED,
	};

	make_range(m, s);
	s->args[2] = chance(m, 50) ? s->args[1] : any_length(m);
	s->words[0] = flags[chance(m, 60) ? 2 : random_below(m->r, 5)];
	/* Without an address the sides choose, each its own. */
	if (s->words[0] == QMREMAP_MAYMOVE && s->args[2].add > s->args[1].add)
		s->words[0] = 0;
	s->args[3] = arena_page(random_below(m->r, USED_PAGES));
	if (!(s->words[0] & QMREMAP_FIXED))
		s->args[3] = number(0);
	else
		mark(m, s, 3, 2, 1);
}

static void make_lock(struct model *m, struct step *s)
{
	make_range(m, s);
	if (chance(m, 30))
		s->words[0] = QMLOCK_ONFAULT;
}

static void make_brk(struct model *m, struct step *s)
{
	s->args[0] = (struct value){VAR_HEAP, random_below(m->r, 5) * REPLAY_PAGE};
	if (chance(m, 20))
		s->args[0].add += random_below(m->r, REPLAY_PAGE) - 100;
}

static void make_lockall(struct model *m, struct step *s)
{
	static const uint32_t flags[] = {QMCL_CURRENT,
					 QMCL_FUTURE,
					 QMCL_CURRENT | QMCL_FUTURE,
					 QMCL_CURRENT | QMCL_ONFAULT,
					 QMCL_FUTURE | QMCL_ONFAULT,
					 QMCL_ONFAULT,
					 0};

	s->words[0] = flags[random_below(m->r, 7)];
}

static void make_nothing(struct model *m, struct step *s)
{
	(void)m;
	(void)s;
}

static void make_msync(struct model *m, struct step *s)
{
	static const uint32_t flags[] = {QMS_SYNC,
					 QMS_ASYNC,
					 QMS_INVALIDATE,
					 0,
					 QMS_SYNC | QMS_INVALIDATE,
					 QMS_SYNC | QMS_ASYNC};

	make_range(m, s);
	s->words[0] = flags[random_below(m->r, 6)];
}

static void make_access(struct model *m, struct step *s)
{
	s->args[0] = any_address(m, s->actor);
	s->args[0].add += random_below(m->r, 4) * 64;
	s->args[1] = number(chance(m, 70) ? 1 + random_below(m->r, 16)
					  : random_below(m->r, 3 * REPLAY_PAGE));
	s->args[2] = number(1 + random_below(m->r, 255));
	if (s->verb == VERB_READ)
		s->args[2] = number(0);
}

static struct value file_place(struct model *m)
{
	uint64_t at = random_below(m->r, 8) * REPLAY_PAGE;

	return number(chance(m, 60) ? at : at + random_below(m->r, REPLAY_PAGE));
}

static void make_file_range(struct model *m, struct step *s)
{
	s->target = (int8_t)random_below(m->r, m->s->nr_files);
	s->args[0] = file_place(m);
	s->args[1] = number(1 + random_below(m->r, 3 * REPLAY_PAGE));
	if (s->verb == VERB_PUNCH)
		s->args[0].add &= ~(REPLAY_PAGE - 1);
	if (chance(m, 50) || s->verb == VERB_PUNCH)
		s->args[1].add = (s->args[1].add + REPLAY_PAGE - 1) & ~(REPLAY_PAGE - 1);
	if (s->verb == VERB_PWRITE)
		s->args[2] = number(1 + random_below(m->r, 255));
}

static void make_truncate(struct model *m, struct step *s)
{
	s->target = (int8_t)random_below(m->r, m->s->nr_files);
	s->args[0] = file_place(m);
}

static void make_fsync(struct model *m, struct step *s)
{
	s->target = (int8_t)random_below(m->r, m->s->nr_files);
}

static void make_new_actor(struct model *m, struct step *s)
{
	uint32_t i = m->s->nr_actors++;

	snprintf(m->s->actor_names[i], NAME_LEN, "%c%u", s->verb == VERB_FORK ? 'p' : 't', i);
	s->target = (int8_t)i;
	m->alive[i] = true;
	m->thread[i] = s->verb == VERB_THREAD;
	m->process[i] = m->thread[i] ? m->process[s->actor] : (uint8_t)i;
	memcpy(m->mapped[i], m->mapped[m->process[s->actor]], USED_PAGES);
}

static void make_exit(struct model *m, struct step *s)
{
	for (unsigned i = 0; i < MAX_ACTORS; i++)
		if (i == s->actor || (!m->thread[s->actor] && m->process[i] == s->actor))
			m->alive[i] = false;
}

static void make_copy(struct model *m, struct step *s)
{
	unsigned i = (unsigned)random_below(m->r, m->s->nr_actors);

	while (!m->alive[i])
		i = (i + 1) % m->s->nr_actors;
	s->target = (int8_t)i;
	s->args[0] = any_address(m, (uint8_t)i);
	s->args[1] = any_address(m, s->actor);
	s->args[2] = number(random_below(m->r, 3 * REPLAY_PAGE));
	/* Nobody says in which order a range is copied onto one that it overlaps. */
	s->args[1].add = s->args[0].add + 4 * REPLAY_PAGE;
}

/* ---- which step ------------------------------------------------------------- */

struct choice {
	enum verb verb;
	unsigned weight;
	void (*make)(struct model *m, struct step *s);
};

static const struct choice choices[] = {
    {VERB_MAP, 18, make_map},          {VERB_UNMAP, 6, make_unmap},
    {VERB_PROTECT, 10, make_protect},  {VERB_ADVISE, 10, make_advise},
    {VERB_REMAP, 8, make_remap},       {VERB_LOCK, 3, make_lock},
    {VERB_UNLOCK, 2, make_range},      {VERB_MINCORE, 3, make_range},
    {VERB_BRK, 1, make_brk},           {VERB_LOCKALL, 1, make_lockall},
    {VERB_UNLOCKALL, 1, make_nothing}, {VERB_MSYNC, 3, make_msync},
    {VERB_READ, 16, make_access},      {VERB_WRITE, 20, make_access},
    {VERB_TRUNCATE, 3, make_truncate}, {VERB_PUNCH, 2, make_file_range},
    {VERB_PREAD, 2, make_file_range},  {VERB_PWRITE, 3, make_file_range},
    {VERB_FSYNC, 1, make_fsync},       {VERB_FORK, 4, make_new_actor},
    {VERB_THREAD, 1, make_new_actor},  {VERB_EXIT, 2, make_exit},
    {VERB_VMREAD, 2, make_copy},       {VERB_VMWRITE, 2, make_copy},
};
#define NR_CHOICES (sizeof(choices) / sizeof(choices[0]))

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

	for (unsigned i = 0; i < NR_CHOICES; i++)
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
