/* SPDX-License-Identifier: MIT */
/*
 * exec.c: execve: everything that may fail is done first, in this process; then the host
 * executes the stub's image again with the guest's arguments, and the fresh stub loads the program.
 *
 *   1. Until the host's execve has succeeded, nothing of the guest has changed.
 *   2. The image is executed by a descriptor that is close-on-exec.  A user namespace has
 *      binfmt_misc handlers of its own, and one of them may take the image for its format: the host
 *      would start a guest's program instead, natively and with our descriptors.  It gives a
 *      handler no file that cannot be opened any more by then, but fails with ENOENT.
 *   3. The copies live in a host mapping of their own, which the execve takes away; what a vfork
 *      child leaves in its parent's goes when the child's area is used again (area.c).
 */
#include "run/stub/base/area.h"
#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/stub/file/window.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/signal/signal.h"
#include "run/wire/exec_resolve.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/mman.h>

#define STRING_MAX 131072u       /* MAX_ARG_STRLEN */
#define EXEC_BYTES (16ull << 20) /* more than the host takes: it says E2BIG */
#define PREFIX_ROOM 24
#define EXEC_FLAGS ((uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))

/* Pointers grow up from the start, strings down from the end. */
struct scratch {
	char **vec;
	uint64_t nvec;
	char *low; /* strings stand from here */
	uint64_t base;
};

struct exec {
	struct scratch s;
	struct exec_resolved image;
	const char *from; /* path, or link: what leads to the same */
	char link[PROC_LINK];
	char path[PATH_BYTES], shown[PATH_BYTES + 32]; /* shown: as scripts see it */
	char env[PATH_BYTES + 160];
	char **argv, **envp;
	uint64_t argc;
	bool lent; /* the spare descriptors are */
	uint64_t soft;
};

static bool room(const struct scratch *s, uint64_t bytes)
{
	return (uint64_t)s->low - sys_ptr(s->vec + s->nvec + PREFIX_ROOM) > bytes + 16;
}

/* One string of the guest's; NULL pointers are the caller's business. */
static int64_t take_string(struct scratch *s, uint64_t from)
{
	int64_t n = guest_strnlen(from, STRING_MAX);

	if (n < 0)
		return -EFAULT;
	if (n == STRING_MAX || !room(s, (uint64_t)n))
		return -E2BIG;
	s->low -= n + 1;
	if (guest_read(s->low, from, (uint64_t)n + 1))
		return -EFAULT;
	s->low[n] = 0;
	s->vec[s->nvec++] = s->low;
	return 0;
}

/* A NULL-terminated array; NULL itself is an empty one. */
static int64_t take_vector(struct scratch *s, uint64_t from, uint64_t *count)
{
	int64_t r = 0;

	for (*count = 0; from; (*count)++) {
		uint64_t p;

		if (guest_read(&p, from + *count * 8, 8))
			return -EFAULT;
		if (!p)
			break;
		r = take_string(s, p);
		if (r)
			return r;
	}
	if (!room(s, 64))
		return -E2BIG;
	return 0;
}

static int64_t take_path(struct call *c, struct exec *e, uint64_t from)
{
	int64_t n = guest_strnlen(from, PATH_BYTES);

	if (n < 0 || guest_read(e->path, from, (uint64_t)(n < PATH_BYTES ? n + 1 : n)))
		return -EFAULT;
	if (n == PATH_BYTES)
		return -ENAMETOOLONG;
	e->path[n] = 0;
	e->from = n < PROC_LINK && proc_exe_of(c->t, e->path, e->link) ? e->link : e->path;
	return 0;
}

/* The name that a script and AT_EXECFN get: through the directory's descriptor if there is one. */
static void show_path(struct exec *e, int dirfd)
{
	char *p = e->shown;

	if (e->path[0] == '/' || dirfd == AT_FDCWD) {
		str_put(p, e->path);
		return;
	}
	p = str_put_number(str_put(p, "/dev/fd/"), (uint64_t)dirfd);
	if (e->path[0]) {
		*p++ = '/';
		str_put(p, e->path);
	}
}

