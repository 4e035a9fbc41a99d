/* SPDX-License-Identifier: MIT */
/*
 * magic.c: opening by a path that leads through a link of /proc to what a process has open, or is
 * executing (proc(5): fd/N, exe, cwd, root, map_files, ns).  Only such a path leads to objects of
 * ours, for these have no other name; so all other opens forbid such links (sys_open.c), and come
 * here if the host says that there is one.
 *
 *   1. Up to the last component such links are harmless: they lead to directories, and ours are
 *      none.
 *   2. The last one is followed in the directory where it is, which is looked at in RUN_FD_LOOK: so
 *      it is that link which is followed, whatever other threads do meanwhile, and whatever is
 *      mounted over /proc.  No name of ours leads through /proc for that reason.
 *   3. It is judged by its name: under our numbers, and at addresses, it may be ours.  Under other
 *      numbers a guest has nothing of ours, not even for a moment.
 *   4. Whether there are too many links in all says the host, asked for the whole path once.
 */
#include "run/stub/guard/magic.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/look.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/supervisor.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

/* The host counts links; what stands in for a program's name is more than it counts. */
#define MAX_STEPS 64
/* In openat2's words: such links are refused anyway. */
#define REFUSES (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT)

struct walk {
	int64_t dir; /* of the last component, as O_PATH */
	bool on;     /* it is a link: go on with path */
	bool slash;  /* slashes follow it: it is followed, and leads to a directory */
	char path[PATH_BYTES], name[PATH_BYTES];
};

/* Cuts the last component off. */
static void cut(struct walk *w)
{
	uint64_t n = str_len(w->path), at;

	w->slash = n && w->path[n - 1] == '/';
	while (n && w->path[n - 1] == '/')
		n--;
	for (at = n; at && w->path[at - 1] != '/';)
		at--;
	w->path[n] = 0;
	str_put(w->name, n ? w->path + at : ".");
	if (!n)
		str_put(w->path, "/");
	else if (!at)
		str_put(w->path, ".");
	else
		w->path[at] = 0;
}

/* Goes on with what has been put into path, of n bytes. */
static int64_t go_on(struct walk *w, uint64_t n)
{
	str_put(w->path + n, w->slash ? "/" : "");
	w->on = true;
	return 0;
}

static void leave_dir(struct walk *w)
{
	if (w->dir >= 0)
		sys(__NR_close, w->dir);
	w->dir = -1;
}

/* The directory of w->path, seen from at. */
static int64_t enter_dir(struct walk *w, int64_t at, uint64_t resolve)
{
	struct open_how how = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0, resolve};
	int64_t dir = sys(__NR_openat2, at, w->path, &how, sizeof(how));

	leave_dir(w);
	w->dir = dir;
	return dir < 0 ? dir : 0;
}

/* A link in a directory of the supervisor's, or one of our numbers, but for a program; or to what
 * is mapped somewhere, which may be RAM. */
static int64_t check_link(const struct walk *w, int64_t pid)
{
	const char *p = w->name;
	int64_t fd;

	if (pid <= 0 || pid_is_supervisors(pid) || proc_is_range(w->name))
		return -EACCES;
	if (str_number(&p, &fd) && !*p && fd_is_ours((uint64_t)fd) && (int)fd != RUN_FD(RUN_FD_EXE))
		return -ENOENT;
	return 0;
}

/* The last component, in dir. */
static int64_t open_in(struct thread *t, struct walk *w, int64_t dir, struct open_how how)
{
	struct call c = {.t = t, .nr = __NR_openat2};
	uint64_t n = str_len(w->name);
	int64_t r;

	if (w->slash)
		str_put(w->name + n, "/");
	c.a[0] = (uint64_t)dir;
	c.a[1] = sys_ptr(w->name);
	c.a[2] = sys_ptr(&how);
	c.a[3] = sizeof(how);
	r = call_native(&c);
	w->name[n] = 0;
	return r;
}

/* exe of a guest is the stub; it gets its program. */
static bool is_exe(struct thread *t, struct walk *w, int64_t pid)
{
	char *p = w->path;

	if (!str_equal(w->name, "exe") || rpc(t, OP_IS_GUEST, (uint64_t)pid))
		return false;
	p = str_put(str_put_number(str_put(p, "/proc/"), (uint64_t)pid), "/fd/");
	str_put_number(p, (uint64_t)RUN_FD(RUN_FD_EXE));
	return true;
}

/* The last component is such a link. */
static int64_t open_link(struct thread *t, struct walk *w, const struct open_how *how)
{
	int64_t r, pid = 0;
	bool exe = false;

	if (!look_begin(t))
		return RESTART;
	r = look_at(w->dir);
	leave_dir(w);
	/* Another may be there by now than has been asked about before. */
	if (r == 0 && !fd_in_proc(RUN_FD(RUN_FD_LOOK)))
		r = -EACCES;
	if (r == 0) {
		pid = look_process();
		r = check_link(w, pid);
	}
	if (r == 0)
		exe = is_exe(t, w, pid);
	if (r == 0 && !exe)
		r = open_in(t, w, RUN_FD(RUN_FD_LOOK), *how);
	look_end();
	return exe ? go_on(w, str_len(w->path)) : r;
}

static int64_t open_last(struct thread *t, struct walk *w, const struct open_how *how)
{
	struct open_how plain = *how;
	int64_t r, n;

	plain.resolve |= RESOLVE_NO_MAGICLINKS;
	r = open_in(t, w, w->dir, plain);
	if (r != -ELOOP || ((how->flags & O_NOFOLLOW) && !w->slash))
		return r;
	n = sys(__NR_readlinkat, w->dir, w->name, w->path, PATH_BYTES - 2);
	if (n <= 0)
		return -ELOOP;
	w->path[n] = 0;
	return fd_in_proc(w->dir) ? open_link(t, w, how) : go_on(w, (uint64_t)n);
}

/* A guest may be told what any name leads to: this opens nothing. */
static bool too_many_links(int64_t at, const char *path, uint64_t open_flags)
{
	uint64_t flags = AT_NO_AUTOMOUNT | (open_flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	struct stat st;

	return sys(__NR_newfstatat, at, path, &st, flags) == -ELOOP;
}

int64_t open_magic(struct thread *t, int64_t dirfd, const char *path, const struct open_how *how)
{
	struct walk w = {.dir = -1, .on = true};
	int64_t at = dirfd, r = -ELOOP;

	if ((how->resolve & REFUSES) || too_many_links(dirfd, path, how->flags))
		return -ELOOP;
	str_put(w.path, path);
	for (int i = 0; i < MAX_STEPS && w.on; i++) {
		w.on = false;
		cut(&w);
		r = enter_dir(&w, at, how->resolve);
		if (r == 0)
			r = open_last(t, &w, how);
		at = w.dir;
	}
	leave_dir(&w);
	return w.on ? -ELOOP : r;
}
