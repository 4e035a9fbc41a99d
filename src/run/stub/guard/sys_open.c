/* SPDX-License-Identifier: MIT */
/*
 * sys_open.c: open, openat, openat2, creat, open_by_handle_at: all calls that open by name.
 *
 * The host makes each as an openat2() that follows no link of /proc to what a process has open: no
 * other name leads to our own objects.  Where there is such a link magic.c goes on; what was got is
 * looked at by judge.c.  Names in /proc that are written out plainly need neither.
 *
 *   1. The guest hears what its own call would have said: open() ignores what openat2() refuses.
 */
#include "run/stub/guard/sys_open.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/judge.h"
#include "run/stub/guard/look.h"
#include "run/stub/guard/magic.h"
#include "run/stub/guard/machine_file.h"
#include "run/stub/guard/machine_path.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/link/file_cut.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/addresses.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>

#define MODE_BITS 07777u

#define KNOWN_FLAGS                                                                                \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
	 O_DSYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |        \
	 O_CLOEXEC | O_PATH | __O_TMPFILE)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What open() makes of its numbers. */
static struct open_how how_of(uint64_t flags, uint64_t mode)
{
	struct open_how how = {(flags | O_LARGEFILE) & KNOWN_FLAGS, 0, 0};

	if (how.flags & O_PATH)
		how.flags &= PATH_FLAGS;
	if (how.flags & (O_CREAT | __O_TMPFILE))
		how.mode = mode & MODE_BITS;
	return how;
}

/* A host that knows no openat2: what was got is judged afterwards. */
static int64_t open_without_openat2(struct thread *t, int64_t dirfd, uint64_t path,
				    const struct open_how *how)
{
	struct call c = {.t = t, .nr = __NR_openat};
	struct stat st;
	int64_t fd;
	bool bad;

	c.a[0] = (uint64_t)dirfd;
	c.a[1] = path;
	c.a[2] = how->flags;
	c.a[3] = how->mode;
	fd = call_native(&c);
	if (fd < 0 || !look_begin(t))
		return fd;
	bad = look_at(fd) || look_is_ours(&st);
	look_end();
	if (bad)
		sys(__NR_close, fd);
	return bad ? -ENOENT : fd;
}

static int64_t through_links(struct thread *t, int64_t dirfd, uint64_t path,
			     const struct open_how *how)
{
	char copy[PATH_BYTES];
	int64_t n;

	if (path >= WINDOWS_BASE)
		return open_magic(t, dirfd, (const char *)path, how);
	n = guest_strnlen(path, PATH_BYTES);
	if (n < 0 || guest_read(copy, path, (uint64_t)(n < PATH_BYTES ? n + 1 : n)))
		return -EFAULT;
	if (n == PATH_BYTES)
		return -ENAMETOOLONG;
	copy[n] = 0;
	return open_magic(t, dirfd, copy, how);
}

/* What every open goes through that the host has made. */
static int64_t after_open(struct thread *t, int64_t fd, const struct open_how *how)
{
	if (fd < 0)
		return fd;
	if ((how->flags & O_TRUNC) && !(how->flags & O_PATH))
		file_cut(t, (int)fd, CUT_END, 0, 0);
	return judge_opened(t, fd, how);
}

int64_t guarded_open(struct thread *t, int64_t dirfd, uint64_t path, const struct open_how *how)
{
	struct open_how plain = *how;
	struct call c = {.t = t, .nr = __NR_openat2};
	int64_t r;

	plain.resolve |= RESOLVE_NO_MAGICLINKS;
	c.a[0] = (uint64_t)dirfd;
	c.a[1] = path;
	c.a[2] = sys_ptr(&plain);
	c.a[3] = sizeof(plain);
	r = call_native(&c);
	if (r == -ELOOP)
		r = through_links(t, dirfd, path, how);
	else if (r == -ENOSYS)
		r = open_without_openat2(t, dirfd, path, how);
	return after_open(t, r, how);
}

/* Another file may be there under that name. */
static bool is_same(int64_t a, int64_t b)
{
	struct stat x, y;

	return sys(__NR_fstat, a, &x) == 0 && sys(__NR_fstat, b, &y) == 0 && same_object(&x, &y);
}