static int64_t open_for_exec(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {flags, 0, 0};

	return guarded_open(thread_self(), dirfd, sys_ptr(path), &how);
}

/* argv: the prefix of a script, then the guest's from [0] or, for a script, [1]. */
static int64_t take_arguments(struct exec *e, uint64_t argv, uint64_t envp)
{
	const char *prefix[EXEC_MAX_PREFIX];
	unsigned n = exec_prefix(&e->image, e->shown, prefix);
	struct scratch *s = &e->s;
	uint64_t argc, envc;
	char **first;
	int64_t r;

	s->nvec = PREFIX_ROOM / 2;
	first = s->vec + s->nvec;
	r = take_vector(s, argv, &argc);
	if (r)
		return r;
	if (!argc) { /* as the kernel does: one empty argument */
		*--s->low = 0;
		s->vec[s->nvec++] = s->low;
		argc = 1;
	}
	if (n) {
		first -= n - 1;
		for (unsigned i = 0; i < n; i++)
			first[i] = (char *)prefix[i];
	}
	e->argv = first;
	s->vec[s->nvec++] = NULL;
	e->envp = s->vec + s->nvec;
	r = take_vector(s, envp, &envc);
	if (r)
		return r;
	s->vec[s->nvec++] = e->env;
	s->vec[s->nvec++] = NULL;
	return 0;
}

/* The host must go on catching these until the old program is gone. */
static uint64_t ignored(const struct thread *t)
{
	const struct action *actions = t->proc->actions;

	return (actions[SIGSEGV].handler == HANDLER_IGN ? RUN_ENV_NO_SEGV : 0) |
	       (actions[SIGBUS].handler == HANDLER_IGN ? RUN_ENV_NO_BUS : 0) |
	       (actions[SIGSYS].handler == HANDLER_IGN ? RUN_ENV_NO_SYS : 0);
}

static void write_env(struct exec *e, const struct thread *t, uint64_t slot)
{
	char *p = str_put(e->env, RUN_ENV);

	p = str_put_number(p, slot);
	p = str_put_number(str_put(p, " "), RUN_ENV_MASK | ignored(t) |
						(e->lent ? RUN_ENV_LENT : 0) |
						(t->no_new_privs ? RUN_ENV_NO_NEW_PRIVS : 0) |
						(e->path[0] ? 0 : RUN_ENV_BY_FD));
	p = str_put_number(str_put(p, " "), (uint64_t)e->image.exe);
	if (e->image.interp < 0)
		p = str_put(p, " -1 ");
	else
		p = str_put(str_put_number(str_put(p, " "), (uint64_t)e->image.interp), " ");
	p = str_put_number(p, INFO->fd_base);
	p = str_put_number(str_put(p, " "), t->mask >> 32);
	p = str_put_number(str_put(p, " "), (uint32_t)t->mask);
	if (e->lent)
		p = str_put_number(str_put(p, " "), e->soft);
	str_put(str_put(p, " "), e->shown);
}

/* Absolute path of the open file, for /proc/PID/exe. */
static void name_of(int fd, const char *otherwise, char *buf, uint64_t len)
{
	char link[FD_PATH];
	int64_t n;

	fd_path(link, (uint64_t)fd);
	n = sys(__NR_readlink, link, buf, len - 1);
	if (n > 0)
		buf[n] = 0;
	else
		str_put(buf, otherwise);
}

static int64_t prepare(struct thread *t, struct exec *e)
{
	int64_t exe = rpc_send_fd(t, e->image.exe), interp = 0;
	char comm[16], path[PATH_BYTES + 32];
	char *p;

	if (e->image.interp >= 0)
		interp = rpc_send_fd(t, e->image.interp);
	if (exe < 0 || interp < 0)
		return exe < 0 ? exe : interp;
	name_of(e->image.exe, e->shown, path, PATH_BYTES);
	if (e->path[0])
		exec_comm(e->shown, comm);
	else
		exec_comm_of(e->image.exe, comm);
	p = str_put(t->chan->data, path);
	str_put(p + 1, comm);
	return rpc(t, OP_EXEC_PREPARE, (uint64_t)exe, (uint64_t)interp);
}

