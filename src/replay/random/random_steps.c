/* SPDX-License-Identifier: MIT */
/*
 * random_steps.c: the steps of random scripts and their arguments.
 */
#include "replay/random/random_model.h"

#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

#define MAX_LEN 8u
#define FAR_TABLES 4u

bool chance(struct model *m, unsigned percent)
{
	return random_below(m->r, 100) < percent;
}

struct value arena_page(uint64_t page)
{
	return (struct value){VAR_ARENA, page * REPLAY_PAGE};
}

struct value number(uint64_t n)
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

uint64_t far_page(struct model *m)
{
	uint64_t table = 1 + random_below(m->r, FAR_TABLES);

	return table * TABLE_PAGES + (chance(m, 60) ? 0 : random_below(m->r, 5) - 2);
}

static struct value any_address(struct model *m, uint8_t actor)
{
	struct value v = arena_page(chance(m, 2) ? far_page(m) : any_page(m, actor));

	if (chance(m, 3))
		v.add += 1 + random_below(m->r, REPLAY_PAGE - 1);
	return v;
}

static uint64_t any_pages(struct model *m)
{
	return chance(m, 50) ? 1 + random_below(m->r, 2) : 1 + random_below(m->r, MAX_LEN);
}

struct value any_length(struct model *m)
{
	uint64_t n = any_pages(m) * REPLAY_PAGE;

	if (chance(m, 2))
		return number(0);
	if (chance(m, 5))
		n -= 1 + random_below(m->r, REPLAY_PAGE - 1);
	return number(n);
}

struct value wrong_length(struct model *m)
{
	return number(~0ull - random_below(m->r, 3) * (REPLAY_PAGE - 1));
}

/* But for those of huge pages, which come last. */
static uint32_t any_advice(struct model *m)
{
	const struct word_list *list = words_of(ARG_ADVICE);
	uint32_t n = 0;

	while (list->words[n].value != QMADV_HUGEPAGE)
		n++;
	return list->words[random_below(m->r, n)].value;
}

static uint32_t any_prot(struct model *m)
{
	static const uint32_t prots[] = {QPROT_READ | QPROT_WRITE, QPROT_READ, QPROT_NONE,
					 QPROT_READ | QPROT_EXEC, QPROT_WRITE};

	uint32_t grows = chance(m, 2) ? QPROT_GROWSDOWN : chance(m, 1) ? QPROT_GROWSUP : 0;

	return grows | (chance(m, 60) ? prots[0] : prots[random_below(m->r, 5)]);
}

/* ---- steps ------------------------------------------------------------------- */

void mark(struct model *m, const struct step *s, unsigned addr, unsigned len, uint8_t what)
{
	uint8_t *mapped = m->mapped[m->process[s->actor]];
	uint64_t first = s->args[addr].add / REPLAY_PAGE;
	uint64_t pages = s->args[len].add / REPLAY_PAGE + (s->args[len].add % REPLAY_PAGE != 0);

	for (uint64_t i = first; i < first + pages && i < USED_PAGES; i++)
		mapped[i] = what;
}

struct anywhere *any_anywhere(struct model *m, const struct step *s)
{
	unsigned at = (unsigned)random_below(m->r, MAX_ANYWHERE);

	for (unsigned i = 0; i < MAX_ANYWHERE; i++) {
		struct anywhere *w = &m->anywhere[(at + i) % MAX_ANYWHERE];

		if (w->pages && w->process == m->process[s->actor])
			return w;
	}
	return NULL;
}

/* A part of it. */
static void range_of(struct model *m, struct step *s, const struct anywhere *w)
{
	uint64_t first = random_below(m->r, w->pages);

	s->args[0] = (struct value){VAR_FIRST + (int32_t)(w - m->anywhere), first * REPLAY_PAGE};
	s->args[1] = number((1 + random_below(m->r, w->pages - first)) * REPLAY_PAGE);
}

void arena_range(struct model *m, struct step *s)
{
	s->args[0] = any_address(m, s->actor);
	s->args[1] = chance(m, 1) ? wrong_length(m) : any_length(m);
}

static void make_range(struct model *m, struct step *s)
{
	const struct anywhere *w = chance(m, 5) ? any_anywhere(m, s) : NULL;

	if (w)
		range_of(m, s, w);
	else
		arena_range(m, s);
}

