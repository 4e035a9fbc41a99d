/* SPDX-License-Identifier: MIT */
/*
 * elf.c: what an ELF file says, with every number checked before it is used.
 *
 * Two kinds of wrong, as the host has them: what makes execve fail (ENOEXEC; ELIBBAD in an
 * interpreter) is this function's errno.  What is only noticed when the old program is gone already
 * makes the new one die at once: that is image->bad, which the loader returns.
 *
 * Owns nothing.
 */
#include "run/op/elf.h"

#include "quire/quire.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_PHDR_BYTES 65536u

static bool read_at(int fd, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	if (off > INT64_MAX - len)
		return false;
	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* The host asks neither for the class nor for the byte order: the machine says both. */
static bool header_ok(const Elf64_Ehdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_machine == EM_X86_64 &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum &&
	       h->e_phnum <= MAX_PHDR_BYTES / sizeof(Elf64_Phdr);
}

static int prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static bool segment_ok(const Elf64_Phdr *p)
{
	return p->p_filesz <= p->p_memsz && p->p_vaddr < GUEST_TASK_SIZE &&
	       p->p_memsz <= GUEST_TASK_SIZE - p->p_vaddr &&
	       p->p_offset <= INT64_MAX - PAGE - p->p_filesz &&
	       p->p_offset % PAGE == p->p_vaddr % PAGE;
}

static void note_phdr(struct elf_image *e, const Elf64_Phdr *p)
{
	if (!e->phdr_vaddr && e->phoff >= p->p_offset && e->phoff - p->p_offset < p->p_filesz)
		e->phdr_vaddr = p->p_vaddr + (e->phoff - p->p_offset);
}

static void add_segment(struct elf_image *e, const Elf64_Phdr *p)
{
	struct elf_segment *s;

	if (e->nr == ELF_MAX_SEGMENTS || !segment_ok(p)) {
		e->bad = -EINVAL;
		return;
	}
	note_phdr(e, p);
	if (!p->p_memsz)
		return;
	s = &e->seg[e->nr++];
	*s = (struct elf_segment){p->p_vaddr, p->p_filesz, p->p_memsz, p->p_offset,
				  prot_of(p->p_flags)};
	if (PAGE_DOWN(s->vaddr) < e->low)
		e->low = PAGE_DOWN(s->vaddr);
	if (PAGE_UP(s->vaddr + s->memsz) > e->high)
		e->high = PAGE_UP(s->vaddr + s->memsz);
	if (p->p_align > e->align && p->p_align <= (1ull << 30) && !(p->p_align & (p->p_align - 1)))
		e->align = p->p_align;
}

/* A path of 1 to 4095 bytes that ends in NUL. */
static bool interp_ok(int fd, const Elf64_Phdr *p)
{
	char last;

	return p->p_filesz >= 2 && p->p_filesz <= 4096 &&
	       read_at(fd, &last, 1, p->p_offset + p->p_filesz - 1) && !last;
}

static int take_phdr(int fd, bool interp, const Elf64_Phdr *p, struct elf_image *e)
{
	switch (p->p_type) {
	case PT_LOAD:
		add_segment(e, p);
		return 0;
	case PT_INTERP:
		if (interp || e->has_interp)
			return 0;
		e->has_interp = true;
		return interp_ok(fd, p) ? 0 : -ENOEXEC;
	case PT_GNU_STACK:
		e->exec_stack = p->p_flags & PF_X;
		return 0;
	default:
		return 0;
	}
}

static int take_phdrs(int fd, bool interp, const Elf64_Ehdr *h, struct elf_image *e)
{
	Elf64_Phdr batch[32];
	unsigned done = 0;
	int err = 0;

	while (!err && done < h->e_phnum) {
		unsigned n = h->e_phnum - done < 32u ? h->e_phnum - done : 32;

		if (!read_at(fd, batch, n * sizeof(batch[0]), h->e_phoff + done * sizeof(batch[0])))
			return -ENOEXEC;
		for (unsigned i = 0; !err && i < n; i++)
			err = take_phdr(fd, interp, &batch[i], e);
		done += n;
	}
	return err;
}

int elf_read(int fd, bool interp, struct elf_image *e)
{
	int wrong = interp ? -ELIBBAD : -ENOEXEC, err;
	Elf64_Ehdr h;

	memset(e, 0, sizeof(*e));
	e->low = UINT64_MAX;
	e->align = PAGE;
	if (!read_at(fd, &h, sizeof(h), 0) || !header_ok(&h))
		return wrong;
	e->pie = h.e_type == ET_DYN;
	e->entry = h.e_entry;
	e->phoff = h.e_phoff;
	e->phnum = h.e_phnum;
	err = take_phdrs(fd, interp, &h, e);
	if (err)
		return interp ? wrong : err;
	if (!e->nr && !e->bad)
		e->bad = -EINVAL;
	return 0;
}
