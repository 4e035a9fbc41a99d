/* SPDX-License-Identifier: MIT */
/*
 * call_table.c: every system call of x86-64, one line each.  Sizes are the kernel's structs.
 */
#include "run/stub/mem/table.h"

#define V                                                                                          \
	{                                                                                          \
		0                                                                                  \
	}
#define PID                                                                                        \
	{                                                                                          \
		ARG_PID, 0, 0, 0                                                                   \
	}
#define FD                                                                                         \
	{                                                                                          \
		ARG_FD, 0, 0, 0                                                                    \
	}
#define STR                                                                                        \
	{                                                                                          \
		ARG_STRING, DIR_IN, 0, 0                                                           \
	}
#define SPEC(kind, dir, by, size)                                                                  \
	{                                                                                          \
		kind, dir, by, size                                                                \
	}
#define IN(n) SPEC(ARG_FIXED, DIR_IN, 0, n)
#define OUT(n) SPEC(ARG_FIXED, DIR_OUT, 0, n)
#define BOTH(n) SPEC(ARG_FIXED, DIR_BOTH, 0, n)
#define INBY(by, unit) SPEC(ARG_COUNTED, DIR_IN, by, unit)
#define OUTBY(by, unit) SPEC(ARG_COUNTED, DIR_OUT, by, unit)
#define BOTHBY(by, unit) SPEC(ARG_COUNTED, DIR_BOTH, by, unit)
#define OUTSIZED(by) SPEC(ARG_SIZED, DIR_OUT, by, 0)
#define BITS(by) SPEC(ARG_BITS, DIR_BOTH, by, 0)
#define IOVIN(by) SPEC(ARG_IOVEC, DIR_IN, by, 0)
#define IOVOUT(by) SPEC(ARG_IOVEC, DIR_OUT, by, 0)

