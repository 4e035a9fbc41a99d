/* SPDX-License-Identifier: MIT */
/*
 * call.h: a system call of the guest's, and what the stub knows of it: who performs it, and which
 * memory the host's kernel will use for it.
 */
#ifndef STUB_CALL_H
#define STUB_CALL_H

#include "run/stub/base/stub.h"

struct call {
	struct thread *t;
	struct ucontext *uc;
	int64_t nr;
	uint64_t a[6];
};

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
	struct arg_spec arg[6];
};

#define NR_CALLS 480
extern const struct call_desc call_table[NR_CALLS];

/* Of a word that is a pointer or not: a number of that size can only be one,
 * and not the guest's. */
static inline void hide_pointer(uint64_t *arg)
{
	if (*arg >= GUEST_TASK_SIZE && *arg < 1ull << 47)
		*arg = NOWHERE;
}

/* ---- native.c */
/* The call with the arguments in c->a, which may point into the stub where the
 * table says nothing. */
int64_t call_native(struct call *c);
/* The call has given EFAULT after so many other tries, and nothing was flushed meanwhile. */
bool fault_stays(int tries, uint32_t flushes);
int64_t call_memory(struct call *c);
int64_t call_refuse(struct call *c, int err, uint64_t detail);

#endif
