/* SPDX-License-Identifier: MIT */
/*
 * sys_write.c: writes to files that come short for want of a page.
 *
 * The host stops where it finds no page of the source mapped.  There may be one all the same:
 * another thread's flush has taken it under the kernel's hands, or it is a page of the very file
 * that the write has made longer.  Of a file no write may be short for that, nor fail: a host that
 * writes beyond the old end may make the file longer before it looks for the source.
 *
 * What is short though the page is there is so on purpose: a file of /proc, /sys or a cgroup takes
 * what it takes.
 */
#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/call/huge_io.h"
#include "run/stub/guard/compact_file.h"
#include "run/stub/guard/machine_file.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/stat.h>

#define IOV_MOST 1024u
#define WRITE_MOST 0x7ffff000ul /* bytes, in one call */
#define CURRENT UINT64_MAX      /* as pwritev2 has it */

/* Where the byte `done` of what is to be written is, and how many from there on; false: nowhere. */
static bool source_at(const struct call *c, bool vector, uint64_t done, struct iovec *out)
{
	if (done >= WRITE_MOST)
		return false;
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

/* Asked with a call that reads a word, then finds the rest of its arguments wrong. */
static bool host_has(uint64_t addr)
{
	return sys(__NR_rt_sigprocmask, -1, addr & ~7ull, NULL, 8) != -EFAULT;
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

static int64_t write_more(const struct call *c, struct iovec *from, uint64_t done, uint64_t pos,
			  uint64_t flags)
{
	struct call more = {.t = c->t, .uc = c->uc, .nr = __NR_pwritev2};
	char byte;

	if (at_size_limit(c, pos) || guest_read(&byte, from->base, 1))
		return 0;
	if (from->bytes > WRITE_MOST - done)
		from->bytes = WRITE_MOST - done;
	touch_range(c->t, from->base, from->bytes, TOUCH_READ);
	more.a[0] = c->a[0];
	more.a[1] = sys_ptr(from);
	more.a[2] = 1;
	more.a[3] = pos;
	more.a[5] = flags;
	return call_native(&more);
}

/* Nothing of the source was there; is it now? */
static bool came_since(const struct call *c, bool vector)
{
	struct iovec from;
	char byte;

	return source_at(c, vector, 0, &from) && is_file(c) && !guest_read(&byte, from.base, 1);
}

static int64_t write_all(struct call *c, bool vector, uint64_t pos, uint64_t flags)
{
	uint32_t drops = atomic_load(&shared.drops);
	int64_t r = call_native(c);
	struct iovec from;
	uint64_t done;

	if (r == -EFAULT && came_since(c, vector))
		r = call_native(c);
	done = (uint64_t)r;
	if (r <= 0 || !source_at(c, vector, done, &from) || !is_file(c))
		return r;
	if (atomic_load(&shared.drops) == drops && host_has(from.base))
		return r;
	do {
		r = write_more(c, &from, done, pos == CURRENT ? CURRENT : pos + done, flags);
		if (r > 0)
			done += (uint64_t)r;
	} while (r > 0 && source_at(c, vector, done, &from));
	return (int64_t)done;
}

/* ---- files that are Quire's ---------------------------------------------------------- */

static uint64_t bytes_of(const struct call *c, bool vector)
{
	uint64_t all = 0;
	struct iovec v;

	if (!vector)
		return c->a[2];
	for (uint64_t i = 0; i < c->a[2] && i < IOV_MOST; i++)
		all += guest_read(&v, c->a[1] + i * sizeof(v), sizeof(v)) ? 0 : v.bytes;
	return all < WRITE_MOST ? all : WRITE_MOST;
}

/* The first n bytes of what is to be written. */
static bool read_source(const struct call *c, bool vector, char *text, uint64_t n)
{
	struct iovec from;

	for (uint64_t done = 0; done < n; done += from.bytes) {
		if (!source_at(c, vector, done, &from))
			return false;
		if (from.bytes > n - done)
			from.bytes = n - done;
		if (guest_read(text + done, from.base, from.bytes))
			return false;
	}
	return true;
}

/* A write to a file that has memory compacted: the call's result.  RESTART: it is none. */
static int64_t write_compact(const struct call *c, bool vector)
{
	int64_t which = INFO->compact_open ? compact_file_of((int64_t)c->a[0]) : COMPACT_NONE;
	uint64_t all, n;
	char text[COMPACT_TEXT];

	if (which == COMPACT_NONE)
		return RESTART;
	all = bytes_of(c, vector);
	n = all < sizeof(text) ? all : sizeof(text);
	return read_source(c, vector, text, n) ? compact_write(c->t, which, text, n, all) : -EFAULT;
}

/* .. or to one that tells of the machine. */
static int64_t write_machine(const struct call *c, bool vector, uint64_t pos)
{
	uint64_t ino = INFO->machine_written ? machine_file_of((int64_t)c->a[0]) : 0, all, n;
	char text[RUN_MACHINE_TEXT];

	if (!ino)
		return RESTART;
	all = bytes_of(c, vector);
	n = all < RUN_MACHINE_TEXT ? all : RUN_MACHINE_TEXT;
	return read_source(c, vector, text, n) ? machine_write(c, ino, text, all, pos) : -EFAULT;
}

static int64_t write_to(struct call *c, bool vector, uint64_t pos, uint64_t flags)
{
	int64_t r = write_compact(c, vector);

	if (r == RESTART)
		r = write_machine(c, vector, pos);
	if (r == RESTART)
		r = huge_write(c);
	return r != RESTART ? r : write_all(c, vector, pos, flags);
}

int64_t sys_write(struct call *c)
{
	return write_to(c, false, CURRENT, 0);
}

int64_t sys_pwrite64(struct call *c)
{
	return write_to(c, false, c->a[3], 0);
}

int64_t sys_writev(struct call *c)
{
	return write_to(c, true, CURRENT, 0);
}

int64_t sys_pwritev(struct call *c)
{
	return write_to(c, true, c->a[3], 0);
}

int64_t sys_pwritev2(struct call *c)
{
	return write_to(c, true, c->a[3], c->a[5]);
}

/* What a file takes that tells of the machine, it takes from memory. */
int64_t sys_copy_to(struct call *c)
{
	int to = c->nr == __NR_sendfile ? 0 : 2;
	int64_t r = huge_copy(c);

	if (r != RESTART)
		return r;
	if (!machine_file_is(c->t, (int)c->a[to]))
		return call_native(c);
	rpc_unsupported(c->t, c->nr, NOTE_MACHINE);
	return -EINVAL;
}
