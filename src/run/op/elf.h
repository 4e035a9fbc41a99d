/* SPDX-License-Identifier: MIT */
/*
 * elf.h: what an ELF file says, checked.
 */
#ifndef RUN_ELF_H
#define RUN_ELF_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_MAX_SEGMENTS 128
struct elf_segment {
	uint64_t vaddr, filesz, memsz, offset;
	int prot;
};
struct elf_image {
	bool pie;
	bool exec_stack;
	uint64_t entry, phoff, phdr_vaddr; /* phdr_vaddr: 0 if in no segment */
	uint16_t phnum;
	uint64_t low, high; /* page-aligned extent of the segments */
	uint64_t align;     /* of the first segment */
	bool has_interp;
	int bad; /* 0, or what is wrong with the segments: noticed too late for execve to fail */
	unsigned nr;
	struct elf_segment seg[ELF_MAX_SEGMENTS];
};
/* 0, or the errno that execve gives.  `interp`: the file is an interpreter. */
int elf_read(int fd, bool interp, struct elf_image *out);

#endif
