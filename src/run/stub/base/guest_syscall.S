/* SPDX-License-Identifier: MIT */
/*
 * guest_syscall.S: a system call on the guest's behalf, which signals may interrupt.
 *
 * What signals look for (signal.c, trap.c): guest_syscall_start .. guest_syscall_insn is sent to
 * guest_syscall_abort when `pending` or `flushed` is set.
 */
#include "run/stub/base/layout.h"

	.section .text.entry, "ax"

/*
 * guest_syscall(nr, args[6]): a system call on the guest's behalf, which signals may
 * interrupt.  The result, or RESTART when a signal, or a flush, came before the call was made.
 */
	.globl guest_syscall
	.type guest_syscall, @function
guest_syscall:
	movq %rdi, %rax
	movq %rsi, %r11
	movq %rsp, %rcx
	andq $-AREA_BYTES, %rcx
	movq (%r11), %rdi
	movq 8(%r11), %rsi
	movq 16(%r11), %rdx
	movq 24(%r11), %r10
	movq 32(%r11), %r8
	movq 40(%r11), %r9
	.globl guest_syscall_start
guest_syscall_start:
	cmpq $0, THREAD_PENDING(%rcx)
	jne guest_syscall_abort
	.globl guest_syscall_insn
guest_syscall_insn:
	syscall
	.globl guest_syscall_after
guest_syscall_after:
	ret
	.globl guest_syscall_abort
guest_syscall_abort:
	movq $RESTART, %rax
	ret

	.section .note.GNU-stack, "", @progbits
