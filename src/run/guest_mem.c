/* SPDX-License-Identifier: MIT */
/*
 * guest_mem.c: results of system calls, written to guest memory.  Owns nothing.
 *
 * The core writes its own frames; a page of a host's file that is mapped shared is written through
 * the file's descriptor, which is the same page.
 */
#include "run/engine.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* The descriptor of the shared writable file mapping at addr, a duplicate; -1: there is none. */
static int shared_file(struct space *s, uint64_t addr, uint64_t *off)
{
	struct quire_vma_info v;
	struct quire_file *file;
	struct window *w = NULL;
	int fd = -1;

	if (quire_vma_next_file(s->mm, addr, &v, &file) || !file)
		return -1;
	if (v.start <= addr && v.shared && (v.prot & PROT_WRITE))
		w = file_window(file);
	if (w) {
		*off = v.offset + (addr - v.start);
		fd = dup(w->host->fd);
	}
	quire_file_put(file);
	return fd;
}

static int64_t write_file(struct space *s, uint64_t addr, const void *buf, uint64_t len)
{
	uint64_t off = 0, room = PAGE - addr % PAGE;
	int fd = shared_file(s, addr, &off);
	ssize_t n;

	if (fd < 0)
		return -EFAULT;
	n = pwrite(fd, buf, len < room ? len : room, (off_t)off);
	close(fd);
	return n > 0 ? n : -EFAULT;
}

typedef int64_t (*write_fn)(struct quire_mm *mm, uint64_t addr, const void *buf, uint64_t len);

static int64_t write_by(write_fn write, struct space *s, uint64_t addr, const void *buf,
			uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		const char *from = (const char *)buf + done;
		int64_t n = write(s->mm, addr + done, from, len - done);

		if (n <= 0)
			n = write_file(s, addr + done, from, len - done);
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return done || !len ? (int64_t)done : -EFAULT;
}

int64_t guest_write(struct space *s, uint64_t addr, const void *buf, uint64_t len)
{
	return write_by(quire_write, s, addr, buf, len);
}

int64_t guest_remote_write(struct space *s, uint64_t addr, const void *buf, uint64_t len)
{
	return write_by(quire_remote_write, s, addr, buf, len);
}
