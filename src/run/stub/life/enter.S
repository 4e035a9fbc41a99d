/* SPDX-License-Identifier: MIT */
/*
 * enter.S: new stacks: of a fresh stub, of a thread, of a program.
 *
 * What must not be reached is hlt: a guest that jumps there gets SIGSEGV.
 */
#include "run/stub/base/layout.h"

	.section .text.entry, "ax"

/* switch_stack(top, fn, arg): never returns. */
	.globl switch_stack
	.type switch_stack, @function
switch_stack:
	movq %rdi, %rsp
	movq %rdx, %rdi
	xorl %ebp, %ebp
	call *%rsi
	hlt

/*
 * clone_leave(flags, parent_tid, child_tid, tls, ucontext): clone(2) whose child, on the stack below
 * the ucontext of its own area, calls its C function with that ucontext and leaves through it.
 *   rdi flags, rsi parent_tid, rdx child_tid, rcx tls, r8 ucontext
 */
	.globl clone_leave
	.type clone_leave, @function
clone_leave:
	movq %r8, %r9
	movq %rcx, %r8
	movq %rdx, %r10
	movq %rsi, %rdx
	movq %r9, %rsi
	movl $56, %eax
	syscall
	testq %rax, %rax
	jz 1f
	ret
1:	movq %rsp, %rbx
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call child_main
	movq %rbx, %rdi
	jmp leave

/* enter_guest(ip, sp): the program's first instruction, as execve leaves the registers. */
	.globl enter_guest
	.type enter_guest, @function
enter_guest:
	movq %rdi, enter_ip(%rip)
	cld
	movq %rsi, %rsp
	xorl %eax, %eax
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %ebp, %ebp
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	/* The arithmetic flags are clear too; moves leave them. */
	incl %eax
	addl $0, %eax
	movl $0, %eax
	jmp *enter_ip(%rip)

	.local enter_ip
	.comm enter_ip, 8, 8

	.section .note.GNU-stack, "", @progbits
