/* SPDX-License-Identifier: MIT */
/*
 * probe.S: the only code of the stub that touches guest memory.  A fault here that the
 * supervisor refuses does not kill: it continues at the section's fixup.
 *
 * Leaf functions without a stack frame: a fixup may simply return.
 */
#include "run/stub/base/layout.h"

	.section .text.probe, "ax"

/* Copies: bytes that could not be copied are returned; a fault leaves them in rcx. */
	.globl probe_copy_start
probe_copy_start:

/* probe_copy(dst, src, n) */
	.globl probe_copy
	.type probe_copy, @function
probe_copy:
	movq %rdx, %rcx
	rep movsb
	movq %rcx, %rax
	ret

	.globl probe_copy_end
probe_copy_end:
	.globl probe_copy_fixup
probe_copy_fixup:
	movq %rcx, %rax
	ret

/* Words: 0 or a value, -EFAULT on a fault. */
	.globl probe_word_start
probe_word_start:

	.globl probe_touch_read
	.type probe_touch_read, @function
probe_touch_read:
	movb (%rdi), %al
	xorl %eax, %eax
	ret

/* Changes nothing, not even against another thread's store. */
	.globl probe_touch_write
	.type probe_touch_write, @function
probe_touch_write:
	lock orb $0, (%rdi)
	xorl %eax, %eax
	ret

	.globl probe_load32
	.type probe_load32, @function
probe_load32: /* unsigned, so that no value looks like an error */
	movl (%rdi), %eax
	ret

	.globl probe_store32
	.type probe_store32, @function
probe_store32: /* (addr, value) */
	movl %esi, (%rdi)
	xorl %eax, %eax
	ret

	.globl probe_cmpxchg32
	.type probe_cmpxchg32, @function
probe_cmpxchg32: /* (addr, old, new): what was there */
	movl %esi, %eax
	lock cmpxchgl %edx, (%rdi)
	movl %eax, %eax
	ret

	.globl probe_strnlen
	.type probe_strnlen, @function
probe_strnlen: /* (s, max): characters before the NUL, max if there is none */
	xorl %eax, %eax
1:	cmpq %rsi, %rax
	jae 2f
	cmpb $0, (%rdi, %rax)
	je 2f
	incq %rax
	jmp 1b
2:	ret

	.globl probe_word_end
probe_word_end:
	.globl probe_word_fixup
probe_word_fixup:
	movq $-ERRNO_EFAULT, %rax
	ret

	.section .note.GNU-stack, "", @progbits
