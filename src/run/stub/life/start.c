/* SPDX-License-Identifier: MIT */
/*
 * start.c: a fresh stub, from the host's execve to the program's first instruction.
 *
 * The host's own stack, with argv and envp for /proc/PID/cmdline, stays where it is, above
 * what the guest can name.
 */
#include "run/stub/life/start.h"

#include "run/stub/base/area.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/stub/file/window.h"
#include "run/stub/guard/sys_open.h"
#include "run/stub/life/enter.h"
#include "run/stub/life/filter.h"
#include "run/stub/life/initstack.h"
#include "run/stub/life/life.h"
#include "run/stub/life/sys_process.h"
#include "run/stub/life/vdso.h"
#include "run/stub/link/chan.h"
#include "run/stub/link/rpc.h"
#include "run/stub/signal/signal.h"
#include "run/wire/addresses.h"
#include "run/wire/exec_resolve.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

/* Our own string, and what it says. */
static bool take_env(struct start *s)
{
	const char *p;

	if (!s->envc || !str_starts(s->envp[s->envc - 1], RUN_ENV))
		return false;
	p = s->envp[--s->envc] + sizeof(RUN_ENV) - 1;
	s->execfn = s->argc ? s->argv[0] : "";
	if (!str_number(&p, &s->slot) || *p++ != ' ' || !str_number(&p, &s->flags) || *p++ != ' ' ||
	    !str_number(&p, &s->exe) || *p++ != ' ' || !str_number(&p, &s->interp) || *p++ != ' ' ||
	    !str_number(&p, &s->fd_base))
		return false;
	if (s->flags & RUN_ENV_MASK) {
		if (*p++ != ' ' || !str_number(&p, &s->mask_high) || *p++ != ' ' ||
		    !str_number(&p, &s->mask_low))
			return false;
	}
	if ((s->flags & RUN_ENV_LENT) && (*p++ != ' ' || !str_number(&p, &s->soft)))
		return false;
	if (*p == ' ' && p[1])
		s->execfn = p + 1;
	return true;
}

static void take_stack(struct start *s, uint64_t *sp)
{
	s->argc = *sp++;
	s->argv = (char **)sp;
	sp += s->argc + 1;
	s->envp = (char **)sp;
	while (s->envp[s->envc])
		s->envc++;
	s->auxv = (struct aux *)(sp + s->envc + 1);
	if (!take_env(s))
		die("this program is started by `quire run` only");
}

static void map_shared(uint64_t at, uint64_t bytes, int fd, uint64_t offset)
{
	if (sys(__NR_mmap, at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset) != (int64_t)at)
		die("cannot map the page tables");
}

/* What the supervisor tells; its own descriptors' numbers stand in there, too. */
static void map_tables(const struct start *s)
{
	int fd = (int)s->fd_base + RUN_FD_TABLES;

	map_shared(INFO_BASE, PAGE, fd, 0);
	if (INFO->magic != RUN_MAGIC || INFO->fd_base != (uint64_t)s->fd_base || s->slot < 0 ||
	    s->slot >= INFO->nr_slots)
		die("stub and supervisor do not fit");
	map_shared(TABLES_BASE, INFO->nr_table_frames * PAGE, fd, TABLES_OFFSET(INFO->nr_slots));
}

void thread_set_altstack(struct thread *t)
{
	struct sigaltstack ss = {(void *)(sys_ptr(t) + AREA_STACK), 0, THREAD_AREA - AREA_STACK};

	sys(__NR_sigaltstack, &ss, NULL);
}

/* As O_PATH, where that can be had: an open file is more than the name of one. */
static void note_exe(struct thread *t, int64_t exe)
{
	int64_t path = guarded_reopen(t, exe, O_PATH | O_CLOEXEC);

	own_dup(path >= 0 ? path : exe, RUN_FD_EXE, 0);
	if (path >= 0)
		sys(__NR_close, path);
}

