/* SPDX-License-Identifier: MIT */
/*
 * memsys_range.c: mincore, msync, madvise: calls about a range that also concern the host's files
 * behind it, or write to a buffer of the guest.
 */
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/call/note.h"
#include "run/file/guest_mem.h"
#include "run/file/window.h"
#include "run/file/window_reach.h"
#include "run/guest/request.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <sys/mman.h>

#define CHUNK_PAGES 16384u

/* Pages from addr on before the first hole, n at most. */
static uint64_t pages_mapped(struct request *q, uint64_t addr, uint64_t n)
{
	uint64_t at = addr, end = addr + n * PAGE;
	struct quire_vma_info v;

	while (at < end && !quire_vma_next(q->space->mm, at, &v) && v.start <= at)
		at = v.end;
	return ((at < end ? at : end) - addr) / PAGE;
}

/* What comes before a hole is told. */
static int64_t tell_residents(struct request *q, uint64_t addr, uint64_t n, uint64_t vec)
{
	uint8_t buf[CHUNK_PAGES];
	int err = quire_mincore(q->space->mm, addr, n * PAGE, buf);

	if (err) {
		n = pages_mapped(q, addr, n);
		if (quire_mincore(q->space->mm, addr, n * PAGE, buf))
			return err;
	}
	return guest_write(q->space, vec, buf, n) == (int64_t)n ? err : -EFAULT;
}

/* In portions, so that a huge range costs no huge buffer. */
int64_t sys_mincore(struct request *q)
{
	uint64_t addr = q->a[1], len = q->a[2], vec = q->a[3];
	uint64_t pages = len / PAGE + (len % PAGE != 0), done = 0;
	int64_t err;

	if (addr % PAGE)
		return -EINVAL;
	if (addr + len < addr || addr + len > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (vec + pages < vec || vec + pages > GUEST_TASK_SIZE)
		return -EFAULT;
	look_for_ends(q, addr, pages * PAGE);
	while (done < pages) {
		uint64_t n = pages - done < CHUNK_PAGES ? pages - done : CHUNK_PAGES;

		err = tell_residents(q, addr + done * PAGE, n, vec + done);
		if (err)
			return err;
		done += n;
	}
	return 0;
}

/* The next file of the host that is mapped shared in the range, referenced;
 * *addr goes behind it. */
static struct quire_file *next_shared_file(struct request *q, uint64_t *addr, uint64_t end,
					   struct quire_vma_info *v)
{
	struct quire_file *file;

	while (*addr < end && !quire_vma_next_file(q->space->mm, *addr, v, &file) &&
	       v->start < end) {
		*addr = v->end;
		if (v->shared && file && file_window(file))
			return file;
		if (file)
			quire_file_put(file);
	}
	return NULL;
}

/* The part of the mapping that lies in [start, end), by its file's window. */
static int command(struct quire_file *file, enum window_op op, const struct quire_vma_info *v,
		   uint64_t start, uint64_t end)
{
	uint64_t from = v->start > start ? v->start : start, to = v->end < end ? v->end : end;
	int err = window_command(file_window(file), op, v->offset + (from - v->start), to - from);

	quire_file_put(file);
	return err;
}

int64_t sys_msync(struct request *q)
{
	uint64_t start = q->a[1], end = PAGE_UP(start + q->a[2]), addr = start;
	int err = quire_msync(q->space->mm, q->a[1], q->a[2], (int)q->a[3]);
	struct quire_vma_info v;
	struct quire_file *file;

	if (!(q->a[3] & MS_SYNC) || (err && err != -ENOMEM))
		return err;
	while ((file = next_shared_file(q, &addr, end, &v))) {
		int failed = command(file, WINDOW_SYNC, &v, start, end);

		err = failed ? failed : err;
	}
	return err;
}

static bool populates(uint64_t advice)
{
	return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
}

/* What Linux has, and Quire not. */
static bool is_refused(uint64_t advice)
{
	return advice == QMADV_COLLAPSE ||
	       (advice >= QMADV_HWPOISON && advice <= QMADV_GUARD_REMOVE);
}

int64_t sys_madvise(struct request *q)
{
	if (is_refused(q->a[3]))
		note_unsupported(q->run, q->proc, (long)q->a[0], q->a[3]);
	if (populates(q->a[3]) && q->a[1] + q->a[2] >= q->a[1])
		look_for_ends(q, q->a[1], q->a[2]);
	if (q->a[3] == MADV_DONTFORK)
		atomic_store(&q->space->dontfork, true);
	return quire_madvise(q->space->mm, q->a[1], q->a[2], (int)q->a[3]);
}
