/* SPDX-License-Identifier: MIT */
/*
 * memsys.c: the system calls that are memory's: which there are, and the plain ones, whose
 * arguments go to the core as they are.
 *
 * Owns nothing.  A call that is not in the table is the host's: RUN_NATIVE.
 */
#include "run/call/memsys.h"

#include "quire/quire.h"
#include "run/call/note.h"
#include "run/call/vdso_move.h"
#include "run/file/files_leave.h"
#include "run/file/guest_mem.h"
#include "run/file/window.h"
#include "run/guest/request.h"
#include "run/huge/unpromised.h"
#include "run/wire/addresses.h"
#include "run/wire/calls.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int64_t address(int err, uint64_t addr)
{
	return err ? err : (int64_t)addr;
}

/* The program is told so by an error alone, which may have other reasons. */
static void refuse(struct request *q, uint64_t detail)
{
	note_unsupported(q->run, q->proc, (long)q->a[0], detail);
}

int64_t sys_mmap(struct request *q)
{
	struct watch watch = {0};
	uint64_t at = 0, since = huge_notes_nr(q->run);
	int err;

	if (!(q->a[4] & MAP_ANONYMOUS))
		return -EBADF;
	if (q->a[4] & MAP_FIXED)
		watch_range(q, q->a[1], PAGE_UP(q->a[2]), &watch);
	err = quire_mmap(q->space->mm, q->a[1], q->a[2], (int)q->a[3], wide_flags(q->a[4]), NULL,
			 q->a[6], &at);
	watch_end(q, &watch);
	if (err == -ENOMEM)
		huge_mmap_refused(q->run, q->proc, since);
	return address(err, at);
}

int64_t sys_munmap(struct request *q)
{
	struct watch watch = {0};
	int64_t err;

	watch_range(q, q->a[1], PAGE_UP(q->a[2]), &watch);
	err = quire_munmap(q->space->mm, q->a[1], q->a[2]);
	watch_end(q, &watch);
	if (err && vdso_named(q))
		refuse(q, NOTE_VDSO);
	return err;
}

/* What a file's mapping is to grow by has frame numbers;
 * what is no sensible size is refused later. */
static int reserve(struct request *q)
{
	bool grows = q->a[3] > q->a[2] && q->a[3] <= GUEST_TASK_SIZE;
	struct quire_vma_info v;
	struct quire_file *file = grows ? file_at(q->space, q->a[1], &v) : NULL;
	int err;

	if (!file)
		return 0;
	err = window_reserve(file_window(file),
			     (v.offset + (q->a[1] - v.start) + PAGE_UP(q->a[3])) / PAGE);
	quire_file_put(file);
	return err;
}

int64_t sys_mremap(struct request *q)
{
	struct watch watch = {0};
	int64_t special;
	uint64_t at = 0;
	int err;

	if (vdso_move(q, &special))
		return special;
	err = reserve(q);
	if (err)
		return err;
	watch_range(q, q->a[1], PAGE_UP(q->a[2]), &watch);
	if (q->a[4] & MREMAP_FIXED)
		watch_range(q, q->a[5], PAGE_UP(q->a[3]), &watch);
	err = quire_mremap(q->space->mm, q->a[1], q->a[2], q->a[3], wide_flags(q->a[4]), q->a[5],
			   &at);
	watch_end(q, &watch);
	return address(err, at);
}

int64_t sys_mprotect(struct request *q)
{
	int64_t err = quire_mprotect(q->space->mm, q->a[1], q->a[2], wide_flags(q->a[3]));

	if (err && vdso_named(q))
		refuse(q, NOTE_VDSO);
	return err;
}

int64_t sys_brk(struct request *q)
{
	return (int64_t)quire_brk(q->space->mm, q->a[1]);
}

int64_t sys_mlock(struct request *q)
{
	look_for_ends(q, q->a[1], q->a[2]);
	return quire_mlock(q->space->mm, q->a[1], q->a[2], 0);
}

int64_t sys_mlock2(struct request *q)
{
	look_for_ends(q, q->a[1], q->a[2]);
	return quire_mlock(q->space->mm, q->a[1], q->a[2], (int)q->a[3]);
}

int64_t sys_munlock(struct request *q)
{
	return quire_munlock(q->space->mm, q->a[1], q->a[2]);
}

int64_t sys_mlockall(struct request *q)
{
	return quire_mlockall(q->space->mm, (int)q->a[1]);
}

int64_t sys_munlockall(struct request *q)
{
	return quire_munlockall(q->space->mm);
}

/* As on a host without protection keys: there is none to be had, and -1 means none. */
int64_t sys_pkey_mprotect(struct request *q)
{
	return (int)q->a[4] == -1 ? sys_mprotect(q) : -EINVAL;
}

int64_t sys_pkey_alloc(struct request *q)
{
	if (q->a[1] || q->a[2] > 3)
		return -EINVAL;
	refuse(q, 0);
	return -ENOSPC;
}

int64_t sys_pkey_free(struct request *q)
{
	(void)q;
	return -EINVAL;
}

struct memsys {
	memsys_fn fn;
	unsigned ints; /* arguments of which the kernel takes 32 bits */
};

#define CALL(name, what)
#define OURS(name, what, fn, ints) [__NR_##name] = {fn, ints},
static const struct memsys table[] = {SYSTEM_CALLS(CALL, OURS)};

static void cut_ints(struct request *q, unsigned ints)
{
	for (unsigned i = 0; ints >> i; i++) {
		if (ints & INT(i))
			q->a[i] = (uint32_t)q->a[i];
	}
}

void op_syscall(struct request *q)
{
	uint64_t nr = q->a[0];
	const struct memsys *s = nr < sizeof(table) / sizeof(table[0]) ? &table[nr] : NULL;

	q->ret = RUN_NATIVE;
	if (!s || !s->fn)
		return;
	cut_ints(q, s->ints);
	q->ret = s->fn(q);
}
