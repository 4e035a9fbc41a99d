/* SPDX-License-Identifier: MIT */
/*
 * table.h: what the stub knows of a system call: who performs it, and which memory the host's
 * kernel will use for it.
 */
#ifndef STUB_TABLE_H
#define STUB_TABLE_H

#include "run/stub/base/stub.h"

enum arg_kind {
	ARG_VALUE,
	ARG_PID,     /* refused if it is the supervisor's */
	ARG_FD,      /* refused if it is one of ours */
	ARG_STRING,  /* read; touched only after EFAULT, which comes before any effect */
	ARG_FIXED,   /* `size` bytes */
	ARG_COUNTED, /* size * argument `by` bytes */
	ARG_PLUS,    /* size + argument `by` bytes */
	ARG_SIZED,   /* as many bytes as the 32-bit word says that argument `by` points to */
	ARG_BITS,    /* a set of argument `by` bits, in words */
	ARG_IOVEC,   /* array of argument `by` iovecs, and their buffers */
	ARG_MSGHDR,
	ARG_MMSGHDR, /* array of argument `by` */
};

enum { DIR_IN = 1, DIR_OUT = 2, DIR_BOTH = 3 };

struct arg_spec {
	uint8_t kind, dir, by;
	uint16_t size;
};

enum call_kind {
	CALL_UNKNOWN, /* -ENOSYS, and a note */
	CALL_NATIVE,
	CALL_MEMORY,  /* the supervisor's */
	CALL_SPECIAL, /* a function of the stub's, which may go on to call_native() */
	CALL_REFUSED, /* -err, and a note */
	CALL_ABSENT,  /* -err without a word: every program tries it, or Linux has it no more */
};

struct call_desc {
	uint8_t kind;
	int16_t err;
	int64_t (*fn)(struct call *c);
	struct arg_spec arg[6];
};

#define NR_CALLS 480
extern const struct call_desc call_table[NR_CALLS];

/* touch_args.c: all memory that the call's table entry names.  True: all is there. */
bool touch_args(struct call *c, const struct call_desc *d, bool strings);
void touch_any(struct thread *t, uint64_t addr, uint64_t n);
/* Values that look like pointers: a last try after an EFAULT that the table does not explain. */
void touch_guesses(struct call *c, const struct call_desc *d);
bool touch_iovec(struct thread *t, uint64_t addr, uint64_t count, int dir);

/* Of a word that is a pointer or not: a number of that size can only be one,
 * and not the guest's. */
static inline void hide_pointer(uint64_t *arg)
{
	if (*arg >= GUEST_TASK_SIZE && *arg < 1ull << 47)
		*arg = NOWHERE;
}

/* The special ones, by file. */
/* sys_file.c */
int64_t sys_close(struct call *c);
int64_t sys_close_range(struct call *c);
int64_t sys_dup2(struct call *c);
int64_t sys_fcntl(struct call *c);
int64_t sys_ioctl(struct call *c);
/* ioctl_fds.c: -EBADF: it is given one of ours.  May replace the argument. */
int64_t ioctl_check_fds(struct call *c);
/* sys_sem.c */
int64_t sys_semctl(struct call *c);
/* sys_truncate.c */
int64_t sys_truncate(struct call *c);
int64_t sys_fallocate(struct call *c);
/* The open file has been truncated to its present size. */
void tell_truncated(struct thread *t, int fd);
/* sys_scatter.c */
int64_t sys_readv(struct call *c);
int64_t sys_recvmsg(struct call *c);
/* sys_getdents.c */
int64_t sys_getdents(struct call *c);
/* sys_recvmmsg.c */
int64_t sys_recvmmsg(struct call *c);
/* sys_write.c */
int64_t sys_write(struct call *c);
int64_t sys_pwrite64(struct call *c);
int64_t sys_writev(struct call *c);
int64_t sys_pwritev(struct call *c);
int64_t sys_pwritev2(struct call *c);
/* sys_read.c */
int64_t sys_recvfrom(struct call *c);
int64_t sys_read(struct call *c);
/* sys_mmap.c */
int64_t sys_mmap(struct call *c);
/* sys_limit.c */
int64_t sys_getrlimit(struct call *c);
int64_t sys_setrlimit(struct call *c);
int64_t sys_prlimit(struct call *c);
/* sys_signal.c */
int64_t sys_sigaction(struct call *c);
int64_t sys_sigprocmask(struct call *c);
int64_t sys_sigreturn(struct call *c);
int64_t sys_sigaltstack(struct call *c);
int64_t sys_sigpending(struct call *c);
int64_t sys_sigsuspend(struct call *c);
int64_t sys_ppoll(struct call *c);
int64_t sys_pselect(struct call *c);
int64_t sys_epoll_pwait(struct call *c);
/* sys_sigwait.c */
int64_t sys_sigtimedwait(struct call *c);
int64_t sys_signalfd(struct call *c);
/* sys_sigqueue.c */
int64_t sys_rt_sigqueueinfo(struct call *c);
int64_t sys_rt_tgsigqueueinfo(struct call *c);
int64_t sys_pidfd_send_signal(struct call *c);
/* sys_futex.c */
int64_t sys_futex(struct call *c);
int64_t sys_set_robust_list(struct call *c);
int64_t sys_get_robust_list(struct call *c);
int64_t sys_set_tid_address(struct call *c);
void futex_wake_guest(struct thread *t, uint64_t addr, uint32_t n);
void robust_list_exit(struct thread *t);
/* sys_process.c */
int64_t sys_prctl(struct call *c);
int64_t sys_arch_prctl(struct call *c);
int64_t sys_seccomp(struct call *c);
int64_t sys_unshare(struct call *c);
int64_t sys_set_user(struct call *c);
/* sys_open.c */
int64_t sys_open(struct call *c);
int64_t sys_creat(struct call *c);
int64_t sys_openat2(struct call *c);
int64_t sys_open_by_handle_at(struct call *c);
/* sys_send.c */
int64_t sys_sendto(struct call *c);
int64_t sys_sendmsg(struct call *c);
int64_t sys_sendmmsg(struct call *c);
int64_t sys_setsockopt(struct call *c);
/* sys_path.c */
int64_t sys_on_path(struct call *c);
/* sys_fanotify.c */
int64_t sys_fanotify_mark(struct call *c);
/* sys_mount.c */
int64_t sys_mount(struct call *c);
int64_t sys_fsopen(struct call *c);
int64_t sys_fsconfig(struct call *c);
/* sys_perf.c */
int64_t sys_perf_event_open(struct call *c);
/* sys_pidfd.c */
int64_t sys_pidfd_getfd(struct call *c);
/* sys_proc.c */
int64_t sys_lseek(struct call *c);
int64_t sys_readlink(struct call *c);
int64_t sys_stat(struct call *c);
/* thread.c, fork.c, exec.c, exit.c */
int64_t sys_clone(struct call *c);
int64_t sys_fork(struct call *c);
int64_t sys_vfork(struct call *c);
int64_t sys_execve(struct call *c);
int64_t sys_exit(struct call *c);
int64_t sys_exit_group(struct call *c);

#endif
