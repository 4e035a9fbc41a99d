/* SPDX-License-Identifier: MIT */
/*
 * layout.h: the numbers that the stub's C and assembler files share.
 */
#ifndef STUB_LAYOUT_H
#define STUB_LAYOUT_H

/* THREAD_AREA of proto.h, for the assembler. */
#define AREA_BYTES 0x40000
/* Offset of struct thread's `pending`. */
#define THREAD_PENDING 0

/* What guest_syscall() returns when the call must be made anew by the guest, after a signal. */
#define RESTART (-512)

#define NR_RT_SIGRETURN 15
#define NR_RESTART_SYSCALL 219
#define ERRNO_EFAULT 14

#endif
