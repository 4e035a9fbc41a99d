/* SPDX-License-Identifier: MIT */
/*
 * random_huge.c: random steps of huge pages: their pools, mappings, files, and forks among them.
 *
 * Few pages, so that a pool runs dry, and steps meet.
 */
#include "replay/random/random_model.h"

#include <quire/abi.h>
#include <stdio.h>

#define MAX_POOL 18

static struct value huge_page(uint64_t page)
{
	return (struct value){VAR_HUGE, page * REPLAY_HUGE};
}

/* Mostly where something is mapped. */
static struct value any_page(struct model *m, const struct step *s)
{
	const uint8_t *mapped = m->huge_mapped[m->process[s->actor]];
	uint64_t page = random_below(m->r, HUGE_PAGES);

	bool aims = chance(m, 90);

	for (unsigned i = 0; aims && i < HUGE_PAGES && !mapped[page]; i++)
		page = (page + 1) % HUGE_PAGES;
	return huge_page(page);
}

static struct value any_pages(struct model *m)
{
	uint64_t n = chance(m, 50) ? 1 : 1 + random_below(m->r, 5);

	return number(n * REPLAY_HUGE + (chance(m, 4) ? REPLAY_PAGE : 0));
}

static void any_range(struct model *m, struct step *s)
{
	s->args[0] = any_page(m, s);
	s->args[1] = any_pages(m);
	if (chance(m, 3))
		s->args[0].add += REPLAY_PAGE;
}

static void mark_range(struct model *m, const struct step *s, unsigned addr, unsigned len,
		       uint8_t what)
{
	uint64_t first = s->args[addr].add / REPLAY_HUGE;
	uint64_t n = (s->args[len].add + REPLAY_HUGE - 1) / REPLAY_HUGE;

	for (uint64_t i = first; i < first + n && i < HUGE_PAGES; i++)
		m->huge_mapped[m->process[s->actor]][i] = what;
}

/* ---- steps ------------------------------------------------------------------- */

static void make_pool(struct model *m, struct step *s)
{
	s->args[0] = number(random_below(m->r, s->verb == VERB_POOL ? MAX_POOL : MAX_POOL / 2));
}

static void make_map(struct model *m, struct step *s)
{
	static const uint32_t extras[] = {QMAP_NORESERVE, QMAP_POPULATE, QMAP_LOCKED,
					  QMAP_NORESERVE | QMAP_POPULATE};

	s->args[0] = huge_page(random_below(m->r, HUGE_PAGES));
	s->args[1] =
	    chance(m, 50) ? any_pages(m) : number((2 + random_below(m->r, 3)) * REPLAY_HUGE);
	s->words[0] = chance(m, 85) ? QPROT_READ | QPROT_WRITE : QPROT_READ;
	s->words[1] = (chance(m, 65) ? QMAP_PRIVATE : QMAP_SHARED) |
		      (chance(m, 85) ? QMAP_FIXED : QMAP_FIXED_NOREPLACE);
	if (chance(m, 25))
		s->words[1] |= extras[random_below(m->r, 4)];
	if (m->s->nr_files && chance(m, 40)) {
		s->target = (int8_t)random_below(m->r, m->s->nr_files);
		s->args[2] = number(random_below(m->r, 4) * REPLAY_HUGE);
	} else if (chance(m, 93)) {
		s->words[1] |= QMAP_HUGETLB;
	}
	mark_range(m, s, 0, 1, 1);
}

static void make_unmap(struct model *m, struct step *s)
{
	any_range(m, s);
	if (chance(m, 60))
		s->args[1] = number(REPLAY_HUGE);
	mark_range(m, s, 0, 1, 0);
}

static void make_protect(struct model *m, struct step *s)
{
	static const uint32_t prots[] = {QPROT_READ | QPROT_WRITE, QPROT_READ | QPROT_WRITE,
					 QPROT_READ, QPROT_NONE};

	any_range(m, s);
	s->words[0] = prots[random_below(m->r, 4)];
}

static void make_advise(struct model *m, struct step *s)
{
	static const uint32_t advice[] = {
	    QMADV_DONTNEED, QMADV_DONTNEED,        QMADV_REMOVE,         QMADV_REMOVE,
	    QMADV_DONTFORK, QMADV_DOFORK,          QMADV_DONTDUMP,       QMADV_WILLNEED,
	    QMADV_FREE,     QMADV_POPULATE_READ,   QMADV_POPULATE_WRITE, QMADV_POPULATE_WRITE,
	    QMADV_COLD,     QMADV_DONTNEED_LOCKED, QMADV_WIPEONFORK,
	};

	any_range(m, s);
	s->words[0] = advice[random_below(m->r, sizeof(advice) / sizeof(advice[0]))];
}

/* Moves, that the host may have, are of whole mappings: where the last one was made. */
static const struct step *a_map(struct model *m, const struct step *s)
{
	unsigned at = (unsigned)random_below(m->r, m->s->nr_steps);

	for (unsigned i = 0; i < m->s->nr_steps; i++) {
		const struct step *old = &m->s->steps[(at + i) % m->s->nr_steps];

		if ((old->verb == VERB_MAP || old->verb == VERB_REMAP) &&
		    old->args[0].var == VAR_HUGE &&
		    m->process[old->actor] == m->process[s->actor] && old != s)
			return old;
	}
	return NULL;
}

