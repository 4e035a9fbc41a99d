/* SPDX-License-Identifier: MIT */
/*
 * parse_hugetlbfs.c: "PATH,size=64M,mode=1777": a file system of huge pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/base/options.h"
#include "tool/parse.h"

/* Octal. */
static bool parse_mode(const char *text, unsigned *out)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || mode > 01777)
		return false;
	*out = (unsigned)mode;
	return true;
}

static bool parse_page(const char *text, uint64_t *out)
{
	uint64_t page;

	if (!parse_size(text, &page) || (page != 2ull << 20 && page != 1ull << 30))
		return false;
	*out = page;
	return true;
}

static bool set(const char *option, struct run_hugetlbfs *fs)
{
	const char *value = strchr(option, '=');
	size_t n = value ? (size_t)(value - option) : 0;

	if (!value)
		return false;
	value++;
	if (!strncmp(option, "size", n) && n == 4)
		return parse_size(value, &fs->size);
	if (!strncmp(option, "min_size", n) && n == 8)
		return parse_size(value, &fs->min_size);
	if (!strncmp(option, "pagesize", n) && n == 8)
		return parse_page(value, &fs->page);
	return !strncmp(option, "mode", n) && n == 4 && parse_mode(value, &fs->mode);
}

/* The path stays until the program ends. */
bool parse_hugetlbfs(const char *text, struct run_hugetlbfs *out)
{
	struct run_hugetlbfs fs = {.page = 2ull << 20, .size = UINT64_MAX, .mode = 0755};
	char *copy = strdup(text), *at = copy, *option;

	fs.path = copy ? strsep(&at, ",") : NULL;
	while ((option = fs.path ? strsep(&at, ",") : NULL)) {
		if (set(option, &fs))
			continue;
		fs.path = NULL;
	}
	if (!fs.path || *fs.path != '/') {
		free(copy);
		return false;
	}
	*out = fs;
	return true;
}
