/* SPDX-License-Identifier: MIT */
/*
 * sys_fanotify.c: marks of fanotify: none in /proc, nor on all memory objects.
 */
#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/look.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_path.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fanotify.h>
#include <linux/fcntl.h>

/*
 * Its events carry descriptors of what somebody else opens: nothing that the supervisor has, and no
 * file of /proc, which the host opens before we look at it.
 */
static int64_t check_mark(uint64_t flags)
{
	struct stat st, ram;

	if (sys(__NR_fstat, RUN_FD(RUN_FD_LOOK), &st) || sys(__NR_fstat, RUN_FD(RUN_FD_RAM), &ram))
		return -EBADF;
	if (fd_in_proc(RUN_FD(RUN_FD_LOOK)))
		return -EINVAL;
	/* As hosts since 6.5: memory objects have no mount to be marked. */
	return st.st_dev == ram.st_dev && (flags & (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)) ? -EINVAL
											   : 0;
}

/* fd is not needed any more: the mark is set on what is in RUN_FD_LOOK. */
static int64_t mark_in_place(struct call *c, bool named)
{
	char name[FD_PATH];
	int64_t r = check_mark(c->a[1]);

	if (r)
		return r == -EINVAL ? call_refuse(c, EINVAL, c->a[1]) : r;
	fd_path(name, (uint64_t)RUN_FD(RUN_FD_LOOK));
	if (!named) {
		c->a[3] = (uint64_t)RUN_FD(RUN_FD_LOOK);
	} else if (proc_leads_to(name, RUN_FD(RUN_FD_LOOK))) {
		c->a[1] &= ~(uint64_t)FAN_MARK_DONT_FOLLOW;
		c->a[3] = (uint64_t)AT_FDCWD;
		c->a[4] = sys_ptr(name);
	} else {
		return -EACCES;
	}
	return call_native(c);
}

static int64_t mark(struct call *c, int64_t fd, bool named)
{
	int64_t r;

	if (!look_begin(c->t))
		return RESTART;
	r = look_at(fd);
	if (r == 0)
		r = mark_in_place(c, named);
	look_end();
	return r;
}

int64_t sys_fanotify_mark(struct call *c)
{
	uint64_t flags = c->a[1] & FAN_MARK_DONT_FOLLOW ? O_NOFOLLOW : 0;
	struct spare_use spare;
	int64_t fd, r;

	if (c->a[1] & FAN_MARK_FLUSH)
		return call_native(c);
	if (!c->a[4])
		return (int)c->a[3] < 0 ? call_native(c) : mark(c, (int)c->a[3], false);
	fd = path_found(c->t, (int)c->a[3], c->a[4], flags, &spare);
	r = fd < 0 ? path_missing(c, 4, fd) : mark(c, fd, true);
	path_done(c->t, fd, &spare);
	return r;
}
