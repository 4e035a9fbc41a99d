/* SPDX-License-Identifier: MIT */
/*
 * scenarios.c: the scenarios by name.
 *
 * Each SCENARIO() leaves a pointer in a section of the program, so that no file lists them.  The
 * linker's order is that of files and of no meaning: they are told in the order of their names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/known/known.h"

/* The linker's names for the section's ends. */
extern const struct scenario *const __start_scenarios[], *const __stop_scenarios[];

static int by_name(const void *a, const void *b)
{
	const struct scenario *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static const struct scenario **sorted(void)
{
	size_t n = (size_t)(__stop_scenarios - __start_scenarios);
	const struct scenario **all = calloc(n + 1, sizeof(*all));

	if (!all) {
		perror("quire check");
		exit(EXIT_FAILURE);
	}
	memcpy(all, __start_scenarios, n * sizeof(*all));
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++)
		if (!by_name(&all[i - 1], &all[i])) {
			fprintf(stderr, "quire check: two scenarios are %s\n", all[i]->name);
			exit(EXIT_FAILURE);
		}
	return all;
}

const struct scenario *const *scenarios(void)
{
	static const struct scenario **all;

	if (!all)
		all = sorted();
	return all;
}

const struct scenario *scenario_find(const char *name)
{
	for (const struct scenario *const *s = scenarios(); *s; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}
