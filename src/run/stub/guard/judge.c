/* SPDX-License-Identifier: MIT */
/*
 * judge.c: a look at what has just been opened, for files of /proc: by whatever name they were
 * reached, texts that tell of a guest's memory are the supervisor's (proc_path.h), and files that
 * show or change a process's memory are refused where they would reach what is ours.
 *
 * Files that have no bytes by their size are looked at, and on file systems without a device: so an
 * ordinary open costs one fstat.
 *
 *   1. What all may read is known by its name.  Else whose file it is is found out by its directory
 *      (look_process): what is mounted there may have any name.
 *   2. The host has opened it by then.  Another thread may have used it; what that might yield of
 *      the supervisor docs/run.md says.
 */
#include "run/stub/guard/judge.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/compact_file.h"
#include "run/stub/guard/look.h"
#include "run/stub/guard/machine_file.h"
#include "run/stub/guard/machine_path.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/supervisor.h"
#include "run/stub/guard/sys_proc.h"
#include "run/stub/link/huge_file.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>

#define SYS_FILE 4096 /* the size of most */
#define READ_BY_ALL 0444u
#define PROC_FIRST_INO 0xf0000000u
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

/*
 * Mounted by itself: what its name in the file system is nobody can tell.  But it is no process's
 * if it has the number of one of the files that a procfs begins with.
 */
static bool is_unnamed(int64_t fd, const struct stat *st)
{
	return st->st_ino < PROC_FIRST_INO && fd_is_mount(fd);
}

/* RUN_FD_LOOK is the directory in which the file is called so. */
static bool is_in(const char *rest, const struct stat *st)
{
	struct stat in;

	return fd_in_proc(RUN_FD(RUN_FD_LOOK)) &&
	       sys(__NR_newfstatat, RUN_FD(RUN_FD_LOOK), rest, &in, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_object(&in, st);
}

/* Whose it is, by its directory: as look_process(), or RESTART. */
static int64_t owner(struct thread *t, char *name, const char *rest, const struct stat *st)
{
	struct open_how how = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS};
	int64_t dir, pid = 0;

	if (rest == name || !look_begin(t))
		return rest == name ? 0 : RESTART;
	name[rest - name - 1] = 0;
	dir = sys(__NR_openat2, AT_FDCWD, *name ? name : "/", &how, sizeof(how));
	if (dir >= 0 && look_at(dir) == 0 && is_in(rest, st))
		pid = look_process();
	if (dir >= 0)
		sys(__NR_close, dir);
	look_end();
	return pid;
}

/* 0, or why the guest may not have it.  *pid is known better afterwards. */
static int64_t check(struct thread *t, char *name, const char *rest, int64_t *pid,
		     const struct stat *st, uint64_t flags)
{
	/* The host's memory of a guest is the stub's, with all that it maps. */
	if (str_equal(rest, "mem") && (flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (may_see(rest, st, flags))
		return 0;
	*pid = owner(t, name, rest, st);
	if (*pid == RESTART)
		return RESTART;
	return *pid == 0 || pid_is_supervisors(*pid) ? -EACCES : 0;
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
	char name[PATH_BYTES];
	const char *rest;
	int64_t pid, machines = 0, r;
	bool named = fd_host_name(fd, name);
	struct machine_path own;

	rest = proc_file_of(name, &pid);
	if (named)
		machines = machine_path_of_proc(t, name, &own);
	/* Where /proc is not to be seen, as after chroot, nobody can tell whose file it is. */
	r = named && !is_unnamed(fd, st) ? check(t, name, rest, &pid, st, flags) : -EACCES;
	if (r == 0)
		r = machines ? machine_instead(t, fd, machines, &own, flags)
			     : text_instead(t, fd, rest, pid < 0 ? 0 : pid, flags);
	if (r < 0)
		sys(__NR_close, fd);
	return r;
}

/* Files of /sys have a size, but nothing takes room for them. */
static bool may_be_of_sys(const struct stat *st)
{
	return st->st_size == SYS_FILE && !st->st_blocks;
}

/* On a file system without a device, and not an ordinary file there. */
static int64_t judge(struct thread *t, int64_t fd, const struct stat *st, uint64_t flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	uint64_t fs = fd_file_system(fd);

	if (fs == PROC_SUPER_MAGIC && !st->st_size)
		fd = of_proc(t, fd, st, flags);
	if (fs == SYSFS_MAGIC && writes)
		fd = machine_judge(t, fd, flags);
	return fd >= 0 && writes && !st->st_blocks ? compact_opened(t, fd, st, fs, flags) : fd;
}

int64_t judge_opened(struct thread *t, int64_t fd, const struct open_how *how)
{
	bool reads = (how->flags & O_ACCMODE) == O_RDONLY;
	struct stat st;

	if ((how->flags & O_PATH) || sys(__NR_fstat, fd, &st) || !S_ISREG(st.st_mode))
		return fd;
	if (st.st_dev == INFO->machine_dev)
		return machine_opened(t, fd, &st, how->flags);
	if (INFO->huge_mounts && huge_system_is(st.st_dev))
		return huge_file_opened(t, fd, how->flags);
	if (MAJOR(st.st_dev) || (st.st_size && (reads || !may_be_of_sys(&st))))
		return fd;
	return judge(t, fd, &st, how->flags);
}
