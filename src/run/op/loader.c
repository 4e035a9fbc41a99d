/* SPDX-License-Identifier: MIT */
/*
 * loader.c: puts a program into a fresh address space, as the host's ELF loader does it: the same
 * neighbours, the same holes, the same names in maps; without randomness.
 *
 *   0x400000 or 0x555555554000  program, its bss, the heap
 *   below mmap_base             interpreter, later mappings
 *   GUEST_TASK_SIZE - 4096      top of the stack
 *
 * A failure here comes after the old program is gone: the stub kills itself with SIGSEGV.
 * Runs in the exec'ing thread's worker; nobody else is in the space yet.
 */
#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/say.h"
#include "run/base/util.h"
#include "run/fd/ctl.h"
#include "run/file/files.h"
#include "run/file/guest_mem.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/op/elf.h"
#include "run/op/ops.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIE_BASE 0x555555554000ull
#define STACK_TOP (GUEST_TASK_SIZE - PAGE)
#define STACK_ROOM (128ull << 10)

/* A program being placed. */
struct load {
	struct space *space;
	struct quire_mm *mm;
	struct quire_file *file;
	const struct elf_image *elf;
	uint64_t bias;
	uint64_t brk; /* end of the last byte of any segment */
};

static int map_file_part(struct load *l, const struct elf_segment *s)
{
	uint64_t skip = s->vaddr % PAGE, at;

	if (!s->filesz)
		return 0;
	return quire_mmap(l->mm, l->bias + s->vaddr - skip, s->filesz + skip, s->prot,
			  MAP_PRIVATE | MAP_FIXED, l->file, s->offset - skip, &at);
}

/* The rest of the last page that comes from the file must read as zero. */
static int clear_tail(struct load *l, const struct elf_segment *s)
{
	static const char zero[PAGE];
	uint64_t end = l->bias + s->vaddr + s->filesz, n = PAGE_UP(end) - end;

	if (!n || !s->filesz || s->memsz == s->filesz || !(s->prot & PROT_WRITE))
		return 0;
	return guest_write(l->space, end, zero, n) == (int64_t)n ? 0 : -EFAULT;
}

static int map_zero_part(struct load *l, const struct elf_segment *s)
{
	uint64_t from = l->bias + s->vaddr + s->filesz;
	uint64_t start = s->filesz ? PAGE_UP(from) : PAGE_DOWN(from);
	uint64_t end = PAGE_UP(l->bias + s->vaddr + s->memsz), at;
	int prot = PROT_READ | PROT_WRITE | (s->prot & PROT_EXEC);

	if (s->memsz == s->filesz || end <= start)
		return 0;
	return quire_mmap(l->mm, start, end - start, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
			  NULL, 0, &at);
}

static int map_segment(struct load *l, const struct elf_segment *s)
{
	int err = map_file_part(l, s);

	if (!err)
		err = clear_tail(l, s);
	if (!err)
		err = map_zero_part(l, s);
	if (l->bias + s->vaddr + s->memsz > l->brk)
		l->brk = l->bias + s->vaddr + s->memsz;
	return err;
}

/* Finds room for the whole extent: at `base`, or where mmap finds it. */
static int reserve(struct load *l, uint64_t base)
{
	const struct elf_image *e = l->elf;
	uint64_t len = e->high - e->low, room = len + (e->align - PAGE), at;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	int err;

	base = (base + e->align - 1) & ~(e->align - 1);
	if (base)
		flags |= MAP_FIXED_NOREPLACE;
	err = quire_mmap(l->mm, base, base ? len : room, PROT_NONE, flags, NULL, 0, &at);
	if (err)
		return err;
	err = quire_munmap(l->mm, at, base ? len : room);
	l->bias = ((at + e->align - 1) & ~(e->align - 1)) - e->low;
	return err;
}

static int place(struct load *l, uint64_t base)
{
	int err = l->elf->bad;

	if (!err && l->elf->pie)
		err = reserve(l, base);
	for (unsigned i = 0; !err && i < l->elf->nr; i++)
		err = map_segment(l, &l->elf->seg[i]);
	return err;
}

static int map_stack(struct request *q, bool exec)
{
	uint64_t bytes = PAGE_UP(q->a[3]) + STACK_ROOM + PAGE, limit, at;
	int prot = PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0);

	limit = PAGE_DOWN(q->proc->rlim[QUIRE_RLIMIT_STACK].rlim_cur);
	if (q->a[3] > STACK_TOP / 2 || PAGE_UP(q->a[3]) > limit)
		return -E2BIG;
	if (bytes > limit)
		bytes = limit;
	return quire_mmap(q->space->mm, STACK_TOP - bytes, bytes, prot,
			  MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN, NULL, 0, &at);
}