static void make_remap(struct model *m, struct step *s)
{
	const struct step *old = chance(m, 80) ? a_map(m, s) : NULL;

	any_range(m, s);
	if (old) {
		bool moved = old->verb == VERB_REMAP && old->words[0] & QMREMAP_FIXED;

		s->args[0] = old->args[moved ? 3 : 0];
		s->args[1] = old->args[old->verb == VERB_REMAP ? 2 : 1];
	}
	s->args[2] = s->args[1];
	if (chance(m, 25))
		s->args[2] = any_pages(m);
	if (chance(m, 60)) {
		s->words[0] = QMREMAP_MAYMOVE | QMREMAP_FIXED;
		s->args[3] = huge_page(random_below(m->r, HUGE_PAGES));
	}
	if (old && s->words[0]) {
		mark_range(m, s, 0, 1, 0);
		mark_range(m, s, 3, 2, 1);
	}
}

static void make_access(struct model *m, struct step *s)
{
	s->args[0] = any_page(m, s);
	s->args[0].add += random_below(m->r, 4) * (REPLAY_HUGE / 4 - 5);
	s->args[1] = number(1 + random_below(m->r, 8));
	if (s->verb != VERB_READ && s->verb != VERB_GET)
		s->args[2] = number(1 + random_below(m->r, 255));
}

static void make_fill(struct model *m, struct step *s)
{
	any_range(m, s);
	s->args[2] = number(1 + random_below(m->r, 255));
}

static void make_mincore(struct model *m, struct step *s)
{
	s->args[0] = any_page(m, s);
	s->args[1] = number((1 + random_below(m->r, 4)) * REPLAY_PAGE);
}

static void make_msync(struct model *m, struct step *s)
{
	any_range(m, s);
	s->words[0] = QMS_SYNC;
}

static void make_file_range(struct model *m, struct step *s)
{
	s->target = (int8_t)random_below(m->r, m->s->nr_files);
	s->args[0] = number(random_below(m->r, 5) * REPLAY_HUGE);
	s->args[1] = any_pages(m);
	if (s->verb == VERB_PREAD)
		s->args[1] = number(8);
	if (chance(m, 10))
		s->args[0].add += REPLAY_PAGE;
}

static void make_truncate(struct model *m, struct step *s)
{
	s->target = (int8_t)random_below(m->r, m->s->nr_files);
	s->args[0] = number(random_below(m->r, 6) * REPLAY_HUGE);
}

/* The other's and one's own memory lie apart, as ordinary ones do. */
static void make_copy(struct model *m, struct step *s)
{
	unsigned i = (unsigned)random_below(m->r, m->s->nr_actors);

	while (!m->alive[i])
		i = (i + 1) % m->s->nr_actors;
	s->target = (int8_t)i;
	s->args[0] = any_page(m, s);
	s->args[1] = any_page(m, s);
	s->args[1].add += REPLAY_HUGE / 2;
	s->args[2] = number(1 + random_below(m->r, 8));
}

static void add_files(struct model *m)
{
	uint32_t n = (uint32_t)random_below(m->r, 3);
	bool mounted = chance(m, 30);

	if (mounted) {
		struct step *s = random_new_step(m, VERB_MOUNT, 0);

		s->args[0] = number(random_below(m->r, 6) * REPLAY_HUGE);
		s->args[1] = number(chance(m, 50) ? random_below(m->r, 3) * REPLAY_HUGE : 0);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct step *s = random_new_step(m, VERB_FILE, 0);

		snprintf(m->s->file_names[i], NAME_LEN, "h%u", i);
		s->target = (int8_t)i;
		s->words[0] = mounted ? FILE_MOUNTED : FILE_HUGETLB;
		s->args[0] = number(random_below(m->r, 5) * REPLAY_HUGE);
	}
	m->s->nr_files = n;
}

/* Else most steps would meet nothing. */
void random_huge_begin(struct model *m)
{
	add_files(m);
	random_new_step(m, VERB_POOL, 0)->args[0] = number(6 + random_below(m->r, MAX_POOL - 6));
	for (unsigned i = 0; i < 2; i++)
		make_map(m, random_new_step(m, VERB_MAP, 0));
}

bool random_huge_meets(const struct model *m, enum verb verb, uint8_t actor)
{
	const uint8_t *mapped = m->huge_mapped[m->process[actor]];

	if (verb == VERB_MAP || verb == VERB_POOL || !verbs[verb].required)
		return true;
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		if (mapped[i])
			return true;
	return false;
}

/* ---- how often ---------------------------------------------------------------- */

static const struct choice huge_choices[] = {
    {VERB_POOL, 6, make_pool},          {VERB_OVERCOMMIT, 2, make_pool},
    {VERB_MAP, 20, make_map},           {VERB_UNMAP, 6, make_unmap},
    {VERB_PROTECT, 5, make_protect},    {VERB_ADVISE, 10, make_advise},
    {VERB_REMAP, 8, make_remap},        {VERB_LOCK, 3, any_range},
    {VERB_UNLOCK, 1, any_range},        {VERB_MINCORE, 2, make_mincore},
    {VERB_MSYNC, 1, make_msync},        {VERB_READ, 14, make_access},
    {VERB_WRITE, 22, make_access},      {VERB_FILL, 4, make_fill},
    {VERB_GET, 2, make_access},         {VERB_PUT, 2, make_access},
    {VERB_POKE, 2, make_access},        {VERB_TRUNCATE, 3, make_truncate},
    {VERB_PUNCH, 3, make_file_range},   {VERB_FALLOCATE, 3, make_file_range},
    {VERB_PREAD, 1, make_file_range},   {VERB_FORK, 7, random_new_actor},
    {VERB_THREAD, 1, random_new_actor}, {VERB_EXIT, 3, random_exit},
    {VERB_VMREAD, 1, make_copy},        {VERB_VMWRITE, 2, make_copy},
};

void random_huge_choices(struct model *m)
{
	m->choices = huge_choices;
	m->nr_choices = sizeof(huge_choices) / sizeof(huge_choices[0]);
}
