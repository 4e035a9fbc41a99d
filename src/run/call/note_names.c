/* SPDX-License-Identifier: MIT */
/*
 * note_names.c: the names of system calls, and of what is refused of them.
 */
#include "quire/abi.h"
#include "run/call/memsys.h"
#include "run/call/note.h"
#include "run/wire/newer_numbers.h"
#include "run/wire/requests.h"

#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Newer than the headers. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xaa, 0)
#endif
#define IOMMU_IOAS_MAP_FILE _IO(';', 0x8f)

#define CALL(name, what) {__NR_##name, #name},
#define OURS(name, what, fn, ints) {__NR_##name, #name},
const struct note_call note_calls[] = {SYSTEM_CALLS(CALL, OURS){0, NULL}};

/* clang-format off */
#define WITH(call, what)                                                                           \
	{                                                                                          \
		SYS_##call, (uint32_t)(what), "with " #what                                        \
	}

#define ADVICE(what)                                                                               \
	{                                                                                          \
		SYS_madvise, QMADV_##what, "with MADV_" #what                                      \
	}

const struct note_detail note_details[] = {
    {SYS_mmap, MAP_HUGETLB, "of a file of the host's hugetlbfs"},
    {SYS_mmap, S_IFCHR, "of this device"},
    {SYS_mmap, S_IFSOCK, "of this socket"},
    {SYS_mmap, 0, "of what this descriptor is"},
    {SYS_execve, NOTE_BINFMT, "where binfmt_misc has a handler for x86-64 programs"},
    {SYS_mount, NOTE_EROFS, "of erofs"},
    {SYS_fsopen, NOTE_EROFS, "of erofs"},
    {SYS_perf_event_open, NOTE_PROBES, "of a kprobe or uprobe"},
    {SYS_perf_event_open, NOTE_CONTENTS, "with registers or stacks of all processes"},
    {SYS_sendfile, NOTE_MACHINE, "to a file that tells of the machine"},
    {SYS_splice, NOTE_MACHINE, "to a file that tells of the machine"},
    {SYS_copy_file_range, NOTE_MACHINE, "to a file that tells of the machine"},
    {SYS_munmap, NOTE_VDSO, "of the vdso"},
    {SYS_mprotect, NOTE_VDSO, "of the vdso"},
    ADVICE(COLLAPSE),
    ADVICE(HWPOISON),
    ADVICE(SOFT_OFFLINE),
    ADVICE(GUARD_INSTALL),
    ADVICE(GUARD_REMOVE),
    WITH(clone, CLONE_NEWPID),
    WITH(clone, CLONE_PTRACE),
    WITH(clone, CLONE_NEWPID | CLONE_PTRACE),
    WITH(clone, CLONE_SIGHAND),
    WITH(clone, CLONE_FILES),
    WITH(clone, CLONE_SIGHAND | CLONE_FILES),
    WITH(unshare, CLONE_NEWPID),
    WITH(seccomp, SECCOMP_SET_MODE_STRICT),
    WITH(seccomp, SECCOMP_SET_MODE_FILTER),
    WITH(prctl, PR_SET_SECCOMP),
    WITH(prctl, PR_SET_MM),
    WITH(prctl, PR_SET_VMA),
    WITH(prctl, PR_SET_MDWE),
    WITH(prctl, PR_SET_MEMORY_MERGE),
    WITH(prctl, PR_SET_SYSCALL_USER_DISPATCH),
    WITH(arch_prctl, ARCH_REQ_XCOMP_PERM),
    WITH(arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM),
    WITH(arch_prctl, ARCH_MAP_VDSO_X32),
    WITH(arch_prctl, ARCH_MAP_VDSO_32),
    WITH(arch_prctl, ARCH_MAP_VDSO_64),
    WITH(arch_prctl, ARCH_ENABLE_TAGGED_ADDR),
    WITH(arch_prctl, ARCH_SHSTK_ENABLE),
    WITH(ioctl, USERFAULTFD_IOC_NEW),
    WITH(ioctl, IOMMU_IOAS_MAP_FILE),
    WITH(setsockopt, SO_ZEROCOPY),
    {SYS_setsockopt, SOL_XDP, "with XDP_UMEM_REG"},
    WITH(sendto, MSG_ZEROCOPY),
    WITH(sendmsg, MSG_ZEROCOPY),
    WITH(sendmmsg, MSG_ZEROCOPY),
    {0, 0, NULL},
};
/* clang-format on */
