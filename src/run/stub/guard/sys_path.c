/* SPDX-License-Identifier: MIT */
/*
 * sys_path.c: calls that change what a name leads to, or hold on to it: modes, owners, times,
 * attributes, watches, links, swap and accounting files (fanotify: sys_fanotify.c).  By way of
 * /proc/PID/fd a name may lead to an object of ours.
 *
 *   1. The name is resolved first, as an open of it would be (sys_open.c): what is found is none of
 *      ours.  The host is asked for that, not for the name once more, which may lead elsewhere by
 *      then; whatever another thread puts under the number is no object of ours either.
 *   2. A call that knows no descriptor in its name's stead gets the descriptor's name below /proc.
 *      Where that does not lead to it (after chroot) the guest's own name has to do: then another
 *      thread that changes what it means in the very moment may change owner, times or attributes
 *      of an object of ours, none of which matters to us.
 *   3. Where nothing is found the call may still have another answer, for the host looks at some
 *      arguments before the name.  It is asked with a name that no file has.
 *   4. What needs no look, because it does nothing to the object: stat, access, readlink, reading
 *      of attributes; names that are made or taken away; directories to go to; mounts, for which
 *      the host takes nothing that is not mounted in the guest's own namespace.
 */
#include "run/stub/guard/sys_path.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>

#define IN_DONT_FOLLOW_ 0x02000000u
#define NR_FCHMODAT2 452
#define NO_NAME 257 /* bytes: more than any component has */

/* Arguments, by number; -1: there is none. */
struct path_call {
	int16_t nr;
	int8_t dirfd, path, flags;
	bool by_fd; /* with AT_EMPTY_PATH it takes a descriptor */
	uint32_t follow, no_follow;
};

static const struct path_call path_calls[] = {
    {__NR_chmod, -1, 0, -1, true, 0, 0},
    {__NR_fchmodat, 0, 1, -1, true, 0, 0},
    {NR_FCHMODAT2, 0, 1, 3, true, 0, AT_SYMLINK_NOFOLLOW},
    {__NR_chown, -1, 0, -1, true, 0, 0},
    {__NR_fchownat, 0, 1, 4, true, 0, AT_SYMLINK_NOFOLLOW},
    {__NR_utimensat, 0, 1, 3, true, 0, AT_SYMLINK_NOFOLLOW},
    {__NR_open_tree, 0, 1, 2, true, 0, AT_SYMLINK_NOFOLLOW},
    {__NR_utime, -1, 0, -1, false, 0, 0},
    {__NR_utimes, -1, 0, -1, false, 0, 0},
    {__NR_futimesat, 0, 1, -1, false, 0, 0},
    {__NR_setxattr, -1, 0, -1, false, 0, 0},
    {__NR_removexattr, -1, 0, -1, false, 0, 0},
    {__NR_acct, -1, 0, -1, false, 0, 0},
    {__NR_swapon, -1, 0, -1, false, 0, 0},
    {__NR_swapoff, -1, 0, -1, false, 0, 0},
    {__NR_inotify_add_watch, -1, 1, 2, false, 0, IN_DONT_FOLLOW_},
    {__NR_linkat, 0, 1, 4, false, AT_SYMLINK_FOLLOW, 0},
};

static const struct path_call *path_call_of(int64_t nr)
{
	const struct path_call *p = path_calls;

	while (p->nr != nr)
		p++;
	return p;
}

static uint32_t flags_of(const struct call *c, const struct path_call *p)
{
	return p->flags < 0 ? 0 : (uint32_t)c->a[p->flags];
}

/* Else it is the link itself that is changed. */
static bool follows(const struct call *c, const struct path_call *p)
{
	uint32_t flags = flags_of(c, p);

	return (flags & p->follow) == p->follow && !(flags & p->no_follow);
}

/* The name of the descriptor is empty, and stays so. */
static bool names_descriptor(struct call *c, const struct path_call *p)
{
	char first;

	if (p->dirfd < 0 || !(flags_of(c, p) & AT_EMPTY_PATH) ||
	    guest_read(&first, c->a[p->path], 1) || first)
		return false;
	c->a[p->path] = sys_ptr("");
	return true;
}

