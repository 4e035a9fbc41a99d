/* SPDX-License-Identifier: MIT */
/*
 * sys_write.c: writes to files that come short for want of a page.
 *
 * The host stops where it finds no page of the source mapped.  There may be one all the same:
 * another thread's flush has taken it under the kernel's hands, or it is a page of the very file
 * that the write has made longer.  Of a file no write may be short for that.
 */
#include "guest_abi.h"
#include "probe.h"
#include "table.h"

#include <asm/stat.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/stat.h>

#define IOV_MOST 1024u
#define CURRENT UINT64_MAX /* as pwritev2 has it */

/* Where the byte `done` of what is to be written is, and how many from there on; false: nowhere. */
static bool source_at(const struct call *c, bool vector, uint64_t done, struct iovec *out)
{
	if (!vector) {
		*out = (struct iovec){c->a[1] + done, c->a[2] - done};
		return c->a[2] > done;
	}
	for (uint64_t i = 0; i < c->a[2] && i < IOV_MOST; i++) {
		if (guest_read(out, c->a[1] + i * sizeof(*out), sizeof(*out)))
			return false;
		if (done < out->bytes) {
			*out = (struct iovec){out->base + done, out->bytes - done};
			return true;
		}
		done -= out->bytes;
	}
	return false;
}

/* Here the next byte would have the host send SIGXFSZ. */
static bool at_size_limit(const struct call *c, uint64_t pos)
{
	struct rlimit64 r = {RLIM64_INFINITY, RLIM64_INFINITY};
	int64_t at = pos == CURRENT ? sys(__NR_lseek, c->a[0], 0, SEEK_CUR) : (int64_t)pos;

	sys(__NR_prlimit64, 0, RLIMIT_FSIZE, NULL, &r);
	return at < 0 || (uint64_t)at >= r.rlim_cur;
}

static bool is_file(const struct call *c)
{
	struct stat st;

	return !sys(__NR_fstat, c->a[0], &st) && S_ISREG(st.st_mode);
}

static int64_t write_more(const struct call *c, struct iovec *from, uint64_t pos, uint64_t flags)
{
	struct call more = {.t = c->t, .uc = c->uc, .nr = __NR_pwritev2};
	char byte;

	if (at_size_limit(c, pos) || guest_read(&byte, from->base, 1))
		return 0;
	touch_range(c->t, from->base, from->bytes, TOUCH_READ);
	more.a[0] = c->a[0];
	more.a[1] = sys_ptr(from);
	more.a[2] = 1;
	more.a[3] = pos;
	more.a[5] = flags;
	return call_native(&more);
}

static int64_t write_all(struct call *c, bool vector, uint64_t pos, uint64_t flags)
{
	int64_t r = call_native(c);
	uint64_t done = (uint64_t)r;
	struct iovec from;

	if (r <= 0 || !source_at(c, vector, done, &from) || !is_file(c))
		return r;
	do {
		r = write_more(c, &from, pos == CURRENT ? CURRENT : pos + done, flags);
		if (r > 0)
			done += (uint64_t)r;
	} while (r > 0 && source_at(c, vector, done, &from));
	return (int64_t)done;
}

int64_t sys_write(struct call *c)
{
	return write_all(c, false, CURRENT, 0);
}

int64_t sys_pwrite64(struct call *c)
{
	return write_all(c, false, c->a[3], 0);
}

int64_t sys_writev(struct call *c)
{
	return write_all(c, true, CURRENT, 0);
}

int64_t sys_pwritev(struct call *c)
{
	return write_all(c, true, c->a[3], 0);
}

int64_t sys_pwritev2(struct call *c)
{
	return write_all(c, true, c->a[3], c->a[5]);
}
