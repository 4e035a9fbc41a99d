/* SPDX-License-Identifier: MIT */
/*
 * counts.c: how many schedules there are of actors that only take steps.
 *
 * An actor with n - 1 points is n pieces: what comes before the first, between two, after the
 * last.  Two such actors, of n and m pieces, have C(n + m, n) schedules.  With at most k
 * preemptions: cut the n into a runs of pieces and the m into b, C(n-1, a-1) and C(m-1, b-1)
 * ways; they alternate, so |a - b| <= 1, in two ways if a = b; each run but the last of its actor
 * ends in a preemption, a + b - 2 of them.
 */
#include "engine.h"

#define MAX_PIECES 6u
#define UNBOUNDED 12u

static void steps(unsigned n)
{
	while (n--)
		atomic_add(&sh->x, 1);
}

static void steps_of(void *arg)
{
	steps((unsigned)(uintptr_t)arg);
}

static void build(const unsigned *pieces, unsigned actors, struct subject *sub)
{
	world_new();
	for (unsigned i = 0; i < actors; i++)
		sched_actor(i, "steps", steps_of, (void *)(uintptr_t)(pieces[i] - 1));
	sched_snapshot();
	*sub = (struct subject){NULL, NULL};
}

static uint64_t up_to(const struct subject *sub, unsigned bound)
{
	struct explore_options o = {.bound = bound, .no_cache = true};
	struct explore_result r;

	do
		explore(sub, &o, &r);
	while (r.restarts);
	CHECK(r.verdict == EXPLORE_EXHAUSTED && !r.pruned);
	return r.schedules;
}

/* explore() goes through all bounds up to its own. */
static uint64_t schedules_at(const unsigned *pieces, unsigned actors, unsigned bound)
{
	struct subject sub;

	build(pieces, actors, &sub);
	return up_to(&sub, bound) - (bound ? up_to(&sub, bound - 1) : 0);
}

static uint64_t choose(unsigned n, unsigned k)
{
	return k > n ? 0 : k ? choose(n - 1, k - 1) * n / k : 1;
}

static uint64_t formula(unsigned n, unsigned m, unsigned k)
{
	uint64_t sum = 0;

	for (unsigned a = 1; a <= n; a++)
		for (unsigned b = 1; b <= m; b++)
			if (a <= b + 1 && b <= a + 1 && a + b - 2 <= k)
				sum +=
				    (a == b ? 2 : 1) * choose(n - 1, a - 1) * choose(m - 1, b - 1);
	return sum;
}

static void two(void)
{
	for (unsigned n = 1; n <= MAX_PIECES; n++)
		for (unsigned m = 1; m <= MAX_PIECES; m++) {
			unsigned pieces[] = {n, m};

			for (unsigned k = 0; k <= 4; k++)
				CHECK(schedules_at(pieces, 2, k) == formula(n, m, k));
			CHECK(formula(n, m, UNBOUNDED) == choose(n + m, n));
			CHECK(schedules_at(pieces, 2, UNBOUNDED) == choose(n + m, n));
		}
}

/* Counted one by one: what is left of each, who runs, preemptions left. */
static uint64_t ways(unsigned *left, int running, unsigned k)
{
	bool done = true;
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++) {
		unsigned cost = running >= 0 && i != running && left[running];

		if (!left[i])
			continue;
		done = false;
		if (cost > k)
			continue;
		left[i]--;
		sum += ways(left, i, k - cost);
		left[i]++;
	}
	return done ? 1 : sum;
}

static void three(void)
{
	for (unsigned n = 1; n <= 3; n++)
		for (unsigned m = 1; m <= 3; m++)
			for (unsigned l = 1; l <= 2; l++)
				for (unsigned k = 0; k <= 4; k++) {
					unsigned pieces[] = {n, m, l};
					uint64_t got = schedules_at(pieces, 3, k);

					CHECK(got == ways(pieces, -1, k));
				}
}

/* n! m! l! into (n + m + l)! */
static void three_unbounded(void)
{
	unsigned pieces[] = {2, 3, 2};

	CHECK(schedules_at(pieces, 3, UNBOUNDED) == choose(7, 2) * choose(5, 3));
}

int main(void)
{
	sched_init();
	sched_all_points(true);
	two();
	three();
	three_unbounded();
	return 0;
}