static struct loaded load(struct thread *t, const struct start *s)
{
	int64_t exe, interp = -1, tokens, r;
	const uint64_t *v = t->answer->v;
	struct loaded l;

	r = rpc(t, OP_EXEC_FILES, (uint64_t)sys(__NR_getpid));
	if (r)
		die("the supervisor cannot make an address space");
	exe = window_open(t, (int)s->exe);
	tokens = rpc_send_fd(t, (int)s->exe);
	if (s->interp >= 0) {
		interp = window_open(t, (int)s->interp);
		tokens |= rpc_send_fd(t, (int)s->interp) << 32;
		sys(__NR_close, s->interp);
	}
	note_exe(t, s->exe);
	sys(__NR_close, s->exe);
	if (s->flags & RUN_ENV_LENT)
		spares_take_back(t->proc, (uint64_t)s->soft);
	if (exe < 0 || (s->interp >= 0 && interp < 0))
		die("cannot map the program");
	r = rpc(t, OP_EXEC_LOAD, (uint64_t)tokens, (uint64_t)exe, (uint64_t)interp,
		initstack_bytes(s), s->vdso.addr, s->vdso.bytes, s->vdso.vvar, s->vdso.vvar_bytes);
	/* Too late for an errno, as in the kernel; the supervisor has said why. */
	if (r)
		die_by(t, SIGSEGV);
	l = (struct loaded){v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
	return l;
}

static void start_on_own_stack(void *arg)
{
	const struct start *s = arg;
	struct thread *t = thread_self();
	struct loaded l;
	char comm[16];
	uint64_t sp;

	signals_install(t, s->way_in);
	/* Another thread of the old program may have executed this one, and is the first now. */
	life_tie();
	if (s->flags & RUN_ENV_NO_SEGV)
		t->proc->actions[SIGSEGV].handler = HANDLER_IGN;
	if (s->flags & RUN_ENV_NO_BUS)
		t->proc->actions[SIGBUS].handler = HANDLER_IGN;
	if (s->flags & RUN_ENV_NO_SYS)
		t->proc->actions[SIGSYS].handler = HANDLER_IGN;
	t->no_new_privs = s->flags & RUN_ENV_NO_NEW_PRIVS;
	if (s->flags & RUN_ENV_MASK)
		t->mask = (uint64_t)s->mask_high << 32 | (uint64_t)s->mask_low;
	host_set_mask(host_mask(t->mask));
	if (s->flags & RUN_ENV_FIRST)
		filter_install(t);
	sys(__NR_munmap, 0, GUEST_TASK_SIZE);
	l = load(t, s);
	sp = initstack_write(s, &l);
	if (!sp) {
		say("the program's arguments cannot be written below", l.stack_top);
		die_by(t, SIGSEGV);
	}
	if (s->flags & RUN_ENV_BY_FD)
		exec_comm_of(RUN_FD(RUN_FD_EXE), comm);
	else
		exec_comm(s->execfn, comm);
	sys(__NR_prctl, PR_SET_NAME, comm);
	enter_guest(l.entry, sp);
}

void start_on_host_stack(uint64_t *sp, void (*way_in)(void))
{
	struct start s = {.way_in = way_in};
	struct thread *t;

	take_stack(&s, sp);
	vdso_move(&s);
	map_tables(&s);
	vdso_tell_nodes(&s);
	if (own_dup(RUN_FD(RUN_FD_STUB), RUN_FD_EXEC, O_CLOEXEC))
		die("cannot keep the image that is executed");
	t = area_alloc();
	if (!t || !chan_map(t, (uint32_t)s.slot))
		die("no memory for a thread");
	t->tid = (int32_t)sys(__NR_gettid);
	t->host_tid = (uint32_t)t->tid;
	sys(__NR_set_tid_address, &t->host_tid);
	t->no_tsc = tsc_is_off();
	t->proc = &first_process;
	t->alt_flags = 2; /* SS_DISABLE */
	thread_set_altstack(t);
	switch_stack(sys_ptr(t) + THREAD_AREA, start_on_own_stack, &s);
}
