/* SPDX-License-Identifier: MIT */
/*
 * random_remap.c: mremap in random scripts: ranges over several mappings and holes, targets that
 * are mapped, that overlap the source, or that no kernel takes.
 *
 * A length that some kernel might take is small: what it adds may be locked, and what it cuts off
 * may be the executing program's own.
 */
#include "replay/random/random_model.h"

#include <quire/abi.h>

#define MANY_PAGES 24u
#define BEYOND (1ull << 50)

static uint32_t any_flags(struct model *m)
{
	static const uint32_t flags[] = {0,
					 QMREMAP_MAYMOVE,
					 QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP | QMREMAP_FIXED,
					 QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP,
					 QMREMAP_FIXED,
					 QMREMAP_DONTUNMAP,
					 QMREMAP_FIXED | QMREMAP_DONTUNMAP};

	if (chance(m, 1))
		return 1u << random_below(m->r, 31);
	return chance(m, 60) ? QMREMAP_MAYMOVE | QMREMAP_FIXED : flags[random_below(m->r, 7)];
}

static struct value any_old_length(struct model *m, struct value len)
{
	if (chance(m, 25))
		return number((1 + random_below(m->r, MANY_PAGES)) * REPLAY_PAGE);
	return chance(m, 4) ? number(0) : len;
}

static struct value any_new_length(struct model *m, struct value old)
{
	if (chance(m, 1))
		return chance(m, 50) ? number(BEYOND) : wrong_length(m);
	return chance(m, 60) ? old : any_length(m);
}

/* Over or beside the source, which is where an overlap begins or ends. */
static struct value near_source(struct model *m, const struct step *s)
{
	uint64_t from = s->args[0].add / REPLAY_PAGE;
	uint64_t pages = (s->args[1].add & (BEYOND - 1)) / REPLAY_PAGE % USED_PAGES;
	uint64_t to = chance(m, 50) ? from + pages : from - pages;

	return arena_page((to + random_below(m->r, 3) + USED_PAGES - 1) % USED_PAGES);
}

static struct value any_target(struct model *m, const struct step *s)
{
	struct value v = arena_page(random_below(m->r, USED_PAGES));

	if (chance(m, 20))
		v = near_source(m, s);
	if (chance(m, 2))
		v.add += 1 + random_below(m->r, REPLAY_PAGE - 1);
	if (chance(m, 1))
		v.add += chance(m, 50) ? BEYOND : ~0ull - BEYOND;
	return v;
}

/* What was somewhere comes into the arena, or all of it moves on to somewhere else. */
static void remap_anywhere(struct model *m, struct step *s, struct anywhere *w)
{
	s->args[0] = (struct value){VAR_FIRST + (int32_t)(w - m->anywhere), 0};
	s->args[1] = number(w->pages * REPLAY_PAGE);
	w->pages = 0;
}

void random_remap(struct model *m, struct step *s)
{
	struct anywhere *w = chance(m, 5) ? any_anywhere(m, s) : NULL;

	s->words[0] = any_flags(m);
	if (w && (s->words[0] & QMREMAP_FIXED)) {
		remap_anywhere(m, s, w);
	} else {
		arena_range(m, s);
		s->args[1] = any_old_length(m, s->args[1]);
	}
	s->args[2] = any_new_length(m, s->args[1]);
	s->args[3] = number(0);
	if (!(s->words[0] & (QMREMAP_FIXED | QMREMAP_DONTUNMAP)))
		return;
	s->args[3] = any_target(m, s);
	if (s->words[0] & QMREMAP_FIXED && s->args[2].add < BEYOND)
		mark(m, s, 3, 2, 1);
}

void random_remap_far(struct model *m, struct step *s)
{
	uint64_t pages = chance(m, 60) ? TABLE_PAGES : chance(m, 50) ? 2 * TABLE_PAGES : 2;

	s->args[0] = arena_page(far_page(m));
	s->args[1] = number(pages * REPLAY_PAGE);
	s->args[2] = s->args[1];
	if (chance(m, 20))
		s->args[2].add += chance(m, 50) ? REPLAY_PAGE : TABLE_PAGES * REPLAY_PAGE;
	s->args[3] = arena_page(far_page(m));
	s->words[0] = QMREMAP_MAYMOVE | QMREMAP_FIXED;
	if (chance(m, 20))
		s->words[0] |= QMREMAP_DONTUNMAP;
}
