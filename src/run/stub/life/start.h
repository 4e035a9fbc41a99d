/* SPDX-License-Identifier: MIT */
/*
 * start.h: what a fresh stub found when the host's execve started it.
 */
#ifndef STUB_START_H
#define STUB_START_H

#include "run/stub/base/stub.h"

struct aux {
	uint64_t type, val;
};

struct vdso {
	uint64_t addr, bytes; /* 0: there is none */
	uint64_t vvar, vvar_bytes;
};

struct start {
	void (*way_in)(void);
	uint64_t argc, envc;
	char **argv, **envp; /* on the host's own stack; our own string is taken out of envp */
	struct aux *auxv;
	int64_t slot, flags, exe, interp, fd_base, mask_high, mask_low, soft;
	const char *execfn;
	struct vdso vdso;
};

/* What OP_EXEC_LOAD answered. */
struct loaded {
	uint64_t entry, phdr, phnum, base, at_entry, stack_top, phent;
};

/* way_in: the way in for faults and system calls. */
void start_on_host_stack(uint64_t *sp, void (*way_in)(void));
void thread_set_altstack(struct thread *t);

#endif
