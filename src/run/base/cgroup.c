/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c: limits of the memory cgroups that we are in.
 *
 * cgroups(7) says where they stand: /proc/self/cgroup has our group's path in each hierarchy, and
 * /proc/self/mountinfo where a hierarchy is mounted, and which of its groups is the top of that
 * mount.  Limits apply from any group down, so each on the way up is looked at.
 */
#include "run/base/cgroup.h"

#include "quire/quire.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hierarchy {
	bool v2;
	char top[PATH_MAX];   /* the group that is mounted: "/", or in a container's view longer */
	char mount[PATH_MAX]; /* where */
	char group[PATH_MAX]; /* ours */
};

static FILE *open_below(const char *root, const char *path)
{
	char name[2 * PATH_MAX];
	int n = snprintf(name, sizeof(name), "%s%s", root, path);

	return n > 0 && n < (int)sizeof(name) ? fopen(name, "re") : NULL;
}

/* word is one of a list with commas between. */
static bool in_list(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ',' || p[len] == '\n'))
			return true;
	}
	return false;
}

/* "36 35 98:0 /top /mount options [tags] - type source options", proc(5) */
static bool mount_of_line(char *line, struct hierarchy *h)
{
	const char *rest = strstr(line, " - ");
	char type[16], options[PATH_MAX];

	if (!rest || sscanf(rest + 3, "%15s %*s %4095s", type, options) != 2 ||
	    strcmp(type, h->v2 ? "cgroup2" : "cgroup"))
		return false;
	if (!h->v2 && !in_list(options, "memory"))
		return false;
	return sscanf(line, "%*s %*s %*s %4095s %4095s", h->top, h->mount) == 2;
}

/* "0::/path" for version 2, "4:memory:/path" for version 1. */
static bool group_of_line(char *line, struct hierarchy *h)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

	if (!path)
		return false;
	*path++ = 0;
	path[strcspn(path, "\n")] = 0;
	if (h->v2 ? strcmp(line, "0:") != 0 : !in_list(list + 1, "memory"))
		return false;
	return snprintf(h->group, sizeof(h->group), "%s", path) < (int)sizeof(h->group);
}

typedef bool (*line_fn)(char *line, struct hierarchy *h);

/* Until fn has found in a line what it looks for. */
static bool find_line(const char *root, const char *path, line_fn fn, struct hierarchy *h)
{
	FILE *f = open_below(root, path);
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0)
		found = fn(line, h);
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* "max" and no such file (the topmost group has none): no limit. */
static uint64_t limit_of(const char *root, const struct hierarchy *h, const char *group)
{
	char path[3 * PATH_MAX];
	unsigned long long limit;
	bool known = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s/%s", h->mount, group,
		 h->v2 ? "memory.max" : "memory.limit_in_bytes");
	f = open_below(root, path);
	if (f) {
		known = fscanf(f, "%llu", &limit) == 1;
		fclose(f);
	}
	return known ? limit : UINT64_MAX;
}

/* Our group as seen from the mount; one that lies outside of it, or above, is the mount's top. */
static char *group_in_mount(struct hierarchy *h)
{
	size_t top = strcmp(h->top, "/") ? strlen(h->top) : 0;
	char *group = h->group + top;

	if (strncmp(h->group, h->top, top) || (*group && *group != '/'))
		return h->group + strlen(h->group);
	return strcmp(group, "/") ? group : group + 1;
}

static uint64_t limit_in(const char *root, bool v2)
{
	struct hierarchy h = {.v2 = v2};
	uint64_t least = UINT64_MAX;
	char *group, *slash;

	if (!find_line(root, "/proc/self/mountinfo", mount_of_line, &h) ||
	    !find_line(root, "/proc/self/cgroup", group_of_line, &h))
		return least;
	group = group_in_mount(&h);
	for (;;) {
		uint64_t limit = limit_of(root, &h, group);

		least = limit < least ? limit : least;
		slash = strrchr(group, '/');
		if (!slash)
			return least;
		*slash = 0;
	}
}

uint64_t cgroup_memory_limit(const char *root)
{
	uint64_t v1 = limit_in(root, false), v2 = limit_in(root, true);

	return v1 < v2 ? v1 : v2;
}
