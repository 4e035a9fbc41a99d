/* SPDX-License-Identifier: MIT */
/*
 * compact_file.c: see compact_file.h.
 *
 *   1  The host opens the file first, and so says who may.  Then the guest is given the same file
 *      as O_PATH: by no call whatever can it be written to, and it can be told by its name.  The
 *      calls that write ask here what to do (call/sys_write.c).
 *   2  O_PATH is what everybody may open: so a write asks the host once more who may.
 */
#include "run/stub/guard/compact_file.h"

#include "run/stub/base/lib.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/link/rpc.h"
#include "run/wire/newer_numbers.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/magic.h>

#define READ_BY_ANY 0444u
#define MAY_WRITE 2 /* W_OK */

/* ---- which file is it --------------------------------------------------------- */

/* Where the last component of the name begins. */
static char *last_of(char *name)
{
	char *last = name;

	for (char *p = name; *p; p++)
		if (*p == '/')
			last = p + 1;
	return last;
}

/* /sys has other files of this name: beside a node's there are its counts. */
static bool is_in_node(char *name)
{
	char *last = last_of(name);
	bool is;

	if (!str_equal(last, "compact"))
		return false;
	str_put(last, "distance");
	is = sys(__NR_access, name, 0) == 0;
	*last = 0;
	return is;
}

/* By its directory's name; what is mounted somewhere else may be any. */
static int64_t node_of_dir(char *name)
{
	const char *dir;
	int64_t node;

	name[str_len(name) - 1] = 0;
	dir = last_of(name);
	if (!str_starts(dir, "node"))
		return RUN_ALL_NODES;
	dir += 4;
	return str_number(&dir, &node) && !*dir ? node : RUN_ALL_NODES;
}

/* name[]: what the host calls it. */
static int64_t file_called(char *name, uint64_t fs)
{
	if (fs == PROC_SUPER_MAGIC)
		return str_equal(last_of(name), "compact_memory") ? COMPACT_SYSCTL : COMPACT_NONE;
	return fs == SYSFS_MAGIC && is_in_node(name) ? node_of_dir(name) : COMPACT_NONE;
}

/* ---- opening ------------------------------------------------------------------ */

/* Under the number of the guest's, once the supervisor knows that there may be writes. */
static int64_t path_instead(struct thread *t, int64_t fd, uint64_t flags)
{
	int64_t path = guarded_reopen(t, fd, O_PATH | O_CLOEXEC), r;

	if (path < 0)
		return path;
	rpc(t, OP_COMPACT, COMPACT_OPENED);
	r = sys(__NR_dup3, path, fd, flags & O_CLOEXEC);
	sys(__NR_close, path);
	return r;
}

static bool may_have(uint64_t fs)
{
	return fs == PROC_SUPER_MAGIC || fs == SYSFS_MAGIC;
}

/* fd, where the guest is to have something there, or why not. */
static int64_t compact_open(struct thread *t, int64_t fd, const struct stat *st, uint64_t fs,
			    uint64_t flags)
{
	char name[PATH_BYTES];

	if (!fd_host_name(fd, name) || fd_is_mount(fd))
		return fs == SYSFS_MAGIC && !(st->st_mode & READ_BY_ANY) ? -EACCES : fd;
	if (file_called(name, fs) == COMPACT_NONE)
		return fd;
	return (flags & O_ACCMODE) == O_WRONLY ? path_instead(t, fd, flags) : -EACCES;
}

int64_t compact_opened(struct thread *t, int64_t fd, const struct stat *st, uint64_t fs,
		       uint64_t flags)
{
	int64_t r = may_have(fs) ? compact_open(t, fd, st, fs, flags) : fd;

	if (r < 0)
		sys(__NR_close, fd);
	return r;
}

/* ---- writing ------------------------------------------------------------------ */

static bool may_write(int64_t fd)
{
	int64_t r = sys(__NR_faccessat2, fd, "", MAY_WRITE, AT_EACCESS | AT_EMPTY_PATH);
	char link[FD_PATH];

	if (r != -ENOSYS)
		return r == 0;
	fd_path(link, (uint64_t)fd);
	return sys(__NR_access, link, MAY_WRITE) == 0;
}

int64_t compact_file_of(int64_t fd)
{
	int64_t flags = sys(__NR_fcntl, fd, F_GETFL), which;
	char name[PATH_BYTES];
	uint64_t fs;

	if (flags < 0 || !(flags & O_PATH))
		return COMPACT_NONE;
	fs = fd_file_system(fd);
	if (!may_have(fs) || !fd_host_name(fd, name))
		return COMPACT_NONE;
	which = file_called(name, fs);
	return which != COMPACT_NONE && may_write(fd) ? which : COMPACT_NONE;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint64_t skip_blanks(const char *text, uint64_t n, uint64_t i)
{
	while (i < n && is_blank(text[i]))
		i++;
	return i;
}

/* As the host reads the number, decimal or 0x.. or 0..; where it ends.  0: it is not 1. */
static uint64_t end_of_one(const char *text, uint64_t n, uint64_t i)
{
	if (i + 1 < n && text[i] == '0' && (text[i + 1] | 0x20) == 'x')
		i += 2;
	while (i < n && text[i] == '0')
		i++;
	if (i == n || text[i] != '1')
		return 0;
	i++;
	return i == n || is_blank(text[i]) ? i : 0;
}

/* How much of the text is taken, for a sysctl takes what it has read; 0: it is refused. */
static uint64_t take_one(const char *text, uint64_t n, uint64_t all)
{
	uint64_t end = end_of_one(text, n, skip_blanks(text, n, 0));

	end = end ? skip_blanks(text, n, end) : 0;
	return end == n ? all : end;
}

int64_t compact_write(struct thread *t, int64_t which, const char *text, uint64_t n, uint64_t all)
{
	uint64_t taken = which == COMPACT_SYSCTL ? take_one(text, n, all) : all;
	int64_t r;

	if (!taken)
		return which == COMPACT_SYSCTL ? -EINVAL : 0;
	r = rpc(t, OP_COMPACT, COMPACT_NOW,
		which == COMPACT_SYSCTL ? RUN_ALL_NODES : (uint64_t)which);
	return r ? r : (int64_t)taken;
}
