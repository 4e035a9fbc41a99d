/* SPDX-License-Identifier: MIT */
/*
 * refused.c: what Quire does not have is refused, each time, with the errno of a kernel without it.
 * refused.sh looks at the lines that say so.
 */
#include <asm/prctl.h>
#include <linux/mman.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "stub_test.h"

#define GUARD_INSTALL 102
#define SHSTK_ENABLE 0x5001

static const struct {
	long nr;
	int err;
} calls[] = {
    {SYS_remap_file_pages, ENOSYS},
    {SYS_userfaultfd, ENOSYS},
    {SYS_memfd_secret, ENOSYS},
    {SYS_process_madvise, ENOSYS},
    {SYS_vmsplice, EINVAL},
    {SYS_io_uring_setup, ENOSYS},
    {SYS_io_uring_enter, ENOSYS},
    {SYS_io_uring_register, ENOSYS},
    {SYS_io_setup, ENOSYS},
    {SYS_io_destroy, ENOSYS},
    {SYS_io_getevents, ENOSYS},
    {SYS_io_submit, ENOSYS},
    {SYS_io_cancel, ENOSYS},
    {SYS_io_pgetevents, ENOSYS},
    {SYS_ptrace, EPERM},
    {SYS_bpf, EPERM},
    {SYS_kexec_load, EPERM},
    {SYS_kexec_file_load, EPERM},
    {SYS_init_module, EPERM},
    {SYS_finit_module, EPERM},
    {SYS_delete_module, EPERM},
    {SYS_futex_waitv, ENOSYS},
    {453, ENOSYS}, /* map_shadow_stack */
    {454, ENOSYS}, /* futex_wake */
    {455, ENOSYS}, /* futex_wait */
    {456, ENOSYS}, /* futex_requeue */
    {462, ENOSYS}, /* mseal */
};

static void of_memory(void)
{
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FAILS(
	    (long)mmap(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0),
	    ENOMEM);
	FAILS(shmget(IPC_PRIVATE, 1 << 21, 0600 | SHM_HUGETLB), ENOMEM);
	FAILS(syscall(SYS_pkey_alloc, 0, 0), ENOSPC);
	FAILS(madvise(page, 4096, MADV_COLLAPSE), EINVAL);
	FAILS(madvise(page, 4096, MADV_HWPOISON), EINVAL);
	FAILS(madvise(page, 4096, MADV_SOFT_OFFLINE), EINVAL);
	FAILS(madvise(page, 4096, GUARD_INSTALL), EINVAL);
	FAILS(madvise(page, 4096, GUARD_INSTALL + 1), EINVAL);
	FAILS(munmap(vdso, 8192), EINVAL);
	FAILS(mprotect(vdso, 8192, PROT_READ), ENOMEM);
	munmap(page, 4096);
}

static void of_processes(void)
{
	FAILS(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0), EPERM);
	FAILS(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0), EINVAL);
	FAILS(unshare(CLONE_NEWPID), EPERM);
	FAILS(prctl(PR_SET_SECCOMP, 1), EINVAL);
	FAILS(syscall(SYS_seccomp, 1, 0, NULL), EINVAL);
	FAILS(prctl(PR_SET_MM, 1, 0, 0, 0), EPERM);
	FAILS(prctl(PR_SET_VMA, 0, 0, 0, 0), EINVAL);
	FAILS(syscall(SYS_arch_prctl, SHSTK_ENABLE, 1), EINVAL);
}

/* A number of the other architecture: getpid. */
static void of_the_past(void)
{
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	CHECK(r == -ENOSYS);
}

static void of_sockets(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	FAILS(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)), EOPNOTSUPP);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0), ENODEV);
	close(s);
}

/* What every program tries, what Linux itself does not know, and what is wrong there too. */
static void without_a_word(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FAILS(syscall(SYS_clone3, NULL, 0), ENOSYS);
	FAILS(syscall(SYS_rseq, NULL, 0, 0, 0), ENOSYS);
	FAILS(syscall(SYS_uselib, "x"), ENOSYS);
	FAILS(syscall(100000), ENOSYS);
	FAILS(madvise(page, 4096, 77), EINVAL);
	FAILS(syscall(SYS_arch_prctl, 0x3001, 0), EINVAL);
	munmap(page, 4096);
}

static void whole_calls(void)
{
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (syscall(calls[i].nr, 0, 0, 0, 0, 0, 0) == -1 && errno == calls[i].err)
			continue;
		printf("FAILED system call %ld: errno %d\n", calls[i].nr, errno);
		failures++;
	}
}

int main(void)
{
	for (int i = 0; i < 2; i++) {
		RUN(whole_calls);
		RUN(of_memory);
		RUN(of_processes);
		RUN(of_the_past);
		RUN(of_sockets);
		RUN(without_a_word);
	}
	return failures != 0;
}
