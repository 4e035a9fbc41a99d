/* SPDX-License-Identifier: MIT */
/*
 * huge_io.c: see huge_io.h.  The supervisor puts what is read into the guest's memory; the offset
 * is the placeholder's.
 */
#include "run/stub/call/huge_io.h"

#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/huge_file.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

#define IOV_MOST 1024u
#define READ_MOST 0x7ffff000ul

static int64_t read_at(struct call *c, struct iovec v, uint64_t pos)
{
	if (v.bytes > READ_MOST)
		v.bytes = READ_MOST;
	return huge_file_call(c->t, (int)c->a[0], HUGE_READ, v.base, v.bytes, pos);
}

/* All buffers in turn, as far as the file has something. */
static int64_t read_buffers(struct call *c, bool vector, uint64_t pos)
{
	uint64_t n = vector ? c->a[2] : 1, done = 0;
	int64_t r = 0;

	if (n > IOV_MOST)
		return -EINVAL;
	for (uint64_t i = 0; i < n; i++) {
		struct iovec v = {c->a[1], c->a[2]};

		if (vector && guest_read(&v, c->a[1] + i * sizeof(v), sizeof(v)))
			return done ? (int64_t)done : -EFAULT;
		r = read_at(c, v, pos + done);
		if (r > 0)
			done += (uint64_t)r;
		if (r < 0 || (uint64_t)r < v.bytes)
			break;
	}
	return done ? (int64_t)done : r;
}

static bool has_place(const struct call *c)
{
	return c->nr == __NR_pread64 || c->nr == __NR_preadv ||
	       (c->nr == __NR_preadv2 && (int64_t)c->a[3] != -1);
}

int64_t huge_read(struct call *c, bool vector)
{
	struct huge_look look;
	int64_t pos, r;

	if (!INFO->huge_files || !huge_file_look(c->t, (int)c->a[0], &look))
		return RESTART;
	if (c->nr == __NR_preadv2 && c->a[5])
		return -EOPNOTSUPP;
	if (has_place(c))
		return read_buffers(c, vector, c->a[3]);
	pos = sys(__NR_lseek, c->a[0], 0, SEEK_CUR);
	r = read_buffers(c, vector, (uint64_t)(pos < 0 ? 0 : pos));
	if (r > 0)
		sys(__NR_lseek, c->a[0], pos + r, SEEK_SET);
	return r;
}

int64_t huge_write(struct call *c)
{
	struct huge_look look;
	int64_t flags;

	if (!INFO->huge_files || !huge_file_look(c->t, (int)c->a[0], &look))
		return RESTART;
	flags = sys(__NR_fcntl, c->a[0], F_GETFL);
	return flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY ? -EBADF : -EINVAL;
}

int64_t huge_copy(struct call *c)
{
	bool sendfile = c->nr == __NR_sendfile;
	int64_t in = (int)c->a[sendfile ? 1 : 0], out = (int)c->a[sendfile ? 0 : 2];
	struct huge_look look;

	if (!INFO->huge_files ||
	    (!huge_file_look(c->t, in, &look) && !huge_file_look(c->t, out, &look)))
		return RESTART;
	return c->nr == __NR_copy_file_range ? -EXDEV : -EINVAL;
}
