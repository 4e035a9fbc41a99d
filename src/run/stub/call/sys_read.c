/* SPDX-License-Identifier: MIT */
/*
 * sys_read.c: read and pread64 into large buffers, and into pages of files.
 *
 * A buffer is touched before the call, because what a pipe or a terminal has given cannot be
 * asked for again.  But a buffer must not cost memory that nothing is written to, nor make a copy
 * of a file's page: of a regular file only as much is touched as the file has; of others at most
 * LIMIT, and the call is made for so much: again and again for /dev/zero and its like, which always
 * have more.
 */
#include "quire/quire.h"
#include "run/stub/base/area.h"
#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/call/huge_io.h"
#include "run/stub/fill/fill.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define SMALL 32768u
#define LIMIT (1u << 20)

/* Bytes from the position to the end of a regular file; -1: not one (or one of unknown size). */
static int64_t rest_of_file(const struct call *c, uint64_t done, struct stat *st)
{
	int64_t at;

	st->st_mode = 0;
	if (sys(__NR_fstat, c->a[0], st))
		return -1;
	if (!S_ISREG(st->st_mode) || st->st_size <= 0)
		return -1;
	if (c->nr == __NR_pread64)
		at = (int64_t)(c->a[3] + done);
	else
		at = sys(__NR_lseek, c->a[0], 0, SEEK_CUR);
	if (at < 0)
		return -1;
	return st->st_size > at ? st->st_size - at : 0;
}

/* What the file has now; as long as it has more (it may be growing), go on. */
static int64_t read_file(struct call *c, int64_t rest)
{
	uint64_t addr = c->a[1], count = c->a[2], pos = c->a[3], done = 0;
	struct stat st;

	for (;;) {
		uint64_t n = (uint64_t)rest < count - done ? (uint64_t)rest : count - done;
		int64_t r;

		c->a[1] = addr + done;
		c->a[2] = n ? n : count - done;
		if (c->nr == __NR_pread64)
			c->a[3] = pos + done;
		r = call_native(c);
		if (r <= 0)
			return done ? (int64_t)done : r;
		done += (uint64_t)r;
		if (done >= count)
			return (int64_t)done;
		rest = rest_of_file(c, done, &st);
		if (rest <= 0)
			return (int64_t)done;
	}
}

/* What can be bounced, where that is needed. */
static uint64_t limit_of_stream(void)
{
	return others_may_flush() ? SCRATCH_BYTES / 2 : LIMIT;
}

/* zero, full, random and urandom: programs count on getting as much as they ask for. */
static bool has_no_end(const struct stat *st)
{
	uint64_t dev = st->st_rdev;

	return S_ISCHR(st->st_mode) && (dev == 0x105 || (dev >= 0x107 && dev <= 0x109));
}

static int64_t read_endless(struct call *c)
{
	uint64_t addr = c->a[1], count = c->a[2], done = 0, limit = limit_of_stream();

	for (;;) {
		uint64_t n = count - done < limit ? count - done : limit;
		int64_t r;

		c->a[1] = addr + done;
		c->a[2] = n;
		r = call_native(c);
		if (r <= 0)
			return done ? (int64_t)done : r;
		done += (uint64_t)r;
		if ((uint64_t)r < n || done == count)
			return (int64_t)done;
	}
}

/* A stream may give less than was asked for; nobody has so much on the way. */
static bool is_stream(uint64_t fd)
{
	int32_t type = 0, len = sizeof(type);

	return sys(__NR_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

int64_t sys_recvfrom(struct call *c)
{
	if (c->a[2] > LIMIT && !(c->a[3] & MSG_WAITALL) && is_stream(c->a[0]))
		c->a[2] = LIMIT;
	return call_native(c);
}

/* Nothing, unless the file grows this instant. */
static int64_t read_at_end(struct call *c)
{
	uint64_t addr = c->a[1];
	int64_t r;

	if (!guest_range(addr, c->a[2]))
		return call_native(c);
	c->a[1] = sys_ptr(thread_scratch(c->t));
	if (c->a[2] > SCRATCH_BYTES)
		c->a[2] = SCRATCH_BYTES;
	r = call_native(c);
	if (r <= 0 || !guest_write(addr, thread_scratch(c->t), (uint64_t)r))
		return r;
	return -EFAULT;
}

/* It starts in a file's page that would be copied; a hint. */
static bool would_copy(const struct call *c)
{
	uint64_t entry = walk_entry(c->t, c->a[1]);

	return entry_is_files(entry) && !entry_permits(entry, QUIRE_WRITE);
}

int64_t sys_read(struct call *c)
{
	struct stat st;
	int64_t rest = huge_read(c, false);

	if (rest != RESTART)
		return rest;
	if (c->a[2] <= SMALL && !would_copy(c))
		return call_native(c);
	rest = rest_of_file(c, 0, &st);
	if (rest > 0)
		return read_file(c, rest);
	if (has_no_end(&st))
		return read_endless(c);
	if (rest == 0)
		return read_at_end(c);
	if (S_ISSOCK(st.st_mode) && c->a[2] > LIMIT && is_stream(c->a[0]))
		c->a[2] = LIMIT;
	else if (!S_ISSOCK(st.st_mode) && !S_ISBLK(st.st_mode) && c->a[2] > limit_of_stream())
		c->a[2] = limit_of_stream();
	return call_native(c);
}
