/* SPDX-License-Identifier: MIT */
/*
 * vdso_getcpu.c: see vdso_getcpu.h.
 *
 * The host tells a program the processor and its node by a segment's limit, which nobody but the
 * host can change.  So it is the code that is replaced: it takes the processor from there, and
 * computes the node as nodes.h does.  Where the host's function is shorter than that, a system call
 * takes its place, which the stub answers.
 */
#include "run/wire/vdso_getcpu.h"

#include <linux/elf.h>
#include <stdbool.h>

#define SHT_DYNSYM_ 11
#define SYMBOL_IS_FUNCTION(info) (((info)&0xf) == 2)

/* The functions's bytes; those that are told of nodes and processors stand at AT_*. */
#define AT_NODES 27
#define AT_CPUS 33
static const uint8_t computes[] = {
    0xb8, 0x7b, 0x00, 0x00, 0x00,    /* mov $0x7b, %eax */
    0x0f, 0x03, 0xc0,                /* lsl %eax, %eax: node << 12 | processor */
    0x25, 0xff, 0x0f, 0x00, 0x00,    /* and $0xfff, %eax */
    0x48, 0x85, 0xff,                /* test %rdi, %rdi */
    0x74, 0x02,                      /* je over the store */
    0x89, 0x07,                      /* mov %eax, (%rdi) */
    0x48, 0x85, 0xf6,                /* test %rsi, %rsi */
    0x74, 0x10,                      /* je to the end */
    0x69, 0xc0, 0,    0,    0,    0, /* imul $nodes, %eax, %eax */
    0x99,                            /* cdq */
    0xb9, 0,    0,    0,    0,       /* mov $processors, %ecx */
    0xf7, 0xf9,                      /* idiv %ecx */
    0x89, 0x06,                      /* mov %eax, (%rsi) */
    0x31, 0xc0,                      /* xor %eax, %eax */
    0xc3,                            /* ret */
};
static const uint8_t calls[] = {
    0xb8, 0x35, 0x01, 0x00, 0x00, /* mov $309, %eax: getcpu */
    0x0f, 0x05,                   /* syscall */
    0xc3,                         /* ret */
};

struct image {
	uint8_t *at;
	uint64_t bytes;
};

/* `n` bytes of the image, or NULL: it has not so many there. */
static void *part(const struct image *v, uint64_t off, uint64_t n)
{
	return off <= v->bytes && n <= v->bytes - off ? v->at + off : 0;
}

static bool is_called(const struct image *v, uint64_t off, const char *name)
{
	for (;; off++, name++) {
		const char *c = part(v, off, 1);

		if (!c || *c != *name)
			return false;
		if (!*c)
			return true;
	}
}

static const Elf64_Shdr *section(const struct image *v, uint64_t nr)
{
	const Elf64_Ehdr *e = part(v, 0, sizeof(*e));

	if (!e || nr >= e->e_shnum || e->e_shoff % 8 || e->e_shoff > v->bytes)
		return 0;
	return part(v, e->e_shoff + nr * sizeof(Elf64_Shdr), sizeof(Elf64_Shdr));
}

static const Elf64_Shdr *symbols(const struct image *v)
{
	const Elf64_Shdr *s = section(v, 0);

	for (uint64_t i = 1; s && s->sh_type != SHT_DYNSYM_; i++)
		s = section(v, i);
	return s;
}

/* The function's code, *bytes of it; NULL: there is none. */
static uint8_t *find(const struct image *v, const char *name, uint64_t *bytes)
{
	const Elf64_Shdr *s = symbols(v), *names = s ? section(v, s->sh_link) : 0;

	for (uint64_t at = 0; names && at + sizeof(Elf64_Sym) <= s->sh_size;
	     at += sizeof(Elf64_Sym)) {
		const Elf64_Sym *sym = part(v, s->sh_offset + at, sizeof(*sym));

		if (!sym)
			return 0;
		if (!SYMBOL_IS_FUNCTION(sym->st_info) ||
		    !is_called(v, names->sh_offset + sym->st_name, name))
			continue;
		*bytes = sym->st_size;
		return part(v, sym->st_value, sym->st_size);
	}
	return 0;
}

static void copy(uint8_t *to, const uint8_t *from, uint64_t n)
{
	while (n--)
		*to++ = *from++;
}

static void put32(uint8_t *to, uint32_t n)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> 8 * i);
}

void vdso_getcpu_replace(uint8_t *image, uint64_t bytes, uint32_t nodes, uint32_t cpus)
{
	const struct image v = {image, bytes};
	uint64_t room;
	uint8_t *code = find(&v, "__vdso_getcpu", &room);

	if (code && room >= sizeof(computes)) {
		copy(code, computes, sizeof(computes));
		put32(code + AT_NODES, nodes);
		put32(code + AT_CPUS, cpus);
	} else if (code && room >= sizeof(calls)) {
		copy(code, calls, sizeof(calls));
	}
}
