/* SPDX-License-Identifier: MIT */
/*
 * machine_file.c: see machine_file.h.
 *
 *   1  A guest has such a file open as it is, so whoever it is given to can read it.  What it tells
 *      is renewed when it is opened, and when something was written to one of them.
 *   2  A file of the host's that tells of huge pages is told by what the host calls it.  To ask
 *      costs some calls: so of what is opened to be read in /sys only that is asked about for
 *      which the guest's name ends as theirs do.
 *   3  Where the host's name does not say which pool it tells of, or what it is at all, as when it
 *      is mounted by itself, the guest does not get the file: the host's pools are never changed.
 *   4  Nothing is written to it: the supervisor is told instead (procfs/machine_tree.c).
 */
#include "run/stub/guard/machine_file.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/link/rpc.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>

#define READ_BITS 0444u
#define WRITE_BITS 0222u

/* In /sys a file that nobody may read, or write, is so for root as well. */
static bool is_allowed(const struct stat *st, uint64_t flags)
{
	uint64_t how = flags & O_ACCMODE;

	return (how == O_WRONLY || (st->st_mode & READ_BITS)) &&
	       (how == O_RDONLY || (st->st_mode & WRITE_BITS));
}

int64_t machine_opened(struct thread *t, int64_t fd, const struct stat *st, uint64_t flags)
{
	int64_t r =
	    rpc(t, OP_MACHINE_FILE, MACHINE_OPENED, st->st_ino, (flags & O_ACCMODE) != O_RDONLY);

	if (r == RUN_NATIVE)
		return fd;
	if (!r && !is_allowed(st, flags))
		r = -EACCES;
	if (!r)
		return fd;
	sys(__NR_close, fd);
	return r;
}

int64_t machine_instead(struct thread *t, int64_t fd, int64_t found, const struct machine_path *own,
			uint64_t flags)
{
	struct open_how how = {(flags & ~(uint64_t)(O_CREAT | O_EXCL | O_TRUNC)) | O_CLOEXEC, 0, 0};
	int64_t r;

	if (found < 0)
		return found;
	found = guarded_open(t, AT_FDCWD, sys_ptr(own->name), &how);
	if (found < 0)
		return found;
	r = sys(__NR_dup3, found, fd, flags & O_CLOEXEC);
	sys(__NR_close, found);
	return r;
}

/* As all are called that tell of huge pages, and few others. */
static bool ends_as_huge(const char *end, uint64_t n)
{
	return (n >= 6 && (str_equal(end + n - 6, "policy") || str_equal(end + n - 6, "demote") ||
			   str_equal(end + n - 6, "e_size"))) ||
	       (n >= 9 && str_equal(end + n - 9, "hugepages"));
}

int64_t machine_judge(struct thread *t, int64_t fd, uint64_t flags)
{
	char name[PATH_BYTES];
	struct machine_path own;
	bool named = fd_host_name(fd, name);
	int64_t r = named ? machine_path_of_sys(t, name, &own) : 0;

	if (r)
		r = machine_instead(t, fd, r, &own, flags);
	else /* invariant 3 */
		r = !named || fd_is_mount(fd) || ends_as_huge(name, str_len(name)) ? -EACCES : fd;
	if (r < 0)
		sys(__NR_close, fd);
	return r;
}

/* Of a name in the guest's memory the end is enough. */
static bool may_be_huge(uint64_t name)
{
	char end[16] = "";
	int64_t n = guest_strnlen(name, PATH_BYTES), len = sizeof(end) - 1;

	if (n < 0 || n >= PATH_BYTES)
		return false;
	if (n < len)
		len = n;
	return !guest_read(end, name + (uint64_t)(n - len), (uint64_t)len) &&
	       ends_as_huge(end, (uint64_t)len);
}

int64_t machine_judge_named(struct thread *t, int64_t fd, uint64_t name, uint64_t flags)
{
	bool reads = (flags & (O_ACCMODE | O_PATH)) == O_RDONLY;

	return reads && may_be_huge(name) && fd_file_system(fd) == SYSFS_MAGIC
		   ? machine_judge(t, fd, flags)
		   : fd;
}

uint64_t machine_file_of(int64_t fd)
{
	int64_t flags = sys(__NR_fcntl, fd, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return 0;
	return sys(__NR_fstat, fd, &st) || st.st_dev != INFO->machine_dev ? 0 : st.st_ino;
}

int64_t machine_write(const struct call *c, uint64_t ino, const char text[RUN_MACHINE_TEXT],
		      uint64_t all, uint64_t pos)
{
	bool moves = pos == UINT64_MAX;
	uint64_t at = moves ? (uint64_t)sys(__NR_lseek, c->a[0], 0, SEEK_CUR) : pos;
	int64_t r;

	memcpy(c->t->chan->data, text, all < RUN_MACHINE_TEXT ? all : RUN_MACHINE_TEXT);
	r = rpc(c->t, OP_MACHINE_FILE, MACHINE_WRITE, ino, all, at);

	if (r > 0 && moves)
		sys(__NR_lseek, c->a[0], at + (uint64_t)r, SEEK_SET);
	return r == RUN_NATIVE ? RESTART : r;
}

bool machine_file_is(struct thread *t, int64_t fd)
{
	uint64_t ino = INFO->machine_written ? machine_file_of(fd) : 0;

	return ino && rpc(t, OP_MACHINE_FILE, MACHINE_WRITE, ino, 0, 0) != RUN_NATIVE;
}