int64_t guarded_reopen(struct thread *t, int64_t fd, uint64_t flags)
{
	struct open_how how = {flags, 0, 0};
	char name[FD_PATH];
	int64_t again;

	fd_path(name, (uint64_t)fd);
	again = guarded_open(t, AT_FDCWD, sys_ptr(name), &how);
	if (again >= 0 && !is_same(again, fd)) {
		sys(__NR_close, again);
		again = -ENOENT;
	}
	return again;
}

/* A name in /proc written out: -ENOENT, or 0, and the call goes on at *path. */
static int64_t plain_name(struct call *c, uint64_t *path, char exe[PROC_LINK], uint64_t flags)
{
	char name[PROC_SHORT_PATH];

	if (!proc_read_path(*path, name))
		return 0;
	if (proc_names_ours(c->t, name))
		return -ENOENT;
	if (!(flags & O_NOFOLLOW) && proc_exe_of(c->t, name, exe))
		*path = sys_ptr(exe);
	return 0;
}

/* A file that tells of the machine is there, or is not. */
static int64_t open_machine(struct call *c, const struct machine_path *p,
			    const struct open_how *how)
{
	struct open_how plain = *how;

	plain.flags &= ~(uint64_t)(O_CREAT | O_TRUNC);
	plain.mode = 0;
	return guarded_open(c->t, AT_FDCWD, sys_ptr(p->name), &plain);
}

static int64_t open_name(struct call *c, int64_t dirfd, uint64_t path, const struct open_how *how)
{
	char exe[PROC_LINK];
	int64_t r = plain_name(c, &path, exe, how->flags);
	struct machine_path own;

	if (!r)
		r = machine_path(c->t, path, &own);
	if (r > 0) {
		r = open_machine(c, &own, how);
		if (!machine_is_hosts(&own, r))
			return r;
		r = 0;
	}
	if (!r)
		r = guarded_open(c->t, dirfd, path, how);
	return r < 0 ? r : machine_judge_named(c->t, r, path, how->flags);
}

int64_t sys_open(struct call *c)
{
	int at = c->nr == __NR_openat;
	struct open_how how = how_of((uint32_t)c->a[1 + at], c->a[2 + at]);

	return open_name(c, at ? (int)c->a[0] : AT_FDCWD, c->a[at], &how);
}

int64_t sys_creat(struct call *c)
{
	struct open_how how = how_of(O_CREAT | O_WRONLY | O_TRUNC, c->a[1]);

	return open_name(c, AT_FDCWD, c->a[0], &how);
}

/* One that knows more than we do, or is wrong, is the host's to refuse. */
int64_t sys_openat2(struct call *c)
{
	struct open_how how;
	uint64_t bytes = c->a[3];

	if (bytes < sizeof(how))
		return -EINVAL;
	if (bytes > sizeof(how))
		return -E2BIG;
	if (guest_read(&how, c->a[2], sizeof(how)))
		return -EFAULT;
	if (how.flags & O_PATH)
		return guarded_open(c->t, (int)c->a[0], c->a[1], &how);
	return open_name(c, (int)c->a[0], c->a[1], &how);
}

/* A handle names any file of a file system: not of the one that memory objects are in. */
static int64_t open_handle(struct call *c)
{
	struct stat st, ram;

	if (sys(__NR_fstat, RUN_FD(RUN_FD_LOOK), &st) ||
	    sys(__NR_fstat, RUN_FD(RUN_FD_RAM), &ram) || st.st_dev == ram.st_dev)
		return -ESTALE;
	c->a[0] = (uint64_t)RUN_FD(RUN_FD_LOOK);
	return call_native(c);
}

int64_t sys_open_by_handle_at(struct call *c)
{
	struct open_how how = how_of((uint32_t)c->a[2], 0);
	int64_t r;

	/* Negative ones name no open file. */
	if ((int)c->a[0] < 0)
		return after_open(c->t, call_native(c), &how);
	if (!look_begin(c->t))
		return RESTART;
	r = look_at((int)c->a[0]);
	if (r == 0)
		r = open_handle(c);
	look_end();
	return after_open(c->t, r, &how);
}
