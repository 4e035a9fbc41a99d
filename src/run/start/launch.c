/* SPDX-License-Identifier: MIT */
/*
 * launch.c: the first process.
 *
 * The program is found, opened and checked here, so that what is wrong with it is said before there
 * is a process.  The child is a fork of us that becomes the stub by exec; it gets its descriptors
 * at FD_BASE and up, the signal mask we were started with, and its life pipe.
 */
#include "run/start/launch.h"

#include "quire/quire.h"
#include "run/base/own_limits.h"
#include "run/base/privilege.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/fd/fd_block.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/start/program.h"
#include "run/start/run_main.h"
#include "run/start/start_failed.h"
#include "run/start/stub_image.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

extern char **environ;

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int stub_create(struct run *run)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("quire-stub", flags | MFD_EXEC), err;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("quire-stub", flags);
	if (fd < 0)
		return -errno;
	err = write_all(fd, stub_image, (size_t)(stub_image_end - stub_image));
	if (err) {
		close(fd);
		return err;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	run->fd_stub = fd;
	return 0;
}

static int make_life(int pipe_fds[2])
{
	return pipe2(pipe_fds, O_CLOEXEC) ? -errno : 0;
}

/* In the child: the read end kills us when the supervisor is gone. */
static int arm_life(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, SIGKILL) ||
	       fcntl(fd, F_SETFL, flags | O_ASYNC);
}

static char **env_with_stub(struct run *run, const struct program *p, char *text, size_t len)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	memcpy(env, environ, n * sizeof(*env));
	snprintf(text, len, RUN_ENV "0 %d %d %d %u %s", RUN_ENV_FIRST, p->files.exe,
		 p->files.interp, run->info->fd_base, p->name);
	env[n] = text;
	return env;
}

/* In the child, which is alone in its process: becomes the stub.  Returns only on failure. */
static void become_stub(struct run *run, int ctl, int life, const struct program *p, char **env,
			const sigset_t *mask)
{
	int fds[RUN_NR_FDS] = {[RUN_FD_CTL] = ctl,           [RUN_FD_RAM] = run->fd_ram,
			       [RUN_FD_CHAN] = run->fd_chan, [RUN_FD_TABLES] = run->fd_tables,
			       [RUN_FD_STUB] = run->fd_stub, [RUN_FD_EXEC] = run->fd_stub,
			       [RUN_FD_LIFE] = life};
	int base = (int)run->info->fd_base;

	for (int i = RUN_FD_EXE; i < RUN_NR_FDS; i++)
		fds[i] = run->fd_stub;
	if (fd_block_fill(run, fds) || arm_life(base + RUN_FD_LIFE) ||
	    fcntl(base + RUN_FD_EXEC, F_SETFD, FD_CLOEXEC))
		return;
	own_limits_give_back(run);
	if (run->sigchld_ignored)
		signal(SIGCHLD, SIG_IGN);
	privilege_withhold(run);
	sigprocmask(SIG_SETMASK, mask, NULL);
	syscall(SYS_execveat, base + RUN_FD_EXEC, "", p->argv, env, AT_EMPTY_PATH);
}

static struct proc *first_proc(struct run *run, const struct program *p)
{
	static const __rlimit_resource_t limits[QUIRE_NR_RLIMITS] = {
	    [QUIRE_RLIMIT_AS] = RLIMIT_AS,
	    [QUIRE_RLIMIT_DATA] = RLIMIT_DATA,
	    [QUIRE_RLIMIT_STACK] = RLIMIT_STACK,
	    [QUIRE_RLIMIT_MEMLOCK] = RLIMIT_MEMLOCK,
	};
	struct proc *proc;

	pthread_mutex_lock(&run->lock);
	proc = proc_create_locked(run, NULL);
	if (proc) {
		for (unsigned i = 0; i < QUIRE_NR_RLIMITS; i++)
			proc->rlim[i] = run->limits[limits[i]];
		proc->pending = pending_create(p->path, p->comm);
		slot_alloc_locked(run, proc, NULL);
	}
	pthread_mutex_unlock(&run->lock);
	return proc;
}

static int spawn(struct run *run, int ctl, const struct program *p, const sigset_t *mask)
{
	char text[sizeof(p->name) + 128];
	char **env = env_with_stub(run, p, text, sizeof(text));
	struct proc *proc = first_proc(run, p);
	int life[2], err = make_life(life);

	if (err || !env || !proc)
		return err ? err : -ENOMEM;
	run->first_pid = fork();
	if (run->first_pid < 0)
		return -errno;
	if (!run->first_pid) {
		become_stub(run, ctl, life[0], p, env, mask);
		run_say(run, "cannot start the stub: %s", strerror(errno));
		_exit(RUN_EXIT_NOEXEC);
	}
	close(life[0]);
	free(env);
	proc_start(proc, run->first_pid, life[1]);
	return 0;
}

int launch(struct run *run, int guest_ctl, const sigset_t *mask)
{
	struct program *program = calloc(1, sizeof(*program)); /* too large for a stack */
	int err = program ? program_find(run->opts->argv, program) : -ENOMEM;

	if (err) {
		run_say(run, "%s: %s", run->opts->argv[0], strerror(-err));
		return err == -ENOENT || err == -ENOTDIR ? RUN_EXIT_NOTFOUND : RUN_EXIT_NOEXEC;
	}
	run->info->fd_base = run->fd_base;
	err = stub_create(run);
	if (!err)
		err = spawn(run, guest_ctl, program, mask);
	program_free(program);
	free(program);
	if (!err)
		return 0;
	start_failed(run, "start", err);
	return RUN_EXIT_VERIFY;
}
