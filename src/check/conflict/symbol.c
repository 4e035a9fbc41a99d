/* SPDX-License-Identifier: MIT */
/*
 * symbol.c: names of functions, static ones too, from this program's own symbol table.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/conflict/conflict.h"

extern const char __executable_start[];

static const char *map_self(void)
{
	static const char *image;
	struct stat st;
	int fd;

	if (image)
		return image;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		perror("quire-check: /proc/self/exe");
		return NULL;
	}
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		image = NULL;
	return image;
}

static const Elf64_Shdr *find_symtab(const char *image)
{
	const Elf64_Ehdr *e = (const void *)image;
	const Elf64_Shdr *s = (const void *)(image + e->e_shoff);

	for (unsigned i = 0; i < e->e_shnum; i++)
		if (s[i].sh_type == SHT_SYMTAB)
			return &s[i];
	return NULL;
}

static uint64_t file_address(const char *image, const void *where)
{
	const Elf64_Ehdr *e = (const void *)image;
	uint64_t addr = (uintptr_t)where;

	return e->e_type == ET_DYN ? addr - (uintptr_t)__executable_start : addr;
}

void symbol_name(const void *where, char *buf, unsigned long len)
{
	const char *image = map_self();
	const Elf64_Shdr *tab = image ? find_symtab(image) : NULL;
	uint64_t addr;

	snprintf(buf, len, "%p", where);
	if (!tab)
		return;
	addr = file_address(image, where);
	for (uint64_t i = 0; i < tab->sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *sym =
		    (const Elf64_Sym *)(const void *)(image + tab->sh_offset) + i;
		const Elf64_Shdr *names =
		    (const Elf64_Shdr *)(const void *)(image +
						       ((const Elf64_Ehdr *)(const void *)image)
							   ->e_shoff) +
		    tab->sh_link;

		if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || addr - sym->st_value >= sym->st_size)
			continue;
		snprintf(buf, len, "%s", image + names->sh_offset + sym->st_name);
		return;
	}
}