static void make_map(struct model *m, struct step *s)
{
	static const uint32_t extras[] = {QMAP_NORESERVE,
					  QMAP_POPULATE,
					  QMAP_LOCKED,
					  QMAP_GROWSDOWN,
					  QMAP_POPULATE | QMAP_NONBLOCK,
					  QMAP_STACK,
					  QMAP_SYNC};

	s->args[0] = arena_page(random_below(m->r, USED_PAGES));
	s->args[1] = chance(m, 1) ? wrong_length(m) : any_length(m);
	s->words[0] = any_prot(m);
	s->words[1] = chance(m, 60)   ? QMAP_PRIVATE
		      : chance(m, 80) ? QMAP_SHARED
				      : QMAP_SHARED_VALIDATE;
	s->words[1] |= chance(m, 80) ? QMAP_FIXED : QMAP_FIXED_NOREPLACE;
	if (chance(m, 15))
		s->words[1] |= extras[random_below(m->r, 6)];
	if (m->s->nr_files && chance(m, 50)) {
		s->target = (int8_t)random_below(m->r, m->s->nr_files);
		s->args[2] = number(random_below(m->r, 6) * REPLAY_PAGE);
		if (chance(m, 2))
			s->args[2].add += 512;
	}
	if (chance(m, 2) && s->target < 0)
		s->words[1] = QMAP_DROPPABLE | (s->words[1] & (QMAP_FIXED | QMAP_LOCKED));
	mark(m, s, 0, 1, 1);
}

/* Where it lies is the kernel's choice, mostly, and goes into a variable. */
static void make_map_anywhere(struct model *m, struct step *s)
{
	uint64_t pages = any_pages(m);
	unsigned i = m->s->nr_vars - VAR_FIRST;

	if (i == MAX_ANYWHERE) {
		make_map(m, s);
		return;
	}
	snprintf(m->s->var_names[VAR_FIRST + i], NAME_LEN, "v%u", i);
	m->s->nr_vars++;
	s->into = (int8_t)(VAR_FIRST + i);
	s->args[0] = chance(m, 50) ? number(0) : any_address(m, s->actor);
	s->args[1] = number(pages * REPLAY_PAGE);
	s->words[0] = any_prot(m) & (QPROT_READ | QPROT_WRITE | QPROT_EXEC);
	s->words[1] = QMAP_PRIVATE | (chance(m, 20) ? QMAP_32BIT : 0);
	m->anywhere[i] = (struct anywhere){pages, m->process[s->actor]};
}

/* More than one page table maps, at or near a table's border: tables move whole,
 * and parts of two. */
static void make_map_far(struct model *m, struct step *s)
{
	make_map(m, s);
	s->args[0] = arena_page(far_page(m));
	if (!chance(m, 30))
		s->args[1] = number((1 + random_below(m->r, 2)) * TABLE_PAGES * REPLAY_PAGE);
	s->words[1] &= ~(uint32_t)QMAP_POPULATE;
}

static void make_access_far(struct model *m, struct step *s)
{
	s->args[0] = arena_page(far_page(m));
	s->args[1] = number(1 + random_below(m->r, 3 * REPLAY_PAGE));
	s->args[2] = number(s->verb == VERB_WRITE ? 1 + random_below(m->r, 255) : 0);
}

/* What is anywhere goes whole: else the place of the next would not be the same everywhere. */
static void make_unmap(struct model *m, struct step *s)
{
	struct anywhere *w = chance(m, 5) ? any_anywhere(m, s) : NULL;

	if (w) {
		s->args[0] = (struct value){VAR_FIRST + (int32_t)(w - m->anywhere), 0};
		s->args[1] = number(w->pages * REPLAY_PAGE);
		w->pages = 0;
		return;
	}
	arena_range(m, s);
	mark(m, s, 0, 1, 0);
}

/* Gives the range of one of the last such steps its rights back: neighbours may be one again. */
static bool protect_back(struct model *m, struct step *s)
{
	unsigned skip = (unsigned)random_below(m->r, 3);

	for (unsigned i = m->s->nr_steps; i-- > 0;) {
		const struct step *old = &m->s->steps[i];

		if (old == s || old->verb != VERB_PROTECT || skip-- > 0)
			continue;
		s->args[0] = old->args[0];
		s->args[1] = old->args[1];
		s->words[0] = QPROT_READ | QPROT_WRITE;
		return true;
	}
	return false;
}

