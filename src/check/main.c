/* SPDX-License-Identifier: MIT */
/*
 * main.c: the command line of `quire check`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

static void tell_line(void *ctx, unsigned actor, const char *text)
{
	(void)ctx;
	printf("  %*s%s\n", (int)actor * 36, "", text);
}

static bool check(const struct scenario *s, unsigned bound)
{
	struct explore_options o = {.bound = s->bound > bound ? s->bound : bound};
	struct explore_result r;
	struct schedule taken;
	struct subject sub;
	char text[1024];

	world_build(s, &sub);
	explore(&sub, &o, &r);
	printf("%-24s %s at bound %u: %llu schedules, %llu cut off, %.2f s, %.0f/s\n", s->name,
	       r.verdict == EXPLORE_VIOLATION ? "VIOLATION" : "exhausted", r.bound,
	       (unsigned long long)r.schedules, (unsigned long long)r.pruned, r.seconds,
	       (double)r.schedules / r.seconds);
	if (r.verdict != EXPLORE_VIOLATION)
		return true;
	shrink(&sub, &r.found, r.violation, sizeof(r.violation));
	schedule_format(&r.found, text, sizeof(text));
	printf("  %s %s\n  %s\n", s->name, text, r.violation);
	sched_tell(tell_line, NULL, false);
	replay(&sub, &r.found, &taken, r.violation, sizeof(r.violation));
	sched_tell(NULL, NULL, false);
	return false;
}

int main(int argc, char **argv)
{
	unsigned bound = 2;
	bool good = true, named = false;

	memset(quire_rule_on, 1, sizeof(quire_rule_on));
	sched_init();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--bound") && i + 1 < argc) {
			bound = (unsigned)atoi(argv[++i]);
		} else if (!strcmp(argv[i], "--without") && i + 1 < argc) {
			int rule = rule_find(argv[++i]);

			if (rule < 0) {
				fprintf(stderr, "quire-check: no rule '%s'\n", argv[i]);
				return 2;
			}
			quire_rule_on[rule] = false;
		} else {
			const struct scenario *s = scenario_find(argv[i]);

			named = true;
			if (!s) {
				fprintf(stderr, "quire-check: no scenario '%s'\n", argv[i]);
				return 2;
			}
			good &= check(s, bound);
		}
	}
	for (unsigned i = 0; !named && scenarios[i]; i++)
		good &= check(scenarios[i], bound);
	return !good;
}