/* What /proc/PID/stat and maps tell about the program. */
static void note_layout(struct request *q, const struct load *l, const char *exe)
{
	struct rlimit as = proc_limit(q->proc, QUIRE_RLIMIT_AS);
	struct space *s = q->space;

	s->stack_top = STACK_TOP;
	s->args_bytes = q->a[3];
	s->vdso = q->a[4];
	s->vdso_bytes = q->a[5];
	s->vvar = q->a[6];
	s->vvar_bytes = q->a[7];
	space_limit(s, QUIRE_RLIMIT_AS, &as);
	s->entry = l->bias + l->elf->entry;
	s->exe = strdup(exe);
	for (unsigned i = 0; i < l->elf->nr; i++) {
		const struct elf_segment *g = &l->elf->seg[i];
		uint64_t start = l->bias + g->vaddr, end = start + g->filesz;

		if (g->prot & PROT_EXEC) {
			s->start_code = s->start_code ? s->start_code : start;
			s->end_code = end;
		} else if (end > s->end_data) {
			s->start_data = start;
			s->end_data = end;
		}
	}
	quire_mm_set_data(s->mm, s->end_data - s->start_data);
}

/* The arguments as the host shows them; blanks between. */
static void note_cmdline(struct request *q)
{
	char path[40], text[sizeof(q->proc->cmdline)];
	long n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)q->proc->pid);
	n = read_text(path, text, sizeof(text));
	for (long i = 0; i + 1 < n; i++) {
		if (!text[i] || text[i] == '\n')
			text[i] = ' ';
	}
	if (n <= 0)
		return;
	pthread_mutex_lock(&q->run->lock);
	memcpy(q->proc->cmdline, text, (size_t)n + 1);
	pthread_mutex_unlock(&q->run->lock);
}

static int read_image(struct request *q, uint64_t token, bool interp, struct elf_image *e)
{
	int fd = ctl_take(q->run, q->slot->index, token), err;

	err = fd < 0 ? fd : !e ? -ENOMEM : elf_read(fd, interp, e);
	if (fd >= 0)
		close(fd);
	return err;
}

/* The descriptor tells what is in the file, which is mapped through its window. */
static struct quire_file *image(struct request *q, uint64_t id, bool interp, struct elf_image **out)
{
	struct quire_file *file = window_file(q->space, id);
	struct elf_image *e = malloc(sizeof(*e));
	int err = read_image(q, interp ? q->a[0] >> 32 : (uint32_t)q->a[0], interp, e);

	*out = e;
	if (!err && file)
		return file;
	q->ret = err ? err : -EBADF;
	free(e);
	if (file)
		window_file_done(q->space, file);
	/* It was good when execve looked at it: this is no affair of the program's. */
	run_say(q->run, "%s: its file is not what execve found any more: %s",
		q->proc->exe ? q->proc->exe : "?", strerror((int)-q->ret));
	return NULL;
}

/* Neither we nor OP_FILE keep it in the table any more: its mappings do. */
static void loaded(struct request *q, struct quire_file *file)
{
	quire_file_get(file);
	window_file_done(q->space, file);
	window_file_done(q->space, file);
}

static int load_interp(struct request *q, uint64_t *base, uint64_t *entry)
{
	struct load l = {.space = q->space, .mm = q->space->mm};
	struct elf_image *elf;
	int err;

	l.file = image(q, q->a[2], true, &elf);
	if (!l.file)
		return (int)q->ret;
	l.elf = elf;
	err = place(&l, 0);
	*base = l.bias;
	*entry = l.bias + elf->entry;
	loaded(q, l.file);
	free(elf);
	return err;
}

static void set_brk(struct load *l)
{
	bool is_static = l->elf->pie && !l->elf->has_interp;

	quire_mm_set_brk(l->mm, is_static ? PIE_BASE : PAGE_UP(l->brk));
}

static int load_all(struct request *q, struct load *l)
{
	uint64_t entry;
	int err = place(l, l->elf->has_interp ? PIE_BASE : 0);

	if (!err)
		err = map_stack(q, l->elf->exec_stack);
	if (err)
		return err;
	set_brk(l);
	entry = l->bias + l->elf->entry;
	q->v[4] = entry;
	if ((int64_t)q->a[2] >= 0)
		err = load_interp(q, &q->v[3], &entry);
	q->v[0] = entry;
	q->v[1] = l->bias + l->elf->phdr_vaddr;
	q->v[2] = l->elf->phnum;
	q->v[5] = STACK_TOP;
	q->v[6] = 56;
	q->v[7] = 0;
	return err ? err : entry < GUEST_TASK_SIZE ? 0 : -EINVAL;
}

void op_exec_load(struct request *q)
{
	struct load l = {.space = q->space, .mm = q->space->mm};
	struct elf_image *elf;

	l.file = image(q, q->a[1], false, &elf);
	if (!l.file)
		return;
	l.elf = elf;
	q->ret = load_all(q, &l);
	if (q->ret)
		run_note(q->run, "%s: cannot be loaded: %s", q->proc->exe ? q->proc->exe : "?",
			 strerror((int)-q->ret));
	note_layout(q, &l, q->proc->exe ? q->proc->exe : "");
	note_cmdline(q);
	loaded(q, l.file);
	free(elf);
}
