/* SPDX-License-Identifier: MIT */
/*
 * filter.c: the seccomp filter: a system call made outside the stub's text is a SIGSYS, a kick is a
 * notification to the supervisor.  Installed once; forks and execs inherit it, and every
 * stub lies at the same address.
 */
#include "run/stub/life/filter.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/wire/proto.h"
#include "run/wire/sys.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field)                                                                           \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)

/* False: without a listener. */
static int64_t install(bool listener)
{
	uint64_t text = sys_ptr(stub_text_start), end = sys_ptr(stub_text_end);
	struct sock_filter code[] = {
	    LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 9),
	    LOAD_HIGH(instruction_pointer),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(text >> 32), 0, 7),
	    LOAD(instruction_pointer),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)text, 0, 5),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)end, 4, 0),
	    LOAD(nr),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RUN_KICK_NR, 0, 1),
	    RETURN(SECCOMP_RET_USER_NOTIF),
	    RETURN(SECCOMP_RET_ALLOW),
	    RETURN(SECCOMP_RET_TRAP),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (!listener)
		code[9] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EINTR);
	return sys(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		   listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &prog);
}

void filter_install(struct thread *t)
{
	int64_t fd;

	t->no_new_privs = sys(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("the host forbids no_new_privs, and with it every seccomp filter");
	fd = install(true);
	if (fd >= 0) {
		rpc_send_fd_token(t, (int)fd, RUN_TOKEN_LISTENER);
		sys(__NR_close, fd);
		return;
	}
	/* Another supervisor listens already, or the kernel is old: futexes do, slower. */
	if (install(false) < 0)
		die("the host forbids seccomp filters, which quire run needs to see system calls");
}
