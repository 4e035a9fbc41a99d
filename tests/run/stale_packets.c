/* SPDX-License-Identifier: MIT */
/*
 * stale_packets.c: children that are killed between sending the supervisor a descriptor and asking
 * for what it is meant for.  Whoever is given their channel next must not be served theirs.
 *
 * A process cannot be killed just there on purpose, so the children send such packets by
 * themselves, through a system call instruction of the stub's.  Natively there is no stub; the
 * output is the same.
 */
#include <setjmp.h>
#include <sys/socket.h>

#include "run/wire/proto.h"
#include "run/wire/run_info.h"
#include "run/stub/base/layout.h"
#include "stub_test.h"

#define STUB_TEXT (STUB_BASE + 4096)
#define OWN_SLOT (THREADS_BASE + THREAD_SLOT) /* in the first thread area */
#define CTL ((int)((volatile struct run_info *)INFO_BASE)->fd_base + RUN_FD_CTL)
#define FIRST_TOKEN 16u
#define NR_TOKENS 8u
#define ROUNDS 30

static sigjmp_buf nothing_there;

static void on_segv(int sig)
{
	siglongjmp(nothing_there, sig);
}

/* `syscall; ret` of the stub's; NULL: natively. */
static const unsigned char *find_instruction(void)
{
	const unsigned char *volatile p = (const unsigned char *)STUB_TEXT;

	signal(SIGSEGV, on_segv);
	if (sigsetjmp(nothing_there, 1))
		p = NULL;
	while (p && !(p[0] == 0x0f && p[1] == 0x05 && p[2] == 0xc3))
		p++;
	signal(SIGSEGV, SIG_DFL);
	return p;
}

static long raw(const unsigned char *insn, long nr, long a, const void *b, long c)
{
	register long rax __asm__("rax") = nr;
	register long rdx __asm__("rdx") = c;

	__asm__ volatile("call *%[insn]"
			 : "+a"(rax)
			 : [insn] "r"(insn), "D"(a), "S"(b), "d"(rdx)
			 : "rcx", "r11", "memory", "cc");
	return rax;
}

/* As the stub sends them (proto.h), in the name of this process's own slot. */
static long send_packet(const unsigned char *insn, int ctl, uint64_t token, int fd)
{
	struct {
		uint32_t slot, pad;
		uint64_t token;
	} packet = {*(volatile uint32_t *)OWN_SLOT, 0, token};
	struct iovec iov = {&packet, sizeof(packet)};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	control.align = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	return raw(insn, SYS_sendmsg, ctl, &msg, MSG_NOSIGNAL);
}

static void send_and_die(const unsigned char *insn)
{
	int fd = open("/dev/null", O_RDONLY);

	for (unsigned i = 0; insn && i < NR_TOKENS; i++) {
		if (send_packet(insn, CTL, FIRST_TOKEN + i, fd) < 0)
			_exit(1);
	}
	raise(SIGKILL);
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static pid_t start(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(126);
	}
	return pid;
}

static void successors(void)
{
	const unsigned char *insn = find_instruction();

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (!pid)
			send_and_die(insn);
		CHECK(WTERMSIG(status_of(pid)) == SIGKILL);
		CHECK(status_of(start()) == 0);
	}
}

int main(void)
{
	RUN(successors);
	return failures != 0;
}
