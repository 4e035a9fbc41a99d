/* SPDX-License-Identifier: MIT */
/*
 * entry.S: the ways into the stub: of a fresh one, and of faults and system calls.
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

/* A guest that jumps to the stub's first page faults, as it would where nothing is mapped. */
	.section .text.first, "ax"
	.fill 4096, 1, 0xf4

	.section .text.entry, "ax"

/* From the kernel, after execve: rsp points at argc, on the host's stack. */
	.globl _start
	.type _start, @function
_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	leaq entry_sync(%rip), %rsi
	andq $-16, %rsp
	call start_on_host_stack
	hlt

/* SIGSEGV, SIGBUS, SIGSYS: (sig, siginfo, ucontext); rsp points at the return address. */
	.globl entry_sync
	.type entry_sync, @function
entry_sync:
	NO_ALIGNMENT_CHECKS
	movq %rdx, %rbx
	subq $8, %rsp
	call on_sync
	movq %rbx, %rdi
	jmp leave

	.section .note.GNU-stack, "", @progbits
