/* SPDX-License-Identifier: MIT */
/*
 * layout.h: the numbers that the stub's C and assembler files share.
 */
#ifndef STUB_LAYOUT_H
#define STUB_LAYOUT_H

/* THREAD_AREA of addresses.h, for the assembler. */
#define AREA_BYTES 0x40000
/* Offset of struct thread's `pending`, and of `flushed` right behind it. */
#define THREAD_PENDING 0
/* .. and of `slot`, for tests that go behind the stub's back. */
#define THREAD_SLOT 16

/*
 * What guest_syscall() returns when it was not made: with something pending the guest must make it
 * anew, after the signal; else what was touched for it is to be touched again.
 */
#define RESTART (-512)

#define NR_RT_SIGRETURN 15
#define NR_RESTART_SYSCALL 219
#define ERRNO_EFAULT 14
#define EFLAGS_AC 0x40000

/* The host leaves a guest's alignment checks on in a handler: ours is not written for them. */
/* clang-format off */
#define NO_ALIGNMENT_CHECKS pushfq; andl $~EFLAGS_AC, (%rsp); popfq
/* clang-format on */

#endif
