/* SPDX-License-Identifier: MIT */
/*
 * search.c: random scripts, and what becomes of one that shows a difference.
 */
#include "replay/cmd/search.h"
#include "replay/random/random.h"
#include "replay/random/shrink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct found {
	struct play *play;
	struct difference difference;
};

/* In what was found, not in something else that a shorter script shows. */
static bool differs_alike(void *arg, const struct script *s)
{
	const struct found *f = arg;
	struct difference d;

	if (!play_differs(f->play, s, &d))
		return false;
	if (!d.what || !f->difference.what)
		return !d.what && !f->difference.what;
	return differences_alike(&d, &f->difference);
}

static void save(const struct play *p, const struct script *s, uint64_t seed)
{
	char name[64], line[256];
	FILE *f;

	snprintf(name, sizeof(name), "replay-%llu.txt", (unsigned long long)seed);
	f = fopen(name, "w");
	if (!f) {
		fprintf(stderr, "quire replay: %s: %s\n", name, strerror(errno));
		return;
	}
	for (unsigned i = 0; i < s->nr_steps; i++) {
		step_print(s, &s->steps[i], line, sizeof(line));
		fprintf(f, "%s\n", line);
	}
	if (fclose(f))
		fprintf(stderr, "quire replay: %s: %s\n", name, strerror(errno));
	printf("seed %llu; again: quire replay --on %s%s%s %s\n", (unsigned long long)seed,
	       side_names[p->sides[0].kind], p->nr_sides > 1 ? "," : "",
	       p->nr_sides > 1 ? side_names[p->sides[1].kind] : "", name);
}

/* True: a script of this seed shows a difference, or there is no machine for it. */
static bool search_seed(struct play *p, const struct search *search, uint64_t seed)
{
	static struct script s;
	static struct found f;
	struct random_source r = random_from(seed);

	for (uint64_t done = 0; done < search->count; done += s.nr_steps) {
		random_script(&r, search->kind, &s);
		if (!play_possible(p, &s))
			return true;
		f.play = p;
		if (!play_differs(p, &s, &f.difference))
			continue;
		script_shrink(&s, differs_alike, &f);
		play_script(p, &s);
		save(p, &s, seed);
		return true;
	}
	return false;
}

uint64_t search_random(struct play *p, const struct search *search)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < search->seeds; i++)
		found += search_seed(p, search, search->seed + i);
	return found;
}