#define NATIVE(...)                                                                                \
	{                                                                                          \
		CALL_NATIVE, 0, NULL,                                                              \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define MEMORY                                                                                     \
	{                                                                                          \
		CALL_MEMORY, 0, NULL,                                                              \
		{                                                                                  \
			V                                                                          \
		}                                                                                  \
	}
#define SPECIAL(fn, ...)                                                                           \
	{                                                                                          \
		CALL_SPECIAL, 0, fn,                                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define REFUSED(e)                                                                                 \
	{                                                                                          \
		CALL_REFUSED, e, NULL,                                                             \
		{                                                                                  \
			V                                                                          \
		}                                                                                  \
	}
#define ABSENT(e)                                                                                  \
	{                                                                                          \
		CALL_ABSENT, e, NULL,                                                              \
		{                                                                                  \
			V                                                                          \
		}                                                                                  \
	}

/* clang-format off */
const struct call_desc call_table[NR_CALLS] = {
	/* Memory's own. */
	[__NR_mprotect] = MEMORY,
	[__NR_munmap] = MEMORY,
	[__NR_brk] = MEMORY,
	[__NR_mremap] = MEMORY,
	[__NR_msync] = MEMORY,
	[__NR_mincore] = MEMORY,
	[__NR_madvise] = MEMORY,
	[__NR_shmget] = MEMORY,
	[__NR_shmat] = MEMORY,
	[__NR_shmctl] = MEMORY,
	[__NR_shmdt] = MEMORY,
	[__NR_mlock] = MEMORY,
	[__NR_munlock] = MEMORY,
	[__NR_mlockall] = MEMORY,
	[__NR_munlockall] = MEMORY,
	[__NR_mlock2] = MEMORY,
	[__NR_remap_file_pages] = REFUSED(ENOSYS),
	[__NR_mbind] = MEMORY,
	[__NR_set_mempolicy] = MEMORY,
	[__NR_get_mempolicy] = MEMORY,
	[__NR_set_mempolicy_home_node] = MEMORY,
	[__NR_migrate_pages] = {CALL_MEMORY, 0, NULL, {PID}},
	[__NR_move_pages] = {CALL_MEMORY, 0, NULL, {PID}},
	[__NR_process_vm_readv] = {CALL_MEMORY, 0, NULL, {PID, IOVOUT(2)}},
	[__NR_process_vm_writev] = {CALL_MEMORY, 0, NULL, {PID, IOVIN(2)}},
	[__NR_process_madvise] = REFUSED(ENOSYS),
	[__NR_process_mrelease] = MEMORY,
	[__NR_pkey_mprotect] = MEMORY,
	[__NR_pkey_alloc] = MEMORY,
	[__NR_pkey_free] = MEMORY,
	[__NR_userfaultfd] = REFUSED(ENOSYS),
	[453] = REFUSED(ENOSYS), /* map_shadow_stack */
	[462] = REFUSED(ENOSYS), /* mseal */
	[__NR_mmap] = SPECIAL(sys_mmap, V),
	[__NR_getrlimit] = SPECIAL(sys_getrlimit, V, OUT(16)),
	[__NR_setrlimit] = SPECIAL(sys_setrlimit, V, IN(16)),
	[__NR_prlimit64] = SPECIAL(sys_prlimit, PID, V, IN(16), OUT(16)),

	/* Processes, threads. */
	[__NR_clone] = SPECIAL(sys_clone, V),
	[__NR_clone3] = ABSENT(ENOSYS),
	[__NR_fork] = SPECIAL(sys_fork, V),
	[__NR_vfork] = SPECIAL(sys_vfork, V),
	[__NR_execve] = SPECIAL(sys_execve, V),
	[__NR_execveat] = SPECIAL(sys_execve, FD),
	[__NR_exit] = SPECIAL(sys_exit, V),
	[__NR_exit_group] = SPECIAL(sys_exit_group, V),
	[__NR_wait4] = NATIVE(V, OUT(4), V, OUT(144)),
	[__NR_waitid] = NATIVE(V, V, OUT(128), V, OUT(144)),
	[__NR_set_tid_address] = SPECIAL(sys_set_tid_address, V),
	[__NR_getpid] = NATIVE(V),
	[__NR_gettid] = NATIVE(V),
	[__NR_getppid] = NATIVE(V),
	[__NR_getpgrp] = NATIVE(V),
	[__NR_getpgid] = NATIVE(V),
	[__NR_setpgid] = NATIVE(V),
	[__NR_getsid] = NATIVE(V),
	[__NR_setsid] = NATIVE(V),
	[__NR_unshare] = SPECIAL(sys_unshare, V),
	[__NR_setns] = NATIVE(FD),
	[__NR_personality] = NATIVE(V),
	[__NR_prctl] = SPECIAL(sys_prctl, V),
	[__NR_arch_prctl] = SPECIAL(sys_arch_prctl, V),
	[__NR_seccomp] = SPECIAL(sys_seccomp, V, V, BOTH(6)),
	[__NR_ptrace] = REFUSED(EPERM),
	[__NR_rseq] = ABSENT(ENOSYS),
	[__NR_membarrier] = NATIVE(V),
	[__NR_modify_ldt] = NATIVE(V, BOTHBY(2, 1)),
	[__NR_set_thread_area] = NATIVE(V),
	[__NR_get_thread_area] = NATIVE(V),
	[__NR_iopl] = NATIVE(V),
	[__NR_ioperm] = NATIVE(V),
	[__NR_pidfd_open] = NATIVE(V),
	[__NR_pidfd_send_signal] = SPECIAL(sys_pidfd_send_signal, FD, V, V),
	[__NR_pidfd_getfd] = SPECIAL(sys_pidfd_getfd, FD),
	[__NR_kcmp] = NATIVE(PID, PID),
	[__NR_getcpu] = NATIVE(OUT(4), OUT(4)),
	[__NR_getrusage] = NATIVE(V, OUT(144)),
	[__NR_times] = NATIVE(OUT(32)),
	[__NR_getpriority] = NATIVE(V),
	[__NR_setpriority] = NATIVE(V),
	[__NR_sched_yield] = NATIVE(V),
	[__NR_sched_setparam] = NATIVE(V, IN(4)),
	[__NR_sched_getparam] = NATIVE(V, OUT(4)),
	[__NR_sched_setscheduler] = NATIVE(V, V, IN(4)),
	[__NR_sched_getscheduler] = NATIVE(V),
	[__NR_sched_get_priority_max] = NATIVE(V),
	[__NR_sched_get_priority_min] = NATIVE(V),
	[__NR_sched_rr_get_interval] = NATIVE(V, OUT(16)),
	[__NR_sched_setaffinity] = NATIVE(V, V, INBY(1, 1)),
	[__NR_sched_getaffinity] = NATIVE(V, V, OUTBY(1, 1)),
	[__NR_sched_setattr] = NATIVE(V, IN(56)),
	[__NR_sched_getattr] = NATIVE(V, BOTHBY(2, 1)),
	[__NR_ioprio_set] = NATIVE(V),
	[__NR_ioprio_get] = NATIVE(V),

	/* Users. */
	[__NR_getuid] = NATIVE(V),
	[__NR_getgid] = NATIVE(V),
	[__NR_geteuid] = NATIVE(V),
	[__NR_getegid] = NATIVE(V),
	[__NR_setuid] = SPECIAL(sys_set_user, V),
	[__NR_setgid] = NATIVE(V),
	[__NR_setreuid] = SPECIAL(sys_set_user, V),
	[__NR_setregid] = NATIVE(V),
	[__NR_setresuid] = SPECIAL(sys_set_user, V),
	[__NR_setresgid] = NATIVE(V),
	[__NR_getresuid] = NATIVE(OUT(4), OUT(4), OUT(4)),
	[__NR_getresgid] = NATIVE(OUT(4), OUT(4), OUT(4)),
	[__NR_setfsuid] = NATIVE(V),
	[__NR_setfsgid] = NATIVE(V),
	[__NR_getgroups] = NATIVE(V, OUTBY(0, 4)),
	[__NR_setgroups] = NATIVE(V, INBY(0, 4)),
	[__NR_capget] = NATIVE(BOTH(8), OUT(24)),
	[__NR_capset] = NATIVE(IN(8), IN(24)),
	[__NR_umask] = NATIVE(V),
	[__NR_add_key] = NATIVE(STR, STR, INBY(3, 1)),
	[__NR_request_key] = NATIVE(STR, STR, STR),
	[__NR_keyctl] = NATIVE(V),
	[__NR_landlock_create_ruleset] = NATIVE(INBY(1, 1)),
	[__NR_landlock_add_rule] = NATIVE(FD, V, IN(16)),
	[__NR_landlock_restrict_self] = NATIVE(FD),

	/* Signals. */
	[__NR_rt_sigaction] = SPECIAL(sys_sigaction, V),
	[__NR_rt_sigprocmask] = SPECIAL(sys_sigprocmask, V),
	[__NR_sigaltstack] = SPECIAL(sys_sigaltstack, V),
	[__NR_rt_sigpending] = SPECIAL(sys_sigpending, V),
	[__NR_rt_sigsuspend] = SPECIAL(sys_sigsuspend, V),
	[__NR_rt_sigtimedwait] = SPECIAL(sys_sigtimedwait, IN(8), OUT(128), IN(16)),
	[__NR_rt_sigqueueinfo] = SPECIAL(sys_rt_sigqueueinfo, V, V, V),
	[__NR_rt_tgsigqueueinfo] = SPECIAL(sys_rt_tgsigqueueinfo, V, V, V, V),
	[__NR_kill] = NATIVE(V),
	[__NR_tkill] = NATIVE(V),
	[__NR_tgkill] = NATIVE(V),
	[__NR_pause] = NATIVE(V),
	[__NR_signalfd] = SPECIAL(sys_signalfd, FD, IN(8)),
	[__NR_signalfd4] = SPECIAL(sys_signalfd, FD, IN(8)),
	[__NR_restart_syscall] = ABSENT(EINTR),
	[__NR_futex] = SPECIAL(sys_futex, V),
	[__NR_futex_waitv] = REFUSED(ENOSYS),
	[454] = REFUSED(ENOSYS), /* futex_wake */
	[455] = REFUSED(ENOSYS), /* futex_wait */
	[456] = REFUSED(ENOSYS), /* futex_requeue */
	[__NR_set_robust_list] = SPECIAL(sys_set_robust_list, V),
	[__NR_get_robust_list] = SPECIAL(sys_get_robust_list, PID, OUT(8), OUT(8)),

	/* Time. */
	[__NR_nanosleep] = NATIVE(IN(16), OUT(16)),
	[__NR_clock_nanosleep] = NATIVE(V, V, IN(16), OUT(16)),
	[__NR_clock_gettime] = NATIVE(V, OUT(16)),
	[__NR_clock_settime] = NATIVE(V, IN(16)),
	[__NR_clock_getres] = NATIVE(V, OUT(16)),
	[__NR_clock_adjtime] = NATIVE(V, BOTH(208)),
	[__NR_adjtimex] = NATIVE(BOTH(208)),
	[__NR_gettimeofday] = NATIVE(OUT(16), OUT(8)),
	[__NR_settimeofday] = NATIVE(IN(16), IN(8)),
	[__NR_time] = NATIVE(OUT(8)),
	[__NR_alarm] = NATIVE(V),
	[__NR_getitimer] = NATIVE(V, OUT(32)),
	[__NR_setitimer] = NATIVE(V, IN(32), OUT(32)),
	[__NR_timer_create] = NATIVE(V, IN(64), OUT(4)),
	[__NR_timer_settime] = NATIVE(V, V, IN(32), OUT(32)),
	[__NR_timer_gettime] = NATIVE(V, OUT(32)),
	[__NR_timer_getoverrun] = NATIVE(V),
	[__NR_timer_delete] = NATIVE(V),
	[__NR_timerfd_create] = NATIVE(V),
	[__NR_timerfd_settime] = NATIVE(FD, V, IN(32), OUT(32)),
	[__NR_timerfd_gettime] = NATIVE(FD, OUT(32)),

	/* Descriptors. */
	[__NR_read] = SPECIAL(sys_read, FD, OUTBY(2, 1)),
	[__NR_pread64] = SPECIAL(sys_read, FD, OUTBY(2, 1)),
	[__NR_write] = SPECIAL(sys_write, FD, INBY(2, 1)),
	[__NR_pwrite64] = SPECIAL(sys_pwrite64, FD, INBY(2, 1)),
	[__NR_readv] = SPECIAL(sys_readv, FD, IOVOUT(2)),
	[__NR_writev] = SPECIAL(sys_writev, FD, IOVIN(2)),
	[__NR_preadv] = SPECIAL(sys_readv, FD, IOVOUT(2)),
	[__NR_pwritev] = SPECIAL(sys_pwritev, FD, IOVIN(2)),
	[__NR_preadv2] = SPECIAL(sys_readv, FD, IOVOUT(2)),
	[__NR_pwritev2] = SPECIAL(sys_pwritev2, FD, IOVIN(2)),
	[__NR_lseek] = SPECIAL(sys_lseek, FD),
	[__NR_close] = SPECIAL(sys_close, V),
	[__NR_close_range] = SPECIAL(sys_close_range, V),
	[__NR_dup] = NATIVE(FD),
	[__NR_dup2] = SPECIAL(sys_dup2, FD, FD),
	[__NR_dup3] = SPECIAL(sys_dup2, FD, FD),
	[__NR_fcntl] = SPECIAL(sys_fcntl, FD),
	[__NR_ioctl] = SPECIAL(sys_ioctl, FD),
	[__NR_flock] = NATIVE(FD),
	[__NR_fsync] = NATIVE(FD),
	[__NR_fdatasync] = NATIVE(FD),
	[__NR_sync_file_range] = NATIVE(FD),
	[__NR_syncfs] = NATIVE(FD),
	[__NR_ftruncate] = SPECIAL(sys_truncate, FD),
	[__NR_fallocate] = SPECIAL(sys_fallocate, FD),
	[__NR_fadvise64] = NATIVE(FD),
	[__NR_readahead] = NATIVE(FD),
	[451] = NATIVE(FD, IN(16), OUT(40)), /* cachestat */
	[__NR_sendfile] = NATIVE(FD, FD, BOTH(8)),
	[__NR_splice] = NATIVE(FD, BOTH(8), FD, BOTH(8)),
	[__NR_tee] = NATIVE(FD, FD),
	[__NR_vmsplice] = REFUSED(EINVAL),
	[__NR_copy_file_range] = NATIVE(FD, BOTH(8), FD, BOTH(8)),
	[__NR_pipe] = NATIVE(OUT(8)),
	[__NR_pipe2] = NATIVE(OUT(8)),
	[__NR_poll] = NATIVE(BOTHBY(1, 8)),
	[__NR_ppoll] = SPECIAL(sys_ppoll, BOTHBY(1, 8), V, BOTH(16)),
	[__NR_select] = NATIVE(V, BITS(0), BITS(0), BITS(0), BOTH(16)),
	[__NR_pselect6] = SPECIAL(sys_pselect, V, BITS(0), BITS(0), BITS(0), BOTH(16)),
	[__NR_epoll_create] = NATIVE(V),
	[__NR_epoll_create1] = NATIVE(V),
	[__NR_epoll_ctl] = NATIVE(FD, V, FD, IN(12)),
	[__NR_epoll_wait] = NATIVE(FD, OUTBY(2, 12)),
	[__NR_epoll_pwait] = SPECIAL(sys_epoll_pwait, FD, OUTBY(2, 12)),
	[__NR_epoll_pwait2] = SPECIAL(sys_epoll_pwait, FD, OUTBY(2, 12), V, IN(16)),
	[__NR_eventfd] = NATIVE(V),
	[__NR_eventfd2] = NATIVE(V),
	[__NR_inotify_init] = NATIVE(V),
	[__NR_inotify_init1] = NATIVE(V),
	[__NR_inotify_add_watch] = SPECIAL(sys_on_path, FD, STR),
	[__NR_inotify_rm_watch] = NATIVE(FD),
	[__NR_fanotify_init] = NATIVE(V),
	[__NR_fanotify_mark] = SPECIAL(sys_fanotify_mark, FD, V, V, FD, STR),
	[__NR_memfd_create] = NATIVE(STR),
	[__NR_memfd_secret] = REFUSED(ENOSYS),
	[__NR_io_setup] = REFUSED(ENOSYS),
	[__NR_io_destroy] = REFUSED(ENOSYS),
	[__NR_io_getevents] = REFUSED(ENOSYS),
	[__NR_io_submit] = REFUSED(ENOSYS),
	[__NR_io_cancel] = REFUSED(ENOSYS),
	[__NR_io_pgetevents] = REFUSED(ENOSYS),
	[__NR_io_uring_setup] = REFUSED(ENOSYS),
	[__NR_io_uring_enter] = REFUSED(ENOSYS),
	[__NR_io_uring_register] = REFUSED(ENOSYS),

	/* Names. */
	[__NR_open] = SPECIAL(sys_open, STR),
	[__NR_openat] = SPECIAL(sys_open, FD, STR),
	[__NR_openat2] = SPECIAL(sys_openat2, FD, STR, IN(24)),
	[__NR_creat] = SPECIAL(sys_creat, STR),
	[__NR_stat] = SPECIAL(sys_stat, STR, OUT(144)),
	[__NR_lstat] = NATIVE(STR, OUT(144)),
	[__NR_fstat] = NATIVE(FD, OUT(144)),
	[__NR_newfstatat] = SPECIAL(sys_stat, FD, STR, OUT(144)),
	[__NR_statx] = SPECIAL(sys_stat, FD, STR, V, V, OUT(256)),
	[__NR_statfs] = NATIVE(STR, OUT(120)),
	[__NR_fstatfs] = NATIVE(FD, OUT(120)),
	[__NR_ustat] = NATIVE(V, OUT(32)),
	[__NR_access] = NATIVE(STR),
	[__NR_faccessat] = NATIVE(FD, STR),
	[__NR_faccessat2] = NATIVE(FD, STR),
	[__NR_getdents] = SPECIAL(sys_getdents, FD, OUTBY(2, 1)),
	[__NR_getdents64] = SPECIAL(sys_getdents, FD, OUTBY(2, 1)),
	[__NR_getcwd] = NATIVE(OUTBY(1, 1)),
	[__NR_chdir] = NATIVE(STR),
	[__NR_fchdir] = NATIVE(FD),
	[__NR_rename] = NATIVE(STR, STR),
	[__NR_renameat] = NATIVE(FD, STR, FD, STR),
	[__NR_renameat2] = NATIVE(FD, STR, FD, STR),
	[__NR_mkdir] = NATIVE(STR),
	[__NR_mkdirat] = NATIVE(FD, STR),
	[__NR_rmdir] = NATIVE(STR),
	[__NR_link] = NATIVE(STR, STR),
	[__NR_linkat] = SPECIAL(sys_on_path, FD, STR, FD, STR),
	[__NR_unlink] = NATIVE(STR),
	[__NR_unlinkat] = NATIVE(FD, STR),
	[__NR_symlink] = NATIVE(STR, STR),
	[__NR_symlinkat] = NATIVE(STR, FD, STR),
	[__NR_readlink] = SPECIAL(sys_readlink, STR, OUTBY(2, 1)),
	[__NR_readlinkat] = SPECIAL(sys_readlink, FD, STR, OUTBY(3, 1)),
	[__NR_chmod] = SPECIAL(sys_on_path, STR),
	[__NR_fchmod] = NATIVE(FD),
	[__NR_fchmodat] = SPECIAL(sys_on_path, FD, STR),
	[452] = SPECIAL(sys_on_path, FD, STR), /* fchmodat2 */
	[__NR_chown] = SPECIAL(sys_on_path, STR),
	[__NR_fchown] = NATIVE(FD),
	[__NR_lchown] = NATIVE(STR),
	[__NR_fchownat] = SPECIAL(sys_on_path, FD, STR),
	[__NR_mknod] = NATIVE(STR),
	[__NR_mknodat] = NATIVE(FD, STR),
	[__NR_truncate] = SPECIAL(sys_truncate, STR),
	[__NR_utime] = SPECIAL(sys_on_path, STR, IN(16)),
	[__NR_utimes] = SPECIAL(sys_on_path, STR, IN(32)),
	[__NR_futimesat] = SPECIAL(sys_on_path, FD, STR, IN(32)),
	[__NR_utimensat] = SPECIAL(sys_on_path, FD, STR, IN(32)),
	[__NR_setxattr] = SPECIAL(sys_on_path, STR, STR, INBY(3, 1)),
	[__NR_lsetxattr] = NATIVE(STR, STR, INBY(3, 1)),
	[__NR_fsetxattr] = NATIVE(FD, STR, INBY(3, 1)),
	[__NR_getxattr] = NATIVE(STR, STR, OUTBY(3, 1)),
	[__NR_lgetxattr] = NATIVE(STR, STR, OUTBY(3, 1)),
	[__NR_fgetxattr] = NATIVE(FD, STR, OUTBY(3, 1)),
	[__NR_listxattr] = NATIVE(STR, OUTBY(2, 1)),
	[__NR_llistxattr] = NATIVE(STR, OUTBY(2, 1)),
	[__NR_flistxattr] = NATIVE(FD, OUTBY(2, 1)),
	[__NR_removexattr] = SPECIAL(sys_on_path, STR, STR),
	[__NR_lremovexattr] = NATIVE(STR, STR),
	[__NR_fremovexattr] = NATIVE(FD, STR),
	[__NR_name_to_handle_at] = NATIVE(FD, STR, BOTH(136), OUT(8)),
	[__NR_open_by_handle_at] = SPECIAL(sys_open_by_handle_at, FD, IN(136)),
	[__NR_chroot] = NATIVE(STR),
	[__NR_pivot_root] = NATIVE(STR, STR),
	[__NR_mount] = SPECIAL(sys_mount, STR, STR, STR, V, STR),
	[__NR_umount2] = NATIVE(STR),
	[__NR_open_tree] = SPECIAL(sys_on_path, FD, STR),
	[__NR_move_mount] = NATIVE(FD, STR, FD, STR),
	[__NR_fsopen] = SPECIAL(sys_fsopen, STR),
	[__NR_fsconfig] = SPECIAL(sys_fsconfig, FD, V, STR, STR, FD),
	[__NR_fsmount] = NATIVE(FD),
	[__NR_fspick] = NATIVE(FD, STR),
	[__NR_mount_setattr] = NATIVE(FD, STR, V, IN(32)),
	[__NR_swapon] = SPECIAL(sys_on_path, STR),
	[__NR_swapoff] = SPECIAL(sys_on_path, STR),
	[__NR_acct] = SPECIAL(sys_on_path, STR),
	[__NR_quotactl] = NATIVE(V, STR, V, BOTH(112)),
	[__NR_quotactl_fd] = NATIVE(FD, V, V, BOTH(112)),

	/* Sockets. */
	[__NR_socket] = NATIVE(V),
	[__NR_socketpair] = NATIVE(V, V, V, OUT(8)),
	[__NR_connect] = NATIVE(FD, INBY(2, 1)),
	[__NR_accept] = NATIVE(FD, OUTSIZED(2), BOTH(4)),
	[__NR_accept4] = NATIVE(FD, OUTSIZED(2), BOTH(4)),
	[__NR_bind] = NATIVE(FD, INBY(2, 1)),
	[__NR_listen] = NATIVE(FD),
	[__NR_shutdown] = NATIVE(FD),
	[__NR_getsockname] = NATIVE(FD, OUTSIZED(2), BOTH(4)),
	[__NR_getpeername] = NATIVE(FD, OUTSIZED(2), BOTH(4)),
	[__NR_sendto] = SPECIAL(sys_sendto, FD, INBY(2, 1), V, V, INBY(5, 1)),
	[__NR_recvfrom] = SPECIAL(sys_recvfrom, FD, OUTBY(2, 1), V, V, OUTSIZED(5), BOTH(4)),
	[__NR_sendmsg] = SPECIAL(sys_sendmsg, FD, SPEC(ARG_MSGHDR, DIR_IN, 0, 0)),
	[__NR_recvmsg] = SPECIAL(sys_recvmsg, FD, SPEC(ARG_MSGHDR, DIR_OUT, 0, 0)),
	[__NR_sendmmsg] = SPECIAL(sys_sendmmsg, FD, SPEC(ARG_MMSGHDR, DIR_IN, 2, 0)),
	[__NR_recvmmsg] = SPECIAL(sys_recvmmsg, FD, SPEC(ARG_MMSGHDR, DIR_OUT, 2, 0), V, V, BOTH(16)),
	[__NR_setsockopt] = SPECIAL(sys_setsockopt, FD, V, V, INBY(4, 1)),
	[__NR_getsockopt] = NATIVE(FD, V, V, OUTSIZED(4), BOTH(4)),

	/* System V and POSIX queues. */
	[__NR_semget] = NATIVE(V),
	[__NR_semop] = NATIVE(V, INBY(2, 6)),
	[__NR_semtimedop] = NATIVE(V, INBY(2, 6), V, IN(16)),
	[__NR_semctl] = SPECIAL(sys_semctl, V),
	[__NR_msgget] = NATIVE(V),
	[__NR_msgsnd] = NATIVE(V, SPEC(ARG_PLUS, DIR_IN, 2, 8)),
	[__NR_msgrcv] = NATIVE(V, SPEC(ARG_PLUS, DIR_OUT, 2, 8)),
	[__NR_msgctl] = NATIVE(V, V, BOTH(120)),
	[__NR_mq_open] = NATIVE(STR, V, V, IN(64)),
	[__NR_mq_unlink] = NATIVE(STR),
	[__NR_mq_timedsend] = NATIVE(FD, INBY(2, 1), V, V, IN(16)),
	[__NR_mq_timedreceive] = NATIVE(FD, OUTBY(2, 1), V, OUT(4), IN(16)),
	[__NR_mq_notify] = NATIVE(FD, IN(64)),
	[__NR_mq_getsetattr] = NATIVE(FD, IN(64), OUT(64)),

	/* The system. */
	[__NR_uname] = NATIVE(OUT(390)),
	[__NR_sysinfo] = MEMORY,
	[__NR_syslog] = NATIVE(V, OUTBY(2, 1)),
	[__NR_getrandom] = NATIVE(OUTBY(1, 1)),
	[__NR_sync] = NATIVE(V),
	[__NR_sysfs] = NATIVE(V, STR),
	[__NR_vhangup] = NATIVE(V),
	[__NR_reboot] = NATIVE(V, V, V, STR),
	[__NR_sethostname] = NATIVE(INBY(1, 1)),
	[__NR_setdomainname] = NATIVE(INBY(1, 1)),
	[__NR_perf_event_open] = SPECIAL(sys_perf_event_open, IN(64), PID),
	[__NR_bpf] = REFUSED(EPERM),
	[__NR_kexec_load] = REFUSED(EPERM),
	[__NR_kexec_file_load] = REFUSED(EPERM),
	[__NR_init_module] = REFUSED(EPERM),
	[__NR_finit_module] = REFUSED(EPERM),
	[__NR_delete_module] = REFUSED(EPERM),
	[__NR__sysctl] = ABSENT(ENOSYS),
	[__NR_uselib] = ABSENT(ENOSYS),
	[__NR_create_module] = ABSENT(ENOSYS),
	[__NR_get_kernel_syms] = ABSENT(ENOSYS),
	[__NR_query_module] = ABSENT(ENOSYS),
	[__NR_nfsservctl] = ABSENT(ENOSYS),
	[__NR_getpmsg] = ABSENT(ENOSYS),
	[__NR_putpmsg] = ABSENT(ENOSYS),
	[__NR_afs_syscall] = ABSENT(ENOSYS),
	[__NR_tuxcall] = ABSENT(ENOSYS),
	[__NR_security] = ABSENT(ENOSYS),
	[__NR_lookup_dcookie] = ABSENT(ENOSYS),
	[__NR_epoll_ctl_old] = ABSENT(ENOSYS),
	[__NR_epoll_wait_old] = ABSENT(ENOSYS),
	[__NR_vserver] = ABSENT(ENOSYS),
};
/* clang-format on */
