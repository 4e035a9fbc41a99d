/* SPDX-License-Identifier: MIT */
/*
 * spare.c: descriptors for the stub's own needs when the guest has opened all that it may.
 *
 * What the kernel does without a descriptor takes one of us for a moment: a program and its
 * interpreter that are to be executed, the ends of a life pipe.  So a few of our numbers are open
 * for nothing, and are lent: closed, with the limit lifted to where they are, and taken back.
 *
 *   1. One thread of the process has them at a time.  A child of another thread, forked meanwhile,
 *      takes its own back.
 *   2. Whoever executes a program keeps them; the fresh stub takes them back (RUN_ENV_LENT).
 *
 * Another thread of the guest's that opens a file meanwhile, with none left of its own, may get one
 * of our numbers.  It loses it when they are taken back.
 */
#include "run/stub/base/spare.h"

#include "run/stub/base/area.h"
#include "run/stub/base/stub.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/resource.h>

#define PUT_TRIES 20

static void open_all(void)
{
	for (int i = RUN_FD_SPARE; i < RUN_NR_FDS; i++)
		sys(__NR_dup2, RUN_FD(RUN_FD_STUB), RUN_FD(i));
}

static void close_all(void)
{
	for (int i = RUN_FD_SPARE; i < RUN_NR_FDS; i++)
		sys(__NR_close, RUN_FD(i));
}

uint64_t nofile_lift(void)
{
	uint64_t need = (uint64_t)RUN_FD(RUN_NR_FDS);
	struct rlimit64 old, high;

	if (sys(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &old) || old.rlim_cur >= need)
		return NOFILE_AS_IT_IS;
	high = (struct rlimit64){need, old.rlim_max > need ? old.rlim_max : need};
	if (sys(__NR_prlimit64, 0, RLIMIT_NOFILE, &high, NULL))
		return NOFILE_AS_IT_IS;
	return old.rlim_cur;
}

void nofile_restore(uint64_t soft)
{
	struct rlimit64 r;

	if (soft == NOFILE_AS_IT_IS || sys(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &r))
		return;
	r.rlim_cur = soft;
	sys(__NR_prlimit64, 0, RLIMIT_NOFILE, &r, NULL);
}

int64_t own_dup(int64_t fd, int number, uint64_t flags)
{
	int64_t r = -EBADF;

	for (int i = 0; i < PUT_TRIES && r == -EBADF; i++) {
		uint64_t soft = nofile_lift();

		r = sys(__NR_dup3, fd, RUN_FD(number), flags);
		nofile_restore(soft);
	}
	return r < 0 ? r : 0;
}

uint64_t spares_lend(struct process *p)
{
	lock_take(&p->spares);
	p->soft = nofile_lift();
	close_all();
	return p->soft;
}

void spares_take_back(struct process *p, uint64_t soft)
{
	open_all();
	nofile_restore(soft);
	lock_drop(&p->spares);
}

void spares_after_fork(struct process *p)
{
	if (p->spares)
		spares_take_back(p, p->soft);
}

static void open_for(const char *path, uint64_t flags, void (*fn)(int64_t fd, void *arg), void *arg,
		     int64_t *fd)
{
	struct open_how how = {flags, 0, RESOLVE_NO_MAGICLINKS};

	*fd = sys(__NR_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (*fd == -ENOSYS)
		*fd = sys(__NR_open, path, flags, 0);
	if (*fd < 0)
		return;
	fn(*fd, arg);
	sys(__NR_close, *fd);
}

void spares_with_file(struct process *p, const char *path, uint64_t flags,
		      void (*fn)(int64_t fd, void *arg), void *arg)
{
	int64_t fd;

	open_for(path, flags, fn, arg, &fd);
	if (fd == -EMFILE) {
		uint64_t soft = spares_lend(p);

		open_for(path, flags, fn, arg, &fd);
		spares_take_back(p, soft);
	}
}
