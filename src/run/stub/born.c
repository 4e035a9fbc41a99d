/* SPDX-License-Identifier: MIT */
/*
 * born.c: a look at what has just been opened, for files of /proc: by whatever name they were
 * reached, texts that tell of a guest's memory are the supervisor's (proc_path.h), and files that
 * show or change a process's memory are refused where they would reach what is ours.
 *
 * Files that have no bytes by their size are looked at, and on file systems without a device: so an
 * ordinary open costs one fstat.
 */
#include "guard.h"
#include "proc_path.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define READ_BY_ALL 0444u
#define MAJOR(dev) ((dev) >> 8 & 0xfff)

/* As strict as the host is with other users' processes: their maps are not for all. */
static bool may_see(const char *rest, const struct stat *st, uint64_t flags)
{
	static const char *const refused[] = {"maps", "smaps", "smaps_rollup", "numa_maps"};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (str_equal(rest, refused[i]))
			return false;
	}
	return (flags & O_ACCMODE) == O_RDONLY && (st->st_mode & READ_BY_ALL) == READ_BY_ALL;
}

/* The root of a mount: what its name in the file system is nobody can tell. */
static bool is_mounted_alone(int64_t fd)
{
	struct statx x;

	return sys(__NR_statx, fd, "", AT_EMPTY_PATH, 0, &x) == 0 &&
	       (x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* It is that process's: under another name, in another mount, it may be anybody's. */
static bool is_mem_of(const struct stat *st, int64_t pid)
{
	struct stat of;
	char name[40];

	str_put(str_put_number(str_put(name, "/proc/"), (uint64_t)pid), "/mem");
	return sys(__NR_stat, name, &of) == 0 && of.st_dev == st->st_dev && of.st_ino == st->st_ino;
}

/* 0, or why the guest may not have it. */
static int64_t check(int64_t fd, const char *rest, int64_t pid, const struct stat *st,
		     uint64_t flags)
{
	/* The host's memory of a guest is the stub's, with all that it maps. */
	if (str_equal(rest, "mem") && ((flags & O_ACCMODE) != O_RDONLY || !is_mem_of(st, pid)))
		return -EACCES;
	if (pid_is_supervisors(pid) && !may_see(rest, st, flags))
		return -EACCES;
	if (!pid && (st->st_mode & READ_BY_ALL) != READ_BY_ALL && is_mounted_alone(fd))
		return -EACCES;
	return 0;
}

/* Whether the guest may open it at all the host has decided. */
static int64_t text_instead(struct thread *t, int64_t fd, const char *rest, int64_t pid,
			    uint64_t flags)
{
	int which = proc_text_named(rest, pid);
	int64_t r;

	if (which < 0 || (flags & O_ACCMODE) != O_RDONLY)
		return fd;
	r = proc_text_put(t, fd, which, pid, flags & O_CLOEXEC);
	return r && r != -ENOENT ? r : fd;
}

static int64_t of_proc(struct thread *t, int64_t fd, const struct stat *st, uint64_t flags)
{
	char link[FD_PATH], name[PATH_BYTES];
	const char *rest;
	int64_t pid, n, r;

	fd_path(link, (uint64_t)fd);
	n = proc_leads_to(link, fd) ? sys(__NR_readlink, link, name, PATH_BYTES - 1) : 0;
	name[n > 0 ? n : 0] = 0;
	rest = proc_file_of(name, &pid);
	/* Where /proc is not to be seen, as after chroot, nobody can tell whose file it is. */
	r = n > 0 ? check(fd, rest, pid, st, flags) : -EACCES;
	if (r == 0)
		r = text_instead(t, fd, rest, pid, flags);
	if (r < 0)
		sys(__NR_close, fd);
	return r;
}

int64_t born(struct thread *t, int64_t fd, const struct open_how *how)
{
	struct stat st;

	if ((how->flags & O_PATH) || sys(__NR_fstat, fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size || MAJOR(st.st_dev))
		return fd;
	return fd_in_proc(fd) ? of_proc(t, fd, &st, how->flags) : fd;
}
