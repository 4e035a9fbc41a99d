/* SPDX-License-Identifier: MIT */
/*
 * program.c: finds the program to run in PATH and checks it, so that what is wrong with it has its
 * errno before there is a process.
 */
#include "run/start/program.h"

#include "quire/quire.h"
#include "run/op/elf.h"
#include "run/wire/exec_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t open_for_exec(int dirfd, const char *path, uint64_t flags)
{
	int fd = openat(dirfd, path, (int)flags);

	return fd < 0 ? -errno : fd;
}

#define DEFAULT_PATH "/bin:/usr/bin"

static int check_elf(int fd, bool interp)
{
	struct elf_image *e = malloc(sizeof(*e));
	int err = e ? elf_read(fd, interp, e) : -ENOMEM;

	free(e);
	return err;
}

static int open_program(struct program *p)
{
	int err = exec_resolve(open_for_exec, AT_FDCWD, p->name, 0, &p->files);

	if (err)
		return err;
	err = check_elf(p->files.exe, false);
	if (!err && p->files.interp >= 0)
		err = check_elf(p->files.interp, true);
	if (err)
		exec_close(&p->files);
	return err;
}

/* ENOENT and the like go on to the next directory; EACCES does too, but is remembered. */
static int search(const char *file, struct program *p)
{
	const char *dir = getenv("PATH");
	int err = -ENOENT, e;

	if (!*file)
		return -ENOENT;
	for (dir = dir ? dir : DEFAULT_PATH;; dir++) {
		size_t n = strcspn(dir, ":");
		int len =
		    snprintf(p->name, sizeof(p->name), "%.*s%s%s", (int)n, dir, n ? "/" : "", file);

		e = len < (int)sizeof(p->name) ? open_program(p) : -ENAMETOOLONG;
		if (!e || (e != -ENOENT && e != -ENOTDIR && e != -EACCES))
			return e;
		if (e == -EACCES)
			err = e;
		dir += n;
		if (!*dir)
			return err;
	}
}

static int make_argv(char **argv, struct program *p)
{
	const char *prefix[EXEC_MAX_PREFIX];
	unsigned n = exec_prefix(&p->files, p->name, prefix), argc = 0, at = 0;

	while (argv[argc])
		argc++;
	p->argv = calloc(n + argc + 1, sizeof(*p->argv));
	if (!p->argv)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		p->argv[at++] = (char *)(uintptr_t)prefix[i];
	for (unsigned i = n ? 1 : 0; i < argc; i++)
		p->argv[at++] = argv[i];
	return 0;
}

/* As the host names it, with links followed. */
static void note_path(struct program *p)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->files.exe);
	n = readlink(link, p->path, sizeof(p->path) - 1);
	p->path[n > 0 ? n : 0] = 0;
	exec_comm(p->name, p->comm);
}

int program_find(char **argv, struct program *p)
{
	int err;

	if (strchr(argv[0], '/')) {
		int len = snprintf(p->name, sizeof(p->name), "%s", argv[0]);

		err = len < (int)sizeof(p->name) ? open_program(p) : -ENAMETOOLONG;
	} else {
		err = search(argv[0], p);
	}
	if (err)
		return err;
	note_path(p);
	err = make_argv(argv, p);
	if (err)
		exec_close(&p->files);
	return err;
}

void program_free(struct program *p)
{
	exec_close(&p->files);
	free(p->argv);
}
