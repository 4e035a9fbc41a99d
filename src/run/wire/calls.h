/* SPDX-License-Identifier: MIT */
/*
 * calls.h: every system call of x86-64, one line each: what the stub does with it, and which
 * function of the supervisor's it is, if it is one of memory's.
 *
 * SYSTEM_CALLS(CALL, OURS):
 *   CALL(name, what)            what: NATIVE(args), SPECIAL(function of the stub's, args),
 *                               REFUSED(errno), ABSENT(errno), MEMORY(args), UNKNOWN
 *   OURS(name, what, function of the supervisor's, ints)
 * Who makes a table of it says what these words are.  args: the arguments in which the host's
 * kernel is given memory, descriptors or numbers of processes (stub/mem/call_table.c); sizes are
 * those of the kernel's structs.  ints: arguments of which the kernel takes 32 bits, so that what
 * is above means nothing.
 *
 * A MEMORY one without a function is made natively.
 */
#ifndef RUN_CALLS_H
#define RUN_CALLS_H

#include "run/wire/newer_numbers.h"

#define INT(i) (1u << (i))

/* clang-format off */
#define SYSTEM_CALLS(CALL, OURS) \
	/* Memory's own. */ \
	OURS(mprotect, MEMORY(V), sys_mprotect, 0) \
	OURS(munmap, MEMORY(V), sys_munmap, 0) \
	OURS(brk, MEMORY(V), sys_brk, 0) \
	OURS(mremap, MEMORY(V), sys_mremap, 0) \
	OURS(msync, MEMORY(V), sys_msync, INT(3)) \
	OURS(mincore, MEMORY(V), sys_mincore, 0) \
	OURS(madvise, MEMORY(V), sys_madvise, INT(3)) \
	OURS(shmget, MEMORY(V), sys_shmget, INT(1) | INT(3)) \
	OURS(shmat, MEMORY(V), sys_shmat, INT(1) | INT(3)) \
	OURS(shmctl, MEMORY(V), sys_shmctl, INT(1) | INT(2)) \
	OURS(shmdt, MEMORY(V), sys_shmdt, 0) \
	OURS(mlock, MEMORY(V), sys_mlock, 0) \
	OURS(munlock, MEMORY(V), sys_munlock, 0) \
	OURS(mlockall, MEMORY(V), sys_mlockall, INT(1)) \
	OURS(munlockall, MEMORY(V), sys_munlockall, 0) \
	OURS(mlock2, MEMORY(V), sys_mlock2, INT(3)) \
	CALL(remap_file_pages, REFUSED(ENOSYS)) \
	OURS(mbind, MEMORY(V), sys_mbind, INT(6)) \
	OURS(set_mempolicy, MEMORY(V), sys_set_mempolicy, INT(1)) \
	OURS(get_mempolicy, MEMORY(V), sys_get_mempolicy, 0) \
	OURS(set_mempolicy_home_node, MEMORY(V), sys_set_mempolicy_home_node, 0) \
	OURS(migrate_pages, MEMORY(PID), sys_migrate_pages, INT(1)) \
	OURS(move_pages, MEMORY(PID), sys_move_pages, INT(1) | INT(6)) \
	OURS(process_vm_readv, MEMORY(PID, IOVOUT(2)), sys_process_vm_readv, INT(1)) \
	OURS(process_vm_writev, MEMORY(PID, IOVIN(2)), sys_process_vm_writev, INT(1)) \
	CALL(process_madvise, REFUSED(ENOSYS)) \
	CALL(process_mrelease, MEMORY(V)) \
	OURS(pkey_mprotect, MEMORY(V), sys_pkey_mprotect, INT(4)) \
	OURS(pkey_alloc, MEMORY(V), sys_pkey_alloc, 0) \
	OURS(pkey_free, MEMORY(V), sys_pkey_free, INT(1)) \
	CALL(userfaultfd, REFUSED(ENOSYS)) \
	CALL(map_shadow_stack, REFUSED(ENOSYS)) \
	CALL(mseal, REFUSED(ENOSYS)) \
	OURS(mmap, SPECIAL(sys_mmap, V), sys_mmap, 0) \
	OURS(getrlimit, SPECIAL(sys_getrlimit, V, OUT(16)), sys_getrlimit, INT(1)) \
	OURS(setrlimit, SPECIAL(sys_setrlimit, V, IN(16)), sys_setrlimit, INT(1)) \
	OURS(prlimit64, SPECIAL(sys_prlimit, PID, V, IN(16), OUT(16)), sys_prlimit, INT(1) | INT(2)) \
	\
	/* Processes, threads. */ \
	CALL(clone, SPECIAL(sys_clone, V)) \
	CALL(clone3, ABSENT(ENOSYS)) \
	CALL(fork, SPECIAL(sys_fork, V)) \
	CALL(vfork, SPECIAL(sys_vfork, V)) \
	CALL(execve, SPECIAL(sys_execve, V)) \
	CALL(execveat, SPECIAL(sys_execve, FD)) \
	CALL(exit, SPECIAL(sys_exit, V)) \
	CALL(exit_group, SPECIAL(sys_exit_group, V)) \
	CALL(wait4, NATIVE(V, OUT(4), V, OUT(144))) \
	CALL(waitid, NATIVE(V, V, OUT(128), V, OUT(144))) \
	CALL(set_tid_address, SPECIAL(sys_set_tid_address, V)) \
	CALL(getpid, NATIVE(V)) \
	CALL(gettid, NATIVE(V)) \
	CALL(getppid, NATIVE(V)) \
	CALL(getpgrp, NATIVE(V)) \
	CALL(getpgid, NATIVE(V)) \
	CALL(setpgid, NATIVE(V)) \
	CALL(getsid, NATIVE(V)) \
	CALL(setsid, NATIVE(V)) \
	CALL(unshare, SPECIAL(sys_unshare, V)) \
	CALL(setns, NATIVE(FD)) \
	CALL(personality, NATIVE(V)) \
	CALL(prctl, SPECIAL(sys_prctl, V)) \
	CALL(arch_prctl, SPECIAL(sys_arch_prctl, V)) \
	CALL(seccomp, SPECIAL(sys_seccomp, V, V, BOTH(6))) \
	CALL(ptrace, REFUSED(EPERM)) \
	CALL(rseq, ABSENT(ENOSYS)) \
	CALL(membarrier, NATIVE(V)) \
	CALL(modify_ldt, NATIVE(V, BOTHBY(2, 1))) \
	CALL(set_thread_area, NATIVE(V)) \
	CALL(get_thread_area, NATIVE(V)) \
	CALL(iopl, NATIVE(V)) \
	CALL(ioperm, NATIVE(V)) \
	CALL(pidfd_open, NATIVE(V)) \
	CALL(pidfd_send_signal, SPECIAL(sys_pidfd_send_signal, FD, V, V)) \
	CALL(pidfd_getfd, SPECIAL(sys_pidfd_getfd, FD)) \
	CALL(kcmp, NATIVE(PID, PID)) \
	CALL(getcpu, SPECIAL(sys_getcpu, OUT(4), OUT(4))) \
	CALL(getrusage, NATIVE(V, OUT(144))) \
	CALL(times, NATIVE(OUT(32))) \
	CALL(getpriority, NATIVE(V)) \
	CALL(setpriority, NATIVE(V)) \
	CALL(sched_yield, NATIVE(V)) \
	CALL(sched_setparam, NATIVE(V, IN(4))) \
	CALL(sched_getparam, NATIVE(V, OUT(4))) \
	CALL(sched_setscheduler, NATIVE(V, V, IN(4))) \
	CALL(sched_getscheduler, NATIVE(V)) \
	CALL(sched_get_priority_max, NATIVE(V)) \
	CALL(sched_get_priority_min, NATIVE(V)) \
	CALL(sched_rr_get_interval, NATIVE(V, OUT(16))) \
	CALL(sched_setaffinity, NATIVE(V, V, INBY(1, 1))) \
	CALL(sched_getaffinity, NATIVE(V, V, OUTBY(1, 1))) \
	CALL(sched_setattr, NATIVE(V, IN(56))) \
	CALL(sched_getattr, NATIVE(V, BOTHBY(2, 1))) \
	CALL(ioprio_set, NATIVE(V)) \
	CALL(ioprio_get, NATIVE(V)) \
	\
	/* Users. */ \
	CALL(getuid, NATIVE(V)) \
	CALL(getgid, NATIVE(V)) \
	CALL(geteuid, NATIVE(V)) \
	CALL(getegid, NATIVE(V)) \
	CALL(setuid, SPECIAL(sys_set_user, V)) \
	CALL(setgid, NATIVE(V)) \
	CALL(setreuid, SPECIAL(sys_set_user, V)) \
	CALL(setregid, NATIVE(V)) \
	CALL(setresuid, SPECIAL(sys_set_user, V)) \
	CALL(setresgid, NATIVE(V)) \
	CALL(getresuid, NATIVE(OUT(4), OUT(4), OUT(4))) \
	CALL(getresgid, NATIVE(OUT(4), OUT(4), OUT(4))) \
	CALL(setfsuid, NATIVE(V)) \
	CALL(setfsgid, NATIVE(V)) \
	CALL(getgroups, NATIVE(V, OUTBY(0, 4))) \
	CALL(setgroups, NATIVE(V, INBY(0, 4))) \
	CALL(capget, NATIVE(BOTH(8), OUT(24))) \
	CALL(capset, NATIVE(IN(8), IN(24))) \
	CALL(umask, NATIVE(V)) \
	CALL(add_key, NATIVE(STR, STR, INBY(3, 1))) \
	CALL(request_key, NATIVE(STR, STR, STR)) \
	CALL(keyctl, NATIVE(V)) \
	CALL(landlock_create_ruleset, NATIVE(INBY(1, 1))) \
	CALL(landlock_add_rule, NATIVE(FD, V, IN(16))) \
	CALL(landlock_restrict_self, NATIVE(FD)) \
	\
	/* Signals. */ \
	CALL(rt_sigaction, SPECIAL(sys_sigaction, V)) \
	CALL(rt_sigprocmask, SPECIAL(sys_sigprocmask, V)) \
	CALL(sigaltstack, SPECIAL(sys_sigaltstack, V)) \
	CALL(rt_sigpending, SPECIAL(sys_sigpending, V)) \
	CALL(rt_sigsuspend, SPECIAL(sys_sigsuspend, V)) \
	CALL(rt_sigtimedwait, SPECIAL(sys_sigtimedwait, IN(8), OUT(128), IN(16))) \
	CALL(rt_sigqueueinfo, SPECIAL(sys_rt_sigqueueinfo, V, V, V)) \
	CALL(rt_tgsigqueueinfo, SPECIAL(sys_rt_tgsigqueueinfo, V, V, V, V)) \
	CALL(kill, NATIVE(V)) \
	CALL(tkill, NATIVE(V)) \
	CALL(tgkill, NATIVE(V)) \
	CALL(pause, NATIVE(V)) \
	CALL(signalfd, SPECIAL(sys_signalfd, FD, IN(8))) \
	CALL(signalfd4, SPECIAL(sys_signalfd, FD, IN(8))) \
	CALL(restart_syscall, ABSENT(EINTR)) \
	CALL(futex, SPECIAL(sys_futex, V)) \
	CALL(futex_waitv, REFUSED(ENOSYS)) \
	CALL(futex_wake, REFUSED(ENOSYS)) \
	CALL(futex_wait, REFUSED(ENOSYS)) \
	CALL(futex_requeue, REFUSED(ENOSYS)) \
	CALL(set_robust_list, SPECIAL(sys_set_robust_list, V)) \
	CALL(get_robust_list, SPECIAL(sys_get_robust_list, PID, OUT(8), OUT(8))) \
	\
	/* Time. */ \
	CALL(nanosleep, NATIVE(IN(16), OUT(16))) \
	CALL(clock_nanosleep, NATIVE(V, V, IN(16), OUT(16))) \
	CALL(clock_gettime, NATIVE(V, OUT(16))) \
	CALL(clock_settime, NATIVE(V, IN(16))) \
	CALL(clock_getres, NATIVE(V, OUT(16))) \
	CALL(clock_adjtime, NATIVE(V, BOTH(208))) \
	CALL(adjtimex, NATIVE(BOTH(208))) \
	CALL(gettimeofday, NATIVE(OUT(16), OUT(8))) \
	CALL(settimeofday, NATIVE(IN(16), IN(8))) \
	CALL(time, NATIVE(OUT(8))) \
	CALL(alarm, NATIVE(V)) \
	CALL(getitimer, NATIVE(V, OUT(32))) \
	CALL(setitimer, NATIVE(V, IN(32), OUT(32))) \
	CALL(timer_create, NATIVE(V, IN(64), OUT(4))) \
	CALL(timer_settime, NATIVE(V, V, IN(32), OUT(32))) \
	CALL(timer_gettime, NATIVE(V, OUT(32))) \
	CALL(timer_getoverrun, NATIVE(V)) \
	CALL(timer_delete, NATIVE(V)) \
	CALL(timerfd_create, NATIVE(V)) \
	CALL(timerfd_settime, NATIVE(FD, V, IN(32), OUT(32))) \
	CALL(timerfd_gettime, NATIVE(FD, OUT(32))) \
	\
	/* Descriptors. */ \
	CALL(read, SPECIAL(sys_read, FD, OUTBY(2, 1))) \
	CALL(pread64, SPECIAL(sys_read, FD, OUTBY(2, 1))) \
	CALL(write, SPECIAL(sys_write, FD, INBY(2, 1))) \
	CALL(pwrite64, SPECIAL(sys_pwrite64, FD, INBY(2, 1))) \
	CALL(readv, SPECIAL(sys_readv, FD, IOVOUT(2))) \
	CALL(writev, SPECIAL(sys_writev, FD, IOVIN(2))) \
	CALL(preadv, SPECIAL(sys_readv, FD, IOVOUT(2))) \
	CALL(pwritev, SPECIAL(sys_pwritev, FD, IOVIN(2))) \
	CALL(preadv2, SPECIAL(sys_readv, FD, IOVOUT(2))) \
	CALL(pwritev2, SPECIAL(sys_pwritev2, FD, IOVIN(2))) \
	CALL(lseek, SPECIAL(sys_lseek, FD)) \
	CALL(close, SPECIAL(sys_close, V)) \
	CALL(close_range, SPECIAL(sys_close_range, V)) \
	CALL(dup, NATIVE(FD)) \
	CALL(dup2, SPECIAL(sys_dup2, FD, FD)) \
	CALL(dup3, SPECIAL(sys_dup2, FD, FD)) \
	CALL(fcntl, SPECIAL(sys_fcntl, FD)) \
	CALL(ioctl, SPECIAL(sys_ioctl, FD)) \
	CALL(flock, NATIVE(FD)) \
	CALL(fsync, NATIVE(FD)) \
	CALL(fdatasync, NATIVE(FD)) \
	CALL(sync_file_range, NATIVE(FD)) \
	CALL(syncfs, NATIVE(FD)) \
	CALL(ftruncate, SPECIAL(sys_truncate, FD)) \
	CALL(fallocate, SPECIAL(sys_fallocate, FD)) \
	CALL(fadvise64, NATIVE(FD)) \
	CALL(readahead, NATIVE(FD)) \
	CALL(cachestat, NATIVE(FD, IN(16), OUT(40))) \
	CALL(sendfile, SPECIAL(sys_copy_to, FD, FD, BOTH(8))) \
	CALL(splice, SPECIAL(sys_copy_to, FD, BOTH(8), FD, BOTH(8))) \
	CALL(tee, NATIVE(FD, FD)) \
	CALL(vmsplice, REFUSED(EINVAL)) \
	CALL(copy_file_range, SPECIAL(sys_copy_to, FD, BOTH(8), FD, BOTH(8))) \
	CALL(pipe, NATIVE(OUT(8))) \
	CALL(pipe2, NATIVE(OUT(8))) \
	CALL(poll, NATIVE(BOTHBY(1, 8))) \
	CALL(ppoll, SPECIAL(sys_ppoll, BOTHBY(1, 8), V, BOTH(16))) \
	CALL(select, NATIVE(V, BITS(0), BITS(0), BITS(0), BOTH(16))) \
	CALL(pselect6, SPECIAL(sys_pselect, V, BITS(0), BITS(0), BITS(0), BOTH(16))) \
	CALL(epoll_create, NATIVE(V)) \
	CALL(epoll_create1, NATIVE(V)) \
	CALL(epoll_ctl, NATIVE(FD, V, FD, IN(12))) \
	CALL(epoll_wait, NATIVE(FD, OUTBY(2, 12))) \
	CALL(epoll_pwait, SPECIAL(sys_epoll_pwait, FD, OUTBY(2, 12))) \
	CALL(epoll_pwait2, SPECIAL(sys_epoll_pwait, FD, OUTBY(2, 12), V, IN(16))) \
	CALL(eventfd, NATIVE(V)) \
	CALL(eventfd2, NATIVE(V)) \
	CALL(inotify_init, NATIVE(V)) \
	CALL(inotify_init1, NATIVE(V)) \
	CALL(inotify_add_watch, SPECIAL(sys_on_path, FD, STR)) \
	CALL(inotify_rm_watch, NATIVE(FD)) \
	CALL(fanotify_init, NATIVE(V)) \
	CALL(fanotify_mark, SPECIAL(sys_fanotify_mark, FD, V, V, FD, STR)) \
	CALL(memfd_create, SPECIAL(sys_memfd_create, STR)) \
	CALL(memfd_secret, REFUSED(ENOSYS)) \
	CALL(io_setup, REFUSED(ENOSYS)) \
	CALL(io_destroy, REFUSED(ENOSYS)) \
	CALL(io_getevents, REFUSED(ENOSYS)) \
	CALL(io_submit, REFUSED(ENOSYS)) \
	CALL(io_cancel, REFUSED(ENOSYS)) \
	CALL(io_pgetevents, REFUSED(ENOSYS)) \
	CALL(io_uring_setup, REFUSED(ENOSYS)) \
	CALL(io_uring_enter, REFUSED(ENOSYS)) \
	CALL(io_uring_register, REFUSED(ENOSYS)) \
	\
	/* Names. */ \
	CALL(open, SPECIAL(sys_open, STR)) \
	CALL(openat, SPECIAL(sys_open, FD, STR)) \
	CALL(openat2, SPECIAL(sys_openat2, FD, STR, IN(24))) \
	CALL(creat, SPECIAL(sys_creat, STR)) \
	CALL(stat, SPECIAL(sys_stat, STR, OUT(144))) \
	CALL(lstat, SPECIAL(sys_stat, STR, OUT(144))) \
	CALL(fstat, SPECIAL(sys_fstat, FD, OUT(144))) \
	CALL(newfstatat, SPECIAL(sys_stat, FD, STR, OUT(144))) \
	CALL(statx, SPECIAL(sys_stat, FD, STR, V, V, OUT(256))) \
	CALL(statfs, SPECIAL(sys_of_name, STR, OUT(120))) \
	CALL(fstatfs, SPECIAL(sys_fstatfs, FD, OUT(120))) \
	CALL(ustat, NATIVE(V, OUT(32))) \
	CALL(access, SPECIAL(sys_of_name, STR)) \
	CALL(faccessat, SPECIAL(sys_of_name, FD, STR)) \
	CALL(faccessat2, SPECIAL(sys_of_name, FD, STR)) \
	CALL(getdents, SPECIAL(sys_getdents, FD, OUTBY(2, 1))) \
	CALL(getdents64, SPECIAL(sys_getdents, FD, OUTBY(2, 1))) \
	CALL(getcwd, NATIVE(OUTBY(1, 1))) \
	CALL(chdir, SPECIAL(sys_of_name, STR)) \
	CALL(fchdir, NATIVE(FD)) \
	CALL(rename, NATIVE(STR, STR)) \
	CALL(renameat, NATIVE(FD, STR, FD, STR)) \
	CALL(renameat2, NATIVE(FD, STR, FD, STR)) \
	CALL(mkdir, NATIVE(STR)) \
	CALL(mkdirat, NATIVE(FD, STR)) \
	CALL(rmdir, NATIVE(STR)) \
	CALL(link, NATIVE(STR, STR)) \
	CALL(linkat, SPECIAL(sys_on_path, FD, STR, FD, STR)) \
	CALL(unlink, NATIVE(STR)) \
	CALL(unlinkat, NATIVE(FD, STR)) \
	CALL(symlink, NATIVE(STR, STR)) \
	CALL(symlinkat, NATIVE(STR, FD, STR)) \
	CALL(readlink, SPECIAL(sys_readlink, STR, OUTBY(2, 1))) \
	CALL(readlinkat, SPECIAL(sys_readlink, FD, STR, OUTBY(3, 1))) \
	CALL(chmod, SPECIAL(sys_on_path, STR)) \
	CALL(fchmod, NATIVE(FD)) \
	CALL(fchmodat, SPECIAL(sys_on_path, FD, STR)) \
	CALL(fchmodat2, SPECIAL(sys_on_path, FD, STR)) \
	CALL(chown, SPECIAL(sys_on_path, STR)) \
	CALL(fchown, NATIVE(FD)) \
	CALL(lchown, NATIVE(STR)) \
	CALL(fchownat, SPECIAL(sys_on_path, FD, STR)) \
	CALL(mknod, NATIVE(STR)) \
	CALL(mknodat, NATIVE(FD, STR)) \
	CALL(truncate, SPECIAL(sys_truncate, STR)) \
	CALL(utime, SPECIAL(sys_on_path, STR, IN(16))) \
	CALL(utimes, SPECIAL(sys_on_path, STR, IN(32))) \
	CALL(futimesat, SPECIAL(sys_on_path, FD, STR, IN(32))) \
	CALL(utimensat, SPECIAL(sys_on_path, FD, STR, IN(32))) \
	CALL(setxattr, SPECIAL(sys_on_path, STR, STR, INBY(3, 1))) \
	CALL(lsetxattr, NATIVE(STR, STR, INBY(3, 1))) \
	CALL(fsetxattr, NATIVE(FD, STR, INBY(3, 1))) \
	CALL(getxattr, SPECIAL(sys_of_name, STR, STR, OUTBY(3, 1))) \
	CALL(lgetxattr, SPECIAL(sys_of_name, STR, STR, OUTBY(3, 1))) \
	CALL(fgetxattr, NATIVE(FD, STR, OUTBY(3, 1))) \
	CALL(listxattr, SPECIAL(sys_of_name, STR, OUTBY(2, 1))) \
	CALL(llistxattr, SPECIAL(sys_of_name, STR, OUTBY(2, 1))) \
	CALL(flistxattr, NATIVE(FD, OUTBY(2, 1))) \
	CALL(removexattr, SPECIAL(sys_on_path, STR, STR)) \
	CALL(lremovexattr, NATIVE(STR, STR)) \
	CALL(fremovexattr, NATIVE(FD, STR)) \
	CALL(name_to_handle_at, NATIVE(FD, STR, BOTH(136), OUT(8))) \
	CALL(open_by_handle_at, SPECIAL(sys_open_by_handle_at, FD, IN(136))) \
	CALL(chroot, NATIVE(STR)) \
	CALL(pivot_root, NATIVE(STR, STR)) \
	CALL(mount, SPECIAL(sys_mount, STR, STR, STR, V, STR)) \
	CALL(umount2, NATIVE(STR)) \
	CALL(open_tree, SPECIAL(sys_on_path, FD, STR)) \
	CALL(move_mount, NATIVE(FD, STR, FD, STR)) \
	CALL(fsopen, SPECIAL(sys_fsopen, STR)) \
	CALL(fsconfig, SPECIAL(sys_fsconfig, FD, V, STR, STR, FD)) \
	CALL(fsmount, NATIVE(FD)) \
	CALL(fspick, NATIVE(FD, STR)) \
	CALL(mount_setattr, NATIVE(FD, STR, V, IN(32))) \
	CALL(swapon, SPECIAL(sys_on_path, STR)) \
	CALL(swapoff, SPECIAL(sys_on_path, STR)) \
	CALL(acct, SPECIAL(sys_on_path, STR)) \
	CALL(quotactl, NATIVE(V, STR, V, BOTH(112))) \
	CALL(quotactl_fd, NATIVE(FD, V, V, BOTH(112))) \
	\
	/* Sockets. */ \
	CALL(socket, NATIVE(V)) \
	CALL(socketpair, NATIVE(V, V, V, OUT(8))) \
	CALL(connect, NATIVE(FD, INBY(2, 1))) \
	CALL(accept, NATIVE(FD, OUTSIZED(2), BOTH(4))) \
	CALL(accept4, NATIVE(FD, OUTSIZED(2), BOTH(4))) \
	CALL(bind, NATIVE(FD, INBY(2, 1))) \
	CALL(listen, NATIVE(FD)) \
	CALL(shutdown, NATIVE(FD)) \
	CALL(getsockname, NATIVE(FD, OUTSIZED(2), BOTH(4))) \
	CALL(getpeername, NATIVE(FD, OUTSIZED(2), BOTH(4))) \
	CALL(sendto, SPECIAL(sys_sendto, FD, INBY(2, 1), V, V, INBY(5, 1))) \
	CALL(recvfrom, SPECIAL(sys_recvfrom, FD, OUTBY(2, 1), V, V, OUTSIZED(5), BOTH(4))) \
	CALL(sendmsg, SPECIAL(sys_sendmsg, FD, SPEC(ARG_MSGHDR, DIR_IN, 0, 0))) \
	CALL(recvmsg, SPECIAL(sys_recvmsg, FD, SPEC(ARG_MSGHDR, DIR_OUT, 0, 0))) \
	CALL(sendmmsg, SPECIAL(sys_sendmmsg, FD, SPEC(ARG_MMSGHDR, DIR_IN, 2, 0))) \
	CALL(recvmmsg, SPECIAL(sys_recvmmsg, FD, SPEC(ARG_MMSGHDR, DIR_OUT, 2, 0), V, V, BOTH(16))) \
	CALL(setsockopt, SPECIAL(sys_setsockopt, FD, V, V, INBY(4, 1))) \
	CALL(getsockopt, NATIVE(FD, V, V, OUTSIZED(4), BOTH(4))) \
	\
	/* System V and POSIX queues. */ \
	CALL(semget, NATIVE(V)) \
	CALL(semop, NATIVE(V, INBY(2, 6))) \
	CALL(semtimedop, NATIVE(V, INBY(2, 6), V, IN(16))) \
	CALL(semctl, SPECIAL(sys_semctl, V)) \
	CALL(msgget, NATIVE(V)) \
	CALL(msgsnd, NATIVE(V, SPEC(ARG_PLUS, DIR_IN, 2, 8))) \
	CALL(msgrcv, NATIVE(V, SPEC(ARG_PLUS, DIR_OUT, 2, 8))) \
	CALL(msgctl, NATIVE(V, V, BOTH(120))) \
	CALL(mq_open, NATIVE(STR, V, V, IN(64))) \
	CALL(mq_unlink, NATIVE(STR)) \
	CALL(mq_timedsend, NATIVE(FD, INBY(2, 1), V, V, IN(16))) \
	CALL(mq_timedreceive, NATIVE(FD, OUTBY(2, 1), V, OUT(4), IN(16))) \
	CALL(mq_notify, NATIVE(FD, IN(64))) \
	CALL(mq_getsetattr, NATIVE(FD, IN(64), OUT(64))) \
	\
	/* The system. */ \
	CALL(uname, NATIVE(OUT(390))) \
	OURS(sysinfo, MEMORY(V), sys_sysinfo, 0) \
	CALL(syslog, NATIVE(V, OUTBY(2, 1))) \
	CALL(getrandom, NATIVE(OUTBY(1, 1))) \
	CALL(sync, NATIVE(V)) \
	CALL(sysfs, NATIVE(V, STR)) \
	CALL(vhangup, NATIVE(V)) \
	CALL(reboot, NATIVE(V, V, V, STR)) \
	CALL(sethostname, NATIVE(INBY(1, 1))) \
	CALL(setdomainname, NATIVE(INBY(1, 1))) \
	CALL(perf_event_open, SPECIAL(sys_perf_event_open, IN(64), PID)) \
	CALL(bpf, REFUSED(EPERM)) \
	CALL(kexec_load, REFUSED(EPERM)) \
	CALL(kexec_file_load, REFUSED(EPERM)) \
	CALL(init_module, REFUSED(EPERM)) \
	CALL(finit_module, REFUSED(EPERM)) \
	CALL(delete_module, REFUSED(EPERM)) \
	CALL(_sysctl, ABSENT(ENOSYS)) \
	CALL(uselib, ABSENT(ENOSYS)) \
	CALL(create_module, ABSENT(ENOSYS)) \
	CALL(get_kernel_syms, ABSENT(ENOSYS)) \
	CALL(query_module, ABSENT(ENOSYS)) \
	CALL(nfsservctl, ABSENT(ENOSYS)) \
	CALL(getpmsg, ABSENT(ENOSYS)) \
	CALL(putpmsg, ABSENT(ENOSYS)) \
	CALL(afs_syscall, ABSENT(ENOSYS)) \
	CALL(tuxcall, ABSENT(ENOSYS)) \
	CALL(security, ABSENT(ENOSYS)) \
	CALL(lookup_dcookie, ABSENT(ENOSYS)) \
	CALL(epoll_ctl_old, ABSENT(ENOSYS)) \
	CALL(epoll_wait_old, ABSENT(ENOSYS)) \
	CALL(vserver, ABSENT(ENOSYS)) \
	\
	/* Known by name alone: -ENOSYS. */ \
	CALL(statmount, UNKNOWN) \
	CALL(listmount, UNKNOWN) \
	CALL(lsm_get_self_attr, UNKNOWN) \
	CALL(lsm_set_self_attr, UNKNOWN) \
	CALL(lsm_list_modules, UNKNOWN) \
	CALL(setxattrat, UNKNOWN) \
	CALL(getxattrat, UNKNOWN) \
	CALL(listxattrat, UNKNOWN) \
	CALL(removexattrat, UNKNOWN) \
	CALL(open_tree_attr, UNKNOWN) \
	CALL(file_getattr, UNKNOWN) \
	CALL(file_setattr, UNKNOWN)
/* clang-format on */

#endif
