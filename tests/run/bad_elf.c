/* SPDX-License-Identifier: MIT */
/*
 * bad_elf.c: writes ELF files with one thing wrong each into the current directory, runs them, and
 * prints what execve said or how they ended: natively and under quire run the same text.
 *
 * The good one is a static program of two segments that exits with 42.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x10000000ull

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[4];
	char interp[32];
	unsigned char code[64];
	char pad[4096];
	char data[64];
	size_t length; /* bytes that are written */
};

/* mov edi, [data]; mov eax, 60; syscall */
static const unsigned char code[] = {0x8b, 0x3c, 0x25, 0, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};

static Elf64_Phdr load(uint32_t flags, uint64_t off, uint64_t size)
{
	return (Elf64_Phdr){.p_type = PT_LOAD,
			    .p_flags = flags,
			    .p_offset = off,
			    .p_vaddr = BASE + off,
			    .p_paddr = BASE + off,
			    .p_filesz = size,
			    .p_memsz = size,
			    .p_align = 0x1000};
}

static void good(struct image *f)
{
	uint64_t data = offsetof(struct image, data);
	uint32_t at = (uint32_t)(BASE + 0x1000 + data);

	memset(f, 0, sizeof(*f));
	memcpy(f->eh.e_ident, ELFMAG "\2\1\1", 7);
	f->eh.e_type = ET_EXEC;
	f->eh.e_machine = EM_X86_64;
	f->eh.e_version = 1;
	f->eh.e_entry = BASE + offsetof(struct image, code);
	f->eh.e_phoff = offsetof(struct image, ph);
	f->eh.e_ehsize = sizeof(f->eh);
	f->eh.e_phentsize = sizeof(f->ph[0]);
	f->eh.e_phnum = 2;
	f->ph[0] = load(PF_R | PF_X, 0, offsetof(struct image, pad));
	f->ph[1] = load(PF_R | PF_W, data, 64);
	f->ph[1].p_vaddr += 0x1000;
	f->ph[1].p_memsz = 0x5000;
	memcpy(f->code, code, sizeof(code));
	memcpy(f->code + 3, &at, 4);
	f->data[0] = 42;
	f->length = offsetof(struct image, length);
}

static void with_interp(struct image *f, const char *path, size_t size)
{
	f->eh.e_phnum = 3;
	f->ph[2] = f->ph[1];
	f->ph[1] = f->ph[0];
	f->ph[0] = load(PF_R, offsetof(struct image, interp), size);
	f->ph[0].p_type = PT_INTERP;
	strcpy(f->interp, path);
}

static void change(struct image *f, unsigned n)
{
	switch (n) {
	case 1:
		f->length = 20;
		break;
	case 2:
		f->length = sizeof(f->eh) + 10;
		break;
	case 3:
		f->eh.e_ident[EI_CLASS] = ELFCLASS32;
		break;
	case 4:
		f->eh.e_ident[EI_DATA] = ELFDATA2MSB;
		break;
	case 5:
		f->eh.e_machine = EM_AARCH64;
		break;
	case 6:
		f->eh.e_type = ET_REL;
		break;
	case 7:
		f->eh.e_type = ET_CORE;
		break;
	case 8:
		f->eh.e_phnum = 0;
		break;
	case 9:
		f->eh.e_phnum = 0xffff;
		break;
	case 10:
		f->eh.e_phentsize = 55;
		break;
	case 11:
		f->eh.e_phoff = UINT64_MAX - 8;
		break;
	case 12:
		f->ph[1].p_filesz = f->ph[1].p_memsz + 1;
		break;
	case 13:
		f->ph[1].p_memsz = UINT64_MAX / 2;
		break;
	case 14:
		f->ph[1].p_memsz = 1ull << 46;
		break;
	case 15:
		f->ph[1].p_vaddr = 0xffff800000000000ull;
		break;
	case 16:
		f->ph[1].p_offset += 8;
		break;
	case 17:
		f->ph[1].p_vaddr = BASE;
		break; /* over the code */
	case 18:
		f->ph[1].p_offset = (1ull << 62) + f->ph[1].p_offset % 4096;
		break;
	case 19:
		f->length = offsetof(struct image, pad) + 100;
		break; /* data beyond the end */
	case 20:
		f->eh.e_entry = 0;
		break;
	case 21:
		f->eh.e_entry = 0xffffffff80000000ull;
		break;
	case 22:
		f->eh.e_entry = f->ph[1].p_vaddr + 0x3000;
		break; /* not executable */
	case 23:
		f->ph[0].p_type = f->ph[1].p_type = PT_NOTE;
		break;
	case 24:
		with_interp(f, "/nonexistent/ld.so", 19);
		break;
	case 25:
		with_interp(f, "/etc/passwd", 12);
		break;
	case 26:
		with_interp(f, "/etc/passwd", 11);
		break; /* no NUL */
	case 27:
		with_interp(f, "/", 2);
		break;
	case 28:
		with_interp(f, "x", 0);
		break;
	case 29:
		f->ph[0].p_flags = PF_R;
		break; /* code not executable */
	case 30:
		f->ph[0].p_flags = 0;
		break;
	case 31:
		f->ph[1].p_memsz = 0;
		f->ph[1].p_filesz = 0;
		break;
	case 32:
		f->ph[0].p_vaddr = f->ph[0].p_vaddr - BASE;
		break; /* at address 0 */
	case 33:
		f->length = 0;
		break;
	default:
		break;
	}
}
#define NR_CHANGES 34

static void write_file(const struct image *f, const char *name)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755);

	if (fd < 0 || write(fd, f, f->length) != (ssize_t)f->length)
		exit(1);
	close(fd);
}

static void run(unsigned n, const char *name)
{
	char *argv[] = {(char *)(uintptr_t)name, NULL}, *env[] = {NULL};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execve(name, argv, env);
		printf("%u: execve: %s\n", n, strerror(errno));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%u: signal %d\n", n, WTERMSIG(status));
	else
		printf("%u: exit %d\n", n, WEXITSTATUS(status));
	unlink(name);
}

int main(void)
{
	static struct image f;

	for (unsigned n = 0; n < NR_CHANGES; n++) {
		char name[16];

		snprintf(name, sizeof(name), "./bad%u", n);
		good(&f);
		change(&f, n);
		write_file(&f, name);
		run(n, name);
	}
	return 0;
}
