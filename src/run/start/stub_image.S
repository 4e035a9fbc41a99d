/* SPDX-License-Identifier: MIT */
	.section .rodata
	.balign 4096
	.globl stub_image, stub_image_end
stub_image:
	.incbin STUB_FILE
stub_image_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
