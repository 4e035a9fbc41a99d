/* SPDX-License-Identifier: MIT */
/*
 * note.c: says once what a guest asked for and Quire does not have.
 *
 * Owns the list of what has been said, under its own lock (leaf).
 */
#include "run/engine.h"

#include <stdio.h>
#include <sys/syscall.h>

#define MAX_SAID 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	long nr;
	uint64_t detail;
} said[MAX_SAID];
static unsigned nr_said;

static const struct {
	long nr;
	const char *name;
} names[] = {
    {SYS_mremap, "mremap"},
    {SYS_ioctl, "ioctl"},
    {SYS_mmap, "mmap"},
    {SYS_madvise, "madvise"},
    {SYS_remap_file_pages, "remap_file_pages"},
    {SYS_userfaultfd, "userfaultfd"},
    {SYS_memfd_secret, "memfd_secret"},
    {SYS_process_madvise, "process_madvise"},
    {SYS_process_vm_readv, "process_vm_readv"},
    {SYS_process_vm_writev, "process_vm_writev"},
    {SYS_vmsplice, "vmsplice"},
    {SYS_io_uring_setup, "io_uring_setup"},
    {SYS_io_uring_enter, "io_uring_enter"},
    {SYS_io_uring_register, "io_uring_register"},
    {SYS_io_setup, "io_setup"},
    {SYS_ptrace, "ptrace"},
    {SYS_clone, "clone"},
    {SYS_clone3, "clone3"},
    {SYS_unshare, "unshare"},
    {SYS_setns, "setns"},
    {SYS_seccomp, "seccomp"},
    {SYS_prctl, "prctl"},
    {SYS_personality, "personality"},
    {SYS_arch_prctl, "arch_prctl"},
    {SYS_modify_ldt, "modify_ldt"},
    {SYS_execveat, "execveat"},
    {SYS_execve, "execve"},
    {SYS_shmget, "shmget"},
    {SYS_rseq, "rseq"},
    {SYS_membarrier, "membarrier"},
    {453, "map_shadow_stack"},
    {462, "mseal"},
};

static const char *name_of(long nr, char *buf, size_t len)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].nr == nr)
			return names[i].name;
	}
	snprintf(buf, len, "system call %ld", nr);
	return buf;
}

/* True the first time; when the list is full, never more. */
static bool first_time(long nr, uint64_t detail)
{
	bool known = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < nr_said && !known; i++)
		known = said[i].nr == nr && said[i].detail == detail;
	known = known || nr_said == MAX_SAID;
	if (!known) {
		said[nr_said].nr = nr;
		said[nr_said++].detail = detail;
	}
	pthread_mutex_unlock(&lock);
	return !known;
}

void note_unsupported(struct run *run, struct proc *p, long nr, uint64_t detail)
{
	char buf[40], more[32] = "";

	if (!first_time(nr, detail))
		return;
	if (detail)
		snprintf(more, sizeof(more), " (0x%llx)", (unsigned long long)detail);
	run_note(run, "%s%s is not supported; refused to process %d (%s)",
		 name_of(nr, buf, sizeof(buf)), more, (int)p->pid, p->comm);
}
