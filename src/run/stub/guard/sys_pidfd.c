/* SPDX-License-Identifier: MIT */
/*
 * sys_pidfd.c: pidfd_getfd: neither the supervisor's descriptors nor, of another process, ours.
 */
#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/look.h"
#include "run/stub/guard/supervisor.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>

/* Of the pidfd in RUN_FD_LOOK; 0: it is none, or its process is gone. */
static int64_t look_pidfd(void)
{
	struct open_how how = {O_RDONLY | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS};
	char name[48], text[512];
	int64_t fd, n;

	str_put_number(str_put(name, "/proc/thread-self/fdinfo/"), (uint64_t)RUN_FD(RUN_FD_LOOK));
	fd = sys(__NR_openat2, AT_FDCWD, name, &how, sizeof(how));
	if (fd == -ENOSYS)
		fd = sys(__NR_open, name, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	n = read_small(fd, text, sizeof(text));
	sys(__NR_close, fd);
	return n > 0 ? text_number(text, "Pid:") : 0;
}

static int64_t check_owner(struct call *c, int64_t pid)
{
	if (pid < 0 || pid_is_supervisors(pid))
		return -EPERM;
	/* Whosever they are: what tells the process may be a fake, where something is mounted over
	 * /proc. */
	return fd_is_ours(c->a[1]) ? -EBADF : 0;
}

int64_t sys_pidfd_getfd(struct call *c)
{
	int64_t r;

	if (!look_begin(c->t))
		return RESTART;
	r = look_at((int)c->a[0]);
	if (r == 0)
		r = check_owner(c, look_pidfd());
	c->a[0] = (uint64_t)RUN_FD(RUN_FD_LOOK);
	if (r == 0)
		r = call_native(c);
	look_end();
	return r;
}
