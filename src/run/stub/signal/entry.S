/* SPDX-License-Identifier: MIT */
/*
 * entry.S: the ways into the stub and out of it.
 *
 * Every thread's stub code runs on the stack in its thread area, so that
 * (rsp & -AREA_BYTES) is its struct thread.
 *
 * The host may interrupt any instruction with a signal of the guest's; on_async() notes
 * it in thread->pending.  Two places look at `pending` and then do something that must not
 * happen when it is set; on_async() knows their bounds and sends them back.  The first looks at
 * `flushed` as well, which on_sync() sets:
 *   guest_syscall_start .. guest_syscall_insn   to guest_syscall_abort
 *   leave_check .. leave_insn                   to leave_check
 *
 * What must not be reached is hlt: a guest that jumps there gets SIGSEGV.
 */
#include "run/stub/base/layout.h"

	.section .text.entry, "ax"

/* A guest that jumps to the stub's first page faults, as it would where nothing is mapped. */
	.fill 4096, 1, 0xf4

/* From the kernel, after execve: rsp points at argc, on the host's stack. */
	.globl _start
	.type _start, @function
_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	andq $-16, %rsp
	call start_on_host_stack
	hlt

/* switch_stack(top, fn, arg): never returns. */
	.globl switch_stack
	.type switch_stack, @function
switch_stack:
	movq %rdi, %rsp
	movq %rdx, %rdi
	xorl %ebp, %ebp
	call *%rsi
	hlt

/* The host leaves a guest's alignment checks on in a handler: ours is not written for them. */
	.macro no_alignment_checks
	pushfq
	andl $~EFLAGS_AC, (%rsp)
	popfq
	.endm

/* SIGSEGV, SIGBUS, SIGSYS: (sig, siginfo, ucontext); rsp points at the return address. */
	.globl entry_sync
	.type entry_sync, @function
entry_sync:
	no_alignment_checks
	movq %rdx, %rbx
	subq $8, %rsp
	call on_sync
	movq %rbx, %rdi
	/* fall through */

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
	no_alignment_checks
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
