/* SPDX-License-Identifier: MIT */
/*
 * memsys.h: system calls of memory: each gets the request, whose a[1..6] are the arguments.
 */
#ifndef RUN_MEMSYS_H
#define RUN_MEMSYS_H

#include <stdint.h>

struct request;

typedef int64_t (*memsys_fn)(struct request *q);
int64_t sys_shmget(struct request *q);
int64_t sys_shmat(struct request *q);
int64_t sys_shmdt(struct request *q);
int64_t sys_shmctl(struct request *q);
int64_t sys_mincore(struct request *q);
int64_t sys_sysinfo(struct request *q);
int64_t sys_msync(struct request *q);
int64_t sys_madvise(struct request *q);
int64_t sys_process_vm_readv(struct request *q);
int64_t sys_process_vm_writev(struct request *q);
int64_t sys_getrlimit(struct request *q);
int64_t sys_setrlimit(struct request *q);
int64_t sys_prlimit(struct request *q);
int64_t sys_mbind(struct request *q);
int64_t sys_get_mempolicy(struct request *q);
int64_t sys_set_mempolicy(struct request *q);
int64_t sys_move_pages(struct request *q);
int64_t sys_migrate_pages(struct request *q);
void op_syscall(struct request *q);

#endif