/* All signals stay blocked until the fresh stub sets the mask that it was told. */
static int64_t become(struct thread *t, struct exec *e)
{
	/* SIGBUS too: the supervisor may send it while no handler is there to take it. */
	uint64_t all = ~0ull, old;
	int64_t r;

	sys(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	if (t->pending) {
		host_set_mask(old);
		return RESTART;
	}
	r = sys(__NR_execveat, RUN_FD(RUN_FD_EXEC), "", e->argv, e->envp, AT_EMPTY_PATH);
	host_set_mask(old);
	return r;
}

/* The interpreter of a script is given a name that leads through dirfd. */
static bool unreachable(const struct exec *e, int dirfd)
{
	return e->image.levels && e->path[0] != '/' && dirfd != AT_FDCWD &&
	       sys(__NR_fcntl, dirfd, F_GETFD) == FD_CLOEXEC;
}

/* The kernel needs no descriptor for it. */
static int64_t resolve_image(struct thread *t, struct exec *e, int dirfd, uint64_t flags)
{
	int64_t r = exec_resolve(open_for_exec, dirfd, e->from, (int)flags, &e->image);

	if (r != -EMFILE)
		return r;
	e->soft = spares_lend(t->proc);
	e->lent = true;
	return exec_resolve(open_for_exec, dirfd, e->from, (int)flags, &e->image);
}

/* The host has told what is true of the stub, and not of the program. */
static int64_t taken_by_handler(struct thread *t)
{
	rpc_unsupported(t, __NR_execve, NOTE_BINFMT);
	return -ENOEXEC;
}

static int64_t execute(struct call *c, struct exec *e, const uint64_t *a, int dirfd, uint64_t flags)
{
	int64_t r;

	r = take_path(c, e, a[0]);
	if (r)
		return r;
	if (!e->path[0] && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	show_path(e, dirfd);
	r = resolve_image(c->t, e, dirfd, flags);
	if (r)
		return r;
	r = unreachable(e, dirfd) ? -ENOENT : take_arguments(e, a[1], a[2]);
	if (r == 0) {
		r = prepare(c->t, e);
		if (r == 0) {
			write_env(e, c->t, c->t->answer->v[0]);
			r = become(c->t, e);
			rpc(c->t, OP_EXEC_ABORT);
			r = r == -ENOENT ? taken_by_handler(c->t) : r;
		}
	}
	exec_close(&e->image);
	return r;
}

/*
 * A mapping of the host's for the copies; 0: none to be had.  A private one would be data, of which
 * the host may allow the process little.
 */
static uint64_t scratch_map(uint64_t bytes)
{
	for (int i = 0; i < PLACE_TRIES; i++) {
		uint64_t place = window_address(bytes);
		int64_t got =
		    sys(__NR_mmap, place, bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

		if (got != -EEXIST)
			return sys_is_error(got) ? 0 : (uint64_t)got;
	}
	return 0;
}

int64_t sys_execve(struct call *c)
{
	bool at = c->nr == __NR_execveat;
	uint64_t flags = at ? (uint32_t)c->a[4] : 0,
		 bytes = EXEC_BYTES + PAGE_UP(sizeof(struct exec)), place;
	struct exec *e;
	int64_t r;

	if (flags & ~EXEC_FLAGS)
		return -EINVAL;
	place = scratch_map(bytes);
	if (!place)
		return -ENOMEM;
	e = (struct exec *)place;
	e->s.vec = (char **)(place + PAGE_UP(sizeof(*e)));
	e->s.low = (char *)(place + bytes);
	c->t->exec_place = place;
	c->t->exec_bytes = bytes;
	r = execute(c, e, &c->a[at], at ? (int)c->a[0] : AT_FDCWD, flags);
	if (e->lent)
		spares_take_back(c->t->proc, e->soft);
	sys(__NR_munmap, place, bytes);
	c->t->exec_bytes = 0;
	return r;
}
