/* SPDX-License-Identifier: MIT */
/*
 * huge_mount.c: see huge_mount.h.
 *
 * Each is a tmpfs of the host's, in a mount namespace of the run's: so names, modes and links are
 * the host's, and nobody outside sees it.  Its files are placeholders (huge_file.c): a stub that
 * has opened one says so, and nothing is ever written to them.
 *
 *   1  What programs mount elsewhere is not seen outside the run, either; what is mounted outside
 *      they see.
 *
 * Owns run->huge_mounts, constant once guests run.
 */
#include "run/file/huge_mount.h"

#include "run/base/run.h"
#include "run/base/say.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

const struct huge_mount *huge_mount_of(const struct run *run, uint64_t dev)
{
	for (unsigned i = 0; i < run->nr_huge_mounts; i++)
		if (run->huge_mounts[i].dev == dev)
			return &run->huge_mounts[i];
	return NULL;
}

const struct huge_mount *huge_mount_at(const struct run *run, const char *path, size_t len)
{
	for (unsigned i = 0; i < run->nr_huge_mounts; i++) {
		const char *p = run->huge_mounts[i].said->path;

		if (strlen(p) == len && !strncmp(p, path, len))
			return &run->huge_mounts[i];
	}
	return NULL;
}

static int limit(struct run *run, struct huge_mount *m)
{
	const struct run_hugetlbfs *o = m->said;

	m->max = o->size == UINT64_MAX ? QUIRE_HUGE_NO_LIMIT : o->size / o->page;
	m->min = o->min_size / o->page;
	if (m->max == QUIRE_HUGE_NO_LIMIT && !m->min)
		return 0;
	return quire_huge_subpool_create(run->machine, quire_huge_of_bytes(o->page), m->max, m->min,
					 &m->pages);
}

/* Where systems have one, if there are huge pages. */
static const struct run_hugetlbfs usual = {
    .path = "/dev/hugepages", .page = 2ull << 20, .size = UINT64_MAX, .mode = 0755};

static bool is_usual(const struct run *run)
{
	const struct run_options *o = run->opts;
	struct stat st;

	return !o->nr_hugetlbfs && (o->huge_pages[QUIRE_HUGE_2M] || o->huge_overcommit) &&
	       !geteuid() && !stat(usual.path, &st) && S_ISDIR(st.st_mode);
}

static int own_namespace(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) ? -errno
											 : 0;
}

static int make(struct run *run, const struct run_hugetlbfs *said)
{
	struct huge_mount *m = &run->huge_mounts[run->nr_huge_mounts];
	char mode[32];
	struct stat st;

	snprintf(mode, sizeof(mode), "mode=%o", said->mode);
	if (mount("hugetlbfs", said->path, "tmpfs", 0, mode) || stat(said->path, &st))
		return -errno;
	*m = (struct huge_mount){.said = said, .dev = st.st_dev};
	run->info->huge_devs[run->nr_huge_mounts++] = st.st_dev;
	run->info->huge_mounts = run->nr_huge_mounts;
	return limit(run, m);
}

static int make_said(struct run *run)
{
	const struct run_options *o = run->opts;
	int err = own_namespace();

	if (err)
		run_say(run, "--hugetlbfs wants a mount namespace, which only root has: %s",
			strerror(-err));
	for (unsigned i = 0; i < o->nr_hugetlbfs && !err; i++) {
		err = make(run, &o->hugetlbfs[i]);
		if (err)
			run_say(run, "cannot mount %s: %s", o->hugetlbfs[i].path,
				err == -ENOMEM ? "the pool has not so many pages (min_size=)"
					       : strerror(-err));
	}
	return err;
}

int huge_mounts_make(struct run *run)
{
	unsigned n = run->opts->nr_hugetlbfs ? run->opts->nr_hugetlbfs : is_usual(run);

	if (!n)
		return 0;
	run->huge_mounts = calloc(n, sizeof(*run->huge_mounts));
	if (!run->huge_mounts)
		return -ENOMEM;
	if (run->opts->nr_hugetlbfs)
		return make_said(run);
	/* One that cannot be had is none: nobody has asked for it. */
	if (!own_namespace())
		make(run, &usual);
	return 0;
}

void huge_mounts_destroy(struct run *run)
{
	for (unsigned i = 0; i < run->nr_huge_mounts; i++)
		quire_huge_subpool_put(run->huge_mounts[i].pages);
	free(run->huge_mounts);
	run->huge_mounts = NULL;
}
