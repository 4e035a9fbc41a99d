/* SPDX-License-Identifier: MIT */
/*
 * guest_mem.c: guest memory, read and written for system calls.  Owns nothing.
 *
 * The core reads and writes its own frames.  A page of a host's file that is mapped shared is
 * written through a window (window_reach.c), as a store of the guest's would: nothing beyond the
 * end, whatever the descriptor was opened for.
 */
#include "run/file/guest_mem.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/file/window.h"
#include "run/file/window_reach.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/page.h"

#include <errno.h>
#include <sys/mman.h>

struct quire_file *file_at(struct space *s, uint64_t addr, struct quire_vma_info *v)
{
	struct quire_file *file;

	if (quire_vma_next_file(s->mm, addr, v, &file) || !file)
		return NULL;
	if (v->start <= addr && file_window(file))
		return file;
	quire_file_put(file);
	return NULL;
}

static uint64_t offset_of(const struct quire_vma_info *v, uint64_t addr)
{
	return v->offset + (addr - v->start);
}

bool file_has_grown(struct space *s, uint64_t addr)
{
	struct quire_vma_info v;
	struct quire_file *file = file_at(s, addr, &v);
	bool grown;

	if (!file)
		return false;
	grown = window_find_page(file_window(file), offset_of(&v, addr) / PAGE);
	quire_file_put(file);
	return grown;
}

void look_for_ends(struct request *q, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;
	struct quire_vma_info v;
	struct quire_file *file;

	for (; start < end && !quire_vma_next_file(q->space->mm, start, &v, &file); start = v.end) {
		if (file && file_window(file) && v.start < end)
			window_find_end(file_window(file), offset_of(&v, v.end) / PAGE - 1);
		if (file)
			quire_file_put(file);
	}
}

/* What the core does not write: to the end of the page. */
static int64_t write_file(struct space *s, uint64_t addr, const void *buf, uint64_t len)
{
	uint64_t room = PAGE - addr % PAGE, n = len < room ? len : room;
	struct quire_vma_info v;
	struct quire_file *file = file_at(s, addr, &v);
	int err = -EFAULT;

	if (file && v.shared && (v.prot & PROT_WRITE))
		err = window_store(file_window(file), offset_of(&v, addr), buf, n);
	if (file)
		quire_file_put(file);
	return err ? -EFAULT : (int64_t)n;
}

typedef int64_t (*read_fn)(struct quire_mm *mm, uint64_t addr, void *buf, uint64_t len);
typedef int64_t (*write_fn)(struct quire_mm *mm, uint64_t addr, const void *buf, uint64_t len);

static int64_t read_by(read_fn read, struct space *s, uint64_t addr, void *buf, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		int64_t n = read(s->mm, addr + done, (char *)buf + done, len - done);

		if (n > 0)
			done += (uint64_t)n;
		else if (!file_has_grown(s, addr + done))
			break;
	}
	return done || !len ? (int64_t)done : -EFAULT;
}

static int64_t write_by(write_fn write, struct space *s, uint64_t addr, const void *buf,
			uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		const char *from = (const char *)buf + done;
		int64_t n = write(s->mm, addr + done, from, len - done);

		if (n <= 0)
			n = write_file(s, addr + done, from, len - done);
		if (n > 0)
			done += (uint64_t)n;
		else if (!file_has_grown(s, addr + done))
			break;
	}
	return done || !len ? (int64_t)done : -EFAULT;
}

int64_t guest_read(struct space *s, uint64_t addr, void *buf, uint64_t len)
{
	return read_by(quire_read, s, addr, buf, len);
}

int64_t guest_write(struct space *s, uint64_t addr, const void *buf, uint64_t len)
{
	return write_by(quire_write, s, addr, buf, len);
}

int64_t guest_remote_read(struct space *s, pid_t pid, uint64_t addr, void *buf, uint64_t len)
{
	int64_t n;

	window_reach(pid);
	n = read_by(quire_remote_read, s, addr, buf, len);
	window_reach(0);
	return n;
}

int64_t guest_remote_write(struct space *s, pid_t pid, uint64_t addr, const void *buf, uint64_t len)
{
	int64_t n;

	window_reach(pid);
	n = write_by(quire_remote_write, s, addr, buf, len);
	window_reach(0);
	return n;
}
