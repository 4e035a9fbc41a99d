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

/* ---- vdso.c: out of the guest's range and of ours, to VDSO_HOME */
void vdso_move(struct start *s);

/* ---- filter.c */
void filter_install(struct thread *t);

/* ---- initstack.c: argc, argv, envp, auxv and their strings, as execve lays them out */
uint64_t initstack_bytes(const struct start *s);
/* Changes the host's vector, too.  The stack pointer, or 0: the guest's stack cannot be written. */
uint64_t initstack_write(const struct start *s, const struct loaded *l);

/* ---- told.c: with the program's vector in s->auxv */
void host_is_told(const struct start *s, uint64_t aux_bytes);

#endif
