/* SPDX-License-Identifier: MIT */
/*
 * proc_text_mounts.c: /proc/PID/mounts and mountinfo: the host's, in which file systems of huge
 * pages are called so (file/huge_mount.c).
 */
#include "quire/quire.h"
#include "run/base/util.h"
#include "run/file/huge_mount.h"
#include "run/procfs/proc_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The n-th word of the line, and how long it is. */
static const char *word(const char *line, unsigned n, size_t *len)
{
	while (n--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	*len = strcspn(line, " \n");
	return line;
}

static void print_size(struct text *t, const char *what, uint64_t pages, uint64_t page)
{
	text_printf(t, ",%s=%llu", what, (unsigned long long)(pages * page));
}

static void print_options(struct text *t, const struct huge_mount *m)
{
	if (m->said->mode != 0755)
		text_printf(t, ",mode=%o", m->said->mode);
	text_str(t, m->said->page == 1ull << 30 ? ",pagesize=1G" : ",pagesize=2M");
	if (m->max != QUIRE_HUGE_NO_LIMIT)
		print_size(t, "size", m->max, m->said->page);
	if (m->min)
		print_size(t, "min_size", m->min, m->said->page);
}

/* Options of tmpfs are its own; "rw" and the like come before. */
static size_t general(const char *options, size_t len)
{
	const char *mode = strstr(options, ",mode=");

	return mode && mode < options + len ? (size_t)(mode - options) : len;
}

/* "SOURCE PATH tmpfs OPTIONS 0 0" */
static bool print_mounts(struct text *t, struct run *run, const char *line)
{
	size_t path_len, type_len, len;
	const char *path = word(line, 1, &path_len), *type = word(line, 2, &type_len);
	const char *options = word(line, 3, &len);
	const struct huge_mount *m = huge_mount_at(run, path, path_len);

	if (!m || strncmp(type, "tmpfs ", 6) || strncmp(line, "hugetlbfs ", 10))
		return false;
	text_bytes(t, line, (size_t)(type - line));
	text_str(t, "hugetlbfs ");
	text_bytes(t, options, general(options, len));
	print_options(t, m);
	text_str(t, " 0 0\n");
	return true;
}

/* "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS.. - tmpfs SOURCE OPTIONS" */
static bool print_mountinfo(struct text *t, struct run *run, const char *line, size_t len)
{
	const char *end = strstr(line, " - tmpfs ");
	unsigned major, minor;
	const struct huge_mount *m;

	if (!end || end > line + len || sscanf(line, "%*u %*u %u:%u", &major, &minor) != 2)
		return false;
	m = huge_mount_of(run, (minor & 0xff) | (uint64_t)major << 8 | (minor & ~0xffull) << 12);
	if (!m)
		return false;
	text_bytes(t, line, (size_t)(end - line));
	text_str(t, " - hugetlbfs hugetlbfs rw");
	print_options(t, m);
	text_str(t, "\n");
	return true;
}

void proc_text_mounts(struct text *t, struct run *run, pid_t pid, bool info)
{
	char name[64], *host;
	size_t size;

	snprintf(name, sizeof(name), "%d/%s", (int)pid, info ? "mountinfo" : "mounts");
	host = host_proc_read(name, &size);
	for (const char *line = host; line && *line;) {
		size_t len = strcspn(line, "\n") + 1;

		if (!(info ? print_mountinfo(t, run, line, len) : print_mounts(t, run, line)))
			text_bytes(t, line, len);
		line += len;
	}
	free(host);
}
