/* SPDX-License-Identifier: MIT */
/*
 * machine_dir.c: the directory of a run for the files that tell of its machine: made, and removed.
 *
 *   1  Its run holds a lock (flock) on it.  One without is left from a run that was killed, and the
 *      next run of the same user removes it.
 *   2  Only what lies in it is removed.  A program of the run may have mounted another directory
 *      there, or put a symbolic link: what is behind them stays, and the directory with them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/procfs/machine_dir.h"

#define PREFIX "quire-machine."

/* Invariant 2: a directory of dirfd's itself. */
static int open_below(int dirfd, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};

	return (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
}

static void remove_entry(int dirfd, const char *name, unsigned depth);

/* Takes over fd. */
static void empty(int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		close(fd);
		return;
	}
	rewinddir(dir);
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_entry(fd, e->d_name, depth);
	closedir(dir);
}

static void remove_entry(int dirfd, const char *name, unsigned depth)
{
	int fd;

	if (!unlinkat(dirfd, name, 0) || (errno != EISDIR && errno != EPERM) || !depth)
		return;
	fd = open_below(dirfd, name);
	if (fd < 0)
		return;
	empty(fd, depth - 1);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

#define DEPTH 8 /* of directories; ours has three */

static void remove_dir(int place, const char *name, int fd)
{
	int copy = dup(fd);

	if (copy >= 0)
		empty(copy, DEPTH);
	unlinkat(place, name, AT_REMOVEDIR);
}

/* Invariant 1. */
static void remove_left(int place, const char *name)
{
	int fd = open_below(place, name);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_uid == geteuid() && !flock(fd, LOCK_EX | LOCK_NB))
		remove_dir(place, name, fd);
	close(fd);
}

static void remove_all_left(int place)
{
	int fd = dup(place);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			remove_left(place, e->d_name);
	closedir(dir);
}

/* Whoever removes what is left may have taken it for that before it was locked. */
static int make_locked(int place, const char *where, char *dir, size_t size)
{
	struct stat st;
	int fd;

	for (;;) {
		snprintf(dir, size, "%s/" PREFIX "XXXXXX", where);
		if (!mkdtemp(dir))
			return -errno;
		fd = open_below(place, dir + strlen(where) + 1);
		if (fd >= 0 && !flock(fd, LOCK_EX) && !fstat(fd, &st) && st.st_nlink)
			return fd;
		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd >= 0)
			close(fd);
	}
}

int machine_dir_make(const char *where, char *dir, size_t size)
{
	int place = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (place < 0)
		return -errno;
	remove_all_left(place);
	fd = make_locked(place, where, dir, size);
	close(place);
	return fd;
}

void machine_dir_remove(char *dir, int fd)
{
	char *slash = strrchr(dir, '/');
	int place;

	*slash = 0;
	place = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place >= 0) {
		remove_dir(place, slash + 1, fd);
		close(place);
	}
	*slash = '/';
	close(fd);
}
