/* SPDX-License-Identifier: MIT */
/*
 * memsys_range.c: mincore, msync, madvise: calls about a range that also concern the host's files
 * behind it, or write to a buffer of the guest.
 */
#include "run/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_PAGES 16384u

/* In portions, so that a huge range costs no huge buffer. */
int64_t sys_mincore(struct request *q)
{
	uint64_t addr = q->a[1], len = q->a[2], vec = q->a[3];
	uint64_t pages = len / PAGE + (len % PAGE != 0), done = 0;
	uint8_t buf[CHUNK_PAGES];
	int err;

	if (addr % PAGE)
		return -EINVAL;
	if (addr + len < addr || addr + len > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (vec + pages < vec || vec + pages > GUEST_TASK_SIZE)
		return -EFAULT;
	while (done < pages) {
		uint64_t n = pages - done < CHUNK_PAGES ? pages - done : CHUNK_PAGES;

		err = quire_mincore(q->space->mm, addr + done * PAGE, n * PAGE, buf);
		if (err)
			return err;
		if (guest_write(q->space, vec + done, buf, n) != (int64_t)n)
			return -EFAULT;
		done += n;
	}
	return 0;
}

/* The descriptors of the host's files that are mapped shared in the range, one at a time. */
static int next_shared_file(struct request *q, uint64_t *addr, uint64_t end,
			    struct quire_vma_info *v)
{
	int fd = -1;

	while (fd < 0 && *addr < end) {
		struct quire_file *file = NULL;
		struct window *w = NULL;

		if (quire_vma_next_file(q->space->mm, *addr, v, &file) || v->start >= end)
			*addr = end;
		else
			w = v->shared && file ? file_window(file) : NULL;
		if (w)
			fd = fcntl(w->host->fd, F_DUPFD_CLOEXEC, 0);
		if (file)
			quire_file_put(file);
		if (*addr < end)
			*addr = v->end;
	}
	return fd;
}

int64_t sys_msync(struct request *q)
{
	uint64_t addr = q->a[1], end = PAGE_UP(q->a[1] + q->a[2]);
	int err = quire_msync(q->space->mm, q->a[1], q->a[2], (int)q->a[3]), fd;
	struct quire_vma_info v;

	if (!(q->a[3] & MS_SYNC) || (err && err != -ENOMEM))
		return err;
	while ((fd = next_shared_file(q, &addr, end, &v)) >= 0) {
		if (fdatasync(fd) && errno != EINVAL && errno != EROFS)
			err = -errno;
		close(fd);
	}
	return err;
}

/* MADV_REMOVE of a file is a hole in it, which is the host's to make. */
static int64_t remove_files(struct request *q)
{
	uint64_t start = q->a[1], end = PAGE_UP(q->a[1] + q->a[2]), addr = start;
	struct quire_vma_info v;
	int fd, err = 0;

	if (start % PAGE || end < start)
		return -EINVAL;
	while (!err && (fd = next_shared_file(q, &addr, end, &v)) >= 0) {
		uint64_t from = v.start > start ? v.start : start, to = v.end < end ? v.end : end;

		if (!(v.prot & PROT_WRITE))
			err = -EACCES;
		else if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(v.offset + (from - v.start)), (off_t)(to - from)))
			err = -errno;
		close(fd);
	}
	return err;
}

static bool file_at(struct request *q, uint64_t addr)
{
	struct quire_vma_info v;
	struct quire_file *file;
	bool is;

	if (quire_vma_next_file(q->space->mm, addr, &v, &file) || !file)
		return false;
	is = v.start <= addr && file_window(file);
	quire_file_put(file);
	return is;
}

int64_t sys_madvise(struct request *q)
{
	if (q->a[3] == MADV_REMOVE && file_at(q, q->a[1]))
		return remove_files(q);
	return quire_madvise(q->space->mm, q->a[1], q->a[2], (int)q->a[3]);
}