int64_t path_found(struct thread *t, int64_t dirfd, uint64_t path, uint64_t flags,
		   struct spare_use *spare)
{
	struct open_how how = {O_PATH | O_CLOEXEC | flags, 0, 0};
	int64_t fd = guarded_open(t, dirfd, path, &how);

	spare->taken = fd == -EMFILE;
	if (!spare->taken)
		return fd;
	spare->soft = spares_lend(t->proc);
	return guarded_open(t, dirfd, path, &how);
}

static bool says_of_name(int64_t r)
{
	return r == -ENAMETOOLONG || r == -ENOENT || r == -EACCES;
}

int64_t path_missing(struct call *c, int path_arg, int64_t err)
{
	char name[NO_NAME + 1] = "/";
	struct call ask = *c;
	int64_t r;

	if (err == RESTART || err == -EINTR)
		return err;
	memset(name + 1, 'n', NO_NAME - 1);
	name[NO_NAME] = 0;
	/* What cannot be read is refused where names are read. */
	ask.a[path_arg] = err == -EFAULT ? NOWHERE : sys_ptr(name);
	r = call_native(&ask);
	return says_of_name(r) ? err : r;
}

void path_done(struct thread *t, int64_t fd, const struct spare_use *spare)
{
	if (fd >= 0)
		sys(__NR_close, fd);
	if (spare->taken)
		spares_take_back(t->proc, spare->soft);
}

int64_t path_by_name(struct call *c, int dirfd_arg, int path_arg, int64_t fd)
{
	char name[FD_PATH];

	fd_path(name, (uint64_t)fd);
	if (proc_leads_to(name, fd)) {
		c->a[path_arg] = sys_ptr(name);
		if (dirfd_arg >= 0)
			c->a[dirfd_arg] = (uint64_t)AT_FDCWD;
	}
	return call_native(c);
}

/* As the call that takes a descriptor. */
static int64_t by_descriptor(struct call *c, const struct path_call *p, int64_t fd)
{
	uint64_t *a = c->a, value = a[p->path + 1], other = a[p->path + 2];
	struct call d = *c;

	d.a[0] = (uint64_t)fd;
	d.a[1] = sys_ptr("");
	d.a[2] = value;
	d.a[3] = AT_EMPTY_PATH;
	switch (c->nr) {
	case __NR_chmod:
	case __NR_fchmodat:
		d.nr = NR_FCHMODAT2;
		break;
	case __NR_chown:
	case __NR_fchownat:
		d.nr = __NR_fchownat;
		d.a[3] = other;
		d.a[4] = flags_of(c, p) | AT_EMPTY_PATH;
		break;
	default:
		d.a[p->flags] = a[p->flags] | AT_EMPTY_PATH;
	}
	return call_native(&d);
}

static int64_t on_found(struct call *c, const struct path_call *p, int64_t fd)
{
	int64_t r = p->by_fd ? by_descriptor(c, p, fd) : -ENOSYS;

	/* A host that does not know that yet. */
	return r == -ENOSYS || (r == -EINVAL && p->by_fd) ? path_by_name(c, p->dirfd, p->path, fd)
							  : r;
}

int64_t sys_on_path(struct call *c)
{
	const struct path_call *p = path_call_of(c->nr);
	int64_t dirfd = p->dirfd < 0 ? AT_FDCWD : (int)c->a[p->dirfd], fd, r;
	struct spare_use spare;

	/* Without a name it is the descriptor's business, or nobody's. */
	if (!follows(c, p) || !c->a[p->path] || names_descriptor(c, p))
		return call_native(c);
	fd = path_found(c->t, dirfd, c->a[p->path], 0, &spare);
	r = fd < 0 ? path_missing(c, p->path, fd) : on_found(c, p, fd);
	path_done(c->t, fd, &spare);
	return r;
}
