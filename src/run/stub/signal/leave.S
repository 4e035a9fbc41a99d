/* SPDX-License-Identifier: MIT */
/*
 * leave.S: the way back to what was interrupted, and the way in for signals of the guest's.
 *
 * What signals look for (signal.c, trap.c): leave_check .. leave_insn is sent to leave_check when
 * `pending` is set.
 */
#include "run/stub/base/layout.h"

	.section .text.entry, "ax"

/* leave(ucontext in its signal frame): back to what was interrupted, never returns. */
	.globl leave
	.type leave, @function
leave:
	movq %rdi, %rbx
	movq %rdi, %rsp
	movq %rdi, %r12
	andq $-AREA_BYTES, %r12
	.globl leave_check
leave_check:
	cmpl $0, THREAD_PENDING(%r12)
	jne 1f
leave_now:
	movl $NR_RT_SIGRETURN, %eax
	.globl leave_insn
leave_insn:
	syscall
	hlt
1:	movq %rbx, %rdi
	call on_leave
	movq %rbx, %rsp
	testl %eax, %eax
	jz leave_check
	/* The stub itself goes on; all signals are blocked until it leaves. */
	jmp leave_now

/* A signal that the guest has a handler for.  All signals are blocked. */
	.globl entry_async
	.type entry_async, @function
entry_async:
	NO_ALIGNMENT_CHECKS
	movq %rdx, %rbx
	subq $8, %rsp
	call on_async
	movq %rbx, %rsp
	movl $NR_RT_SIGRETURN, %eax
	syscall
	hlt

/* Never used: handlers leave by themselves.  The kernel wants an address. */
	.globl entry_restorer
entry_restorer:
	movl $NR_RT_SIGRETURN, %eax
	syscall
	hlt

	.section .note.GNU-stack, "", @progbits
