/* SPDX-License-Identifier: MIT */
/*
 * sys_proc.c: texts of /proc, and calls beside open that take a path which may be one of /proc's
 * that the host would answer about the stub instead of the guest.
 *
 * A text is a snapshot in a memfd, made at open and opened read-only for the guest.
 */
#include "run/stub/guard/sys_proc.h"

#include "run/stub/base/stub.h"
#include "run/stub/mem/huge_stat.h"
#include "run/stub/guard/machine_path.h"
#include "run/stub/guard/proc_fds.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/atomic.h"
#include "run/wire/newer_numbers.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/memfd.h>

/* The number of the descriptor that replaces `fd`: the same, but read-only. */
static int64_t reopen_read_only(struct thread *t, int64_t fd, uint64_t flags)
{
	int64_t ro = guarded_reopen(t, fd, O_RDONLY | O_CLOEXEC), r;

	/* A process that is not dumpable may not: then it gets what we have. */
	if (ro < 0) {
		sys(__NR_fcntl, fd, F_SETFD, flags & O_CLOEXEC ? 1 : 0);
		return fd;
	}
	r = sys(__NR_dup3, ro, fd, flags & O_CLOEXEC);
	sys(__NR_close, ro);
	return r;
}

/* Those that are caught, or ignored. */
static uint64_t disposed(const struct process *p, bool caught)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGSYS};
	uint64_t set = 0;

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		uint64_t handler = p->actions[sigs[i]].handler;

		if (caught ? handler > HANDLER_IGN : handler == HANDLER_IGN)
			set |= SIGBIT(sigs[i]);
	}
	return set;
}

/* A fresh snapshot; -ENOENT: the host's file is the right one. */
static int64_t make_text(struct thread *t, int which, int64_t pid, uint64_t flags)
{
	int64_t fd = sys(__NR_memfd_create, "proc", MFD_CLOEXEC), token, r;

	if (fd < 0)
		return fd;
	token = rpc_send_fd(t, (int)fd);
	r = token < 0 ? token
		      : rpc(t, OP_PROC_OPEN, (uint64_t)token, (uint64_t)which, (uint64_t)pid,
			    atomic_load(&t->held.set), atomic_load(&t->proc->held.set), t->mask,
			    disposed(t->proc, false), disposed(t->proc, true));
	if (r) {
		sys(__NR_close, fd);
		return r;
	}
	return reopen_read_only(t, fd, flags);
}

/* The snapshot takes the place of fd.  0, or why it does not. */
int64_t proc_text_put(struct thread *t, int64_t fd, int which, int64_t pid, uint64_t cloexec)
{
	int64_t fresh = make_text(t, which, pid, O_CLOEXEC), r;

	if (fresh < 0)
		return fresh;
	r = sys(__NR_dup3, fresh, fd, cloexec);
	sys(__NR_close, fresh);
	if (r != fd)
		return r;
	proc_fd_note(t, (int)fd, which, pid);
	return 0;
}

/* Back to the start of a text of /proc: the text as it is now. */
int64_t sys_lseek(struct call *c)
{
	int fd = (int)c->a[0], which;
	int64_t pid, flags, r;

	if (c->a[1] == 0 && c->a[2] == 0 && proc_fd_find(c->t, fd, &which, &pid)) {
		flags = sys(__NR_fcntl, fd, F_GETFD);
		if (!proc_text_put(c->t, fd, which, pid, flags & 1 ? O_CLOEXEC : 0))
			return 0;
	}
	r = huge_seek(c);
	return r ? r : call_native(c);
}

/* The call, about a name that may be one of those that tell of the machine. */
static int64_t call_named(struct call *c, int at)
{
	uint64_t name = c->a[at];
	struct machine_path own;
	int64_t r = machine_path(c->t, name, &own);

	if (r <= 0)
		return r ? r : call_native(c);
	c->a[at] = sys_ptr(own.name);
	r = call_native(c);
	if (!machine_is_hosts(&own, r))
		return r;
	c->a[at] = name;
	return call_native(c);
}

int64_t sys_of_name(struct call *c)
{
	bool at = c->nr == __NR_faccessat || c->nr == __NR_faccessat2;
	uint64_t name = c->a[0], buf = c->a[1];
	int64_t r = call_named(c, at);

	if (!r && c->nr == __NR_statfs)
		huge_statfs_told(c, name, buf);
	return r;
}

int64_t sys_readlink(struct call *c)
{
	int at = c->nr == __NR_readlinkat;
	char path[PROC_SHORT_PATH], exe[PROC_LINK];

	if (!proc_read_path(c->a[at], path))
		return call_named(c, at);
	if (proc_names_ours(c->t, path))
		return -ENOENT;
	if (proc_exe_of(c->t, path, exe))
		c->a[at] = sys_ptr(exe);
	return call_native(c);
}

static int64_t stat_named(struct call *c)
{
	int at = c->nr != __NR_stat && c->nr != __NR_lstat;
	char path[PROC_SHORT_PATH], exe[PROC_LINK];
	uint64_t flags = c->nr == __NR_newfstatat ? c->a[3]
			 : c->nr == __NR_statx    ? c->a[2]
			 : c->nr == __NR_lstat    ? AT_SYMLINK_NOFOLLOW
						  : 0;

	if (!proc_read_path(c->a[at], path))
		return call_named(c, at);
	if (proc_names_ours(c->t, path))
		return -ENOENT;
	if (!(flags & AT_SYMLINK_NOFOLLOW) && proc_exe_of(c->t, path, exe))
		c->a[at] = sys_ptr(exe);
	return call_native(c);
}

int64_t sys_stat(struct call *c)
{
	int at = c->nr == __NR_statx ? 4 : c->nr == __NR_newfstatat ? 2 : 1;
	uint64_t buf = c->a[at];
	int64_t r = stat_named(c);

	if (!r)
		huge_stat_told(c, buf);
	return r;
}