static void make_protect(struct model *m, struct step *s)
{
	if (chance(m, 30) && protect_back(m, s))
		return;
	make_range(m, s);
	s->words[0] = any_prot(m);
}

static void make_advise(struct model *m, struct step *s)
{
	make_range(m, s);
	s->words[0] = chance(m, 25) ? (uint32_t)QMADV_DONTNEED : any_advice(m);
	if (chance(m, 1))
		s->words[0] = 77;
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
	const struct anywhere *w = chance(m, 5) ? any_anywhere(m, s) : NULL;

	s->args[0] = any_address(m, s->actor);
	s->args[0].add += random_below(m->r, 4) * 64;
	s->args[1] = number(chance(m, 70) ? 1 + random_below(m->r, 16)
					  : random_below(m->r, 3 * REPLAY_PAGE));
	s->args[2] = number(s->verb == VERB_WRITE ? 1 + random_below(m->r, 255) : 0);
	if (w)
		range_of(m, s, w);
}

struct value file_place(struct model *m)
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

/* None at all, none, or so little that some still fits;
 * the memory of the stage itself counts, too. */
static void make_limit(struct model *m, struct step *s)
{
	static const uint32_t limits[] = {LIMIT_AS, LIMIT_DATA, LIMIT_STACK};

	s->words[0] = limits[random_below(m->r, 3)];
	s->args[0] = number(chance(m, 60) ? ~0ull : 0);
	if (s->words[0] != LIMIT_STACK && !s->args[0].add)
		m->limited[m->process[s->actor]] = true;
	if (s->words[0] == LIMIT_STACK && chance(m, 40))
		s->args[0] = number(random_below(m->r, 12) * REPLAY_PAGE);
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

/* ---- how often ---------------------------------------------------------------- */

static const struct choice choices[] = {
    {VERB_MAP, 2, make_map_anywhere},
    {VERB_MAP, 1, make_map_far},
    {VERB_REMAP, 1, random_remap_far},
    {VERB_WRITE, 1, make_access_far},
    {VERB_READ, 1, make_access_far},
    {VERB_LIMIT, 1, make_limit},
    {VERB_MAP, 18, make_map},
    {VERB_UNMAP, 6, make_unmap},
    {VERB_PROTECT, 10, make_protect},
    {VERB_ADVISE, 10, make_advise},
    {VERB_REMAP, 8, random_remap},
    {VERB_LOCK, 3, make_lock},
    {VERB_UNLOCK, 2, make_range},
    {VERB_MINCORE, 3, make_range},
    {VERB_BRK, 1, make_brk},
    {VERB_LOCKALL, 1, make_lockall},
    {VERB_UNLOCKALL, 1, make_nothing},
    {VERB_MSYNC, 3, make_msync},
    {VERB_READ, 16, make_access},
    {VERB_WRITE, 20, make_access},
    {VERB_TRUNCATE, 3, make_truncate},
    {VERB_PUNCH, 2, make_file_range},
    {VERB_PREAD, 2, make_file_range},
    {VERB_PWRITE, 3, make_file_range},
    {VERB_FSYNC, 1, make_fsync},
    {VERB_FORK, 4, random_new_actor},
    {VERB_THREAD, 1, random_new_actor},
    {VERB_EXIT, 2, random_exit},
    {VERB_VMREAD, 2, make_copy},
    {VERB_VMWRITE, 2, make_copy},
    {VERB_MBIND, 6, random_mbind},
    {VERB_SET_MEMPOLICY, 1, random_set_mempolicy},
    {VERB_GET_MEMPOLICY, 2, random_get_mempolicy},
    {VERB_HOME_NODE, 1, random_home_node},
    {VERB_MOVE_PAGES, 3, random_move_pages},
    {VERB_MIGRATE_PAGES, 1, random_migrate_pages},
};

void random_choices(struct model *m)
{
	m->choices = choices;
	m->nr_choices = sizeof(choices) / sizeof(choices[0]);
}
