/* SPDX-License-Identifier: MIT */
/*
 * touch_args.c: touches the memory that a call's table entry names.
 *
 * What cannot be touched is left: the host's kernel then finds nothing mapped there and does
 * what it does natively, be that EFAULT, a short count, or an earlier error.
 */
#include "run/stub/mem/touch_args.h"

#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/touch.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"

#define IOV_LIMIT 1024u
#define SIZED_LIMIT 65536u
#define LOWEST_POINTER 65536u
#define GUESS_BYTES 65536u

/* A buffer that is only read is touched by reading, all others by writing. */
static bool touch(struct thread *t, uint64_t addr, uint64_t n, int dir)
{
	return touch_range(t, addr, n, dir == DIR_IN ? TOUCH_READ : TOUCH_WRITE);
}

bool touch_iovec(struct thread *t, uint64_t addr, uint64_t count, int dir)
{
	bool ok = true;

	for (uint64_t i = 0; i < count && i < IOV_LIMIT; i++) {
		struct iovec v;

		if (guest_read(&v, addr + i * sizeof(v), sizeof(v)))
			return false;
		if (v.base >= GUEST_TASK_SIZE && v.bytes)
			t->names_stub = true;
		ok &= touch(t, v.base, v.bytes, dir);
	}
	return ok;
}

static bool touch_msghdr(struct thread *t, uint64_t addr, int dir)
{
	struct msghdr m;
	bool ok = true;

	if (guest_read(&m, addr, sizeof(m)))
		return false;
	if (dir == DIR_OUT)
		ok = touch(t, addr, sizeof(m), DIR_OUT);
	if (m.name)
		ok &= touch(t, m.name, m.namelen, dir);
	if (m.control)
		ok &= touch(t, m.control, m.controllen, dir);
	if (m.name >= GUEST_TASK_SIZE || m.control >= GUEST_TASK_SIZE)
		t->names_stub = true;
	return ok & touch_iovec(t, m.iov, m.iovlen, dir);
}

static bool touch_mmsghdr(struct thread *t, uint64_t addr, uint64_t count, int dir)
{
	bool ok = true;

	if (count > IOV_LIMIT)
		count = IOV_LIMIT;
	/* Lengths are written back in both directions. */
	ok = touch(t, addr, count * sizeof(struct mmsghdr), DIR_OUT);
	for (uint64_t i = 0; i < count && ok; i++)
		ok = touch_msghdr(t, addr + i * sizeof(struct mmsghdr), dir);
	return ok;
}

static bool touch_sized(struct thread *t, uint64_t addr, uint64_t word, int dir)
{
	int64_t n = word ? guest_load32(word) : 0;

	if (n < 0)
		return false;
	return touch(t, addr, (uint64_t)n < SIZED_LIMIT ? (uint64_t)n : SIZED_LIMIT, dir);
}

static bool touch_counted(struct call *c, const struct arg_spec *s, uint64_t addr)
{
	uint64_t n;

	if (__builtin_mul_overflow(c->a[s->by], (uint64_t)s->size, &n))
		return false;
	return touch(c->t, addr, n, s->dir);
}

static bool touch_arg(struct call *c, const struct arg_spec *s, uint64_t addr, bool strings)
{
	switch (s->kind) {
	case ARG_STRING:
		return !strings || touch_string(c->t, addr);
	case ARG_FIXED:
		return touch(c->t, addr, s->size, s->dir);
	case ARG_COUNTED:
		return touch_counted(c, s, addr);
	case ARG_PLUS:
		return touch(c->t, addr, c->a[s->by] + s->size, s->dir);
	case ARG_SIZED:
		return touch_sized(c->t, addr, c->a[s->by], s->dir);
	case ARG_BITS:
		return touch(c->t, addr, (c->a[s->by] & 0x7fffffff) / 64 * 8 + 8, s->dir);
	case ARG_IOVEC:
		return touch_iovec(c->t, addr, c->a[s->by], s->dir);
	case ARG_MSGHDR:
		return touch_msghdr(c->t, addr, s->dir);
	case ARG_MMSGHDR:
		return touch_mmsghdr(c->t, addr, c->a[s->by], s->dir);
	}
	return true;
}

/* As far as it goes: for structs whose size or direction is not known. */
void touch_any(struct thread *t, uint64_t addr, uint64_t n)
{
	uint64_t end = addr + n;

	for (uint64_t at = addr; at < end; at = PAGE_DOWN(at) + PAGE) {
		if (!touch_range(t, at, 1, TOUCH_WRITE) && !touch_range(t, at, 1, TOUCH_READ))
			return;
	}
}

void touch_guesses(struct call *c, const struct call_desc *d)
{
	for (int i = 0; i < 6; i++) {
		if (d->arg[i].kind == ARG_VALUE && c->a[i] >= LOWEST_POINTER &&
		    c->a[i] < GUEST_TASK_SIZE)
			touch_any(c->t, c->a[i], GUESS_BYTES);
	}
}

bool touch_args(struct call *c, const struct call_desc *d, bool strings)
{
	bool ok = true;

	for (int i = 0; i < 6; i++) {
		const struct arg_spec *s = &d->arg[i];

		/* Pointers into the stub are replacements that a special function has made. */
		if (s->kind <= ARG_FD || !c->a[i] || c->a[i] >= STUB_BASE)
			continue;
		ok &= touch_arg(c, s, c->a[i], strings);
	}
	return ok;
}
