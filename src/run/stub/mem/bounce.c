/* SPDX-License-Identifier: MIT */
/*
 * bounce.c: results of system calls, taken in the stub's own memory first.
 *
 * Where several threads share the memory, another thread's flush may take a touched page away
 * just before the kernel stores a result there.  Most calls can simply be made again; one that
 * has consumed something (a child's status, a datagram, a signal) cannot.  So the kernel stores
 * into the thread's scratch, and probes, which take their faults, carry it to the guest.
 *
 *   1. What the kernel did not write is not written to the guest: counted results as far as the
 *      return value says, fixed ones only if they differ from what was there.
 *   2. A buffer that cannot be touched is left to the kernel, which then says what it always says.
 */
#include "run/stub/mem/bounce.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/wire/addresses.h"
#include "run/wire/sys.h"

#define SCRATCH_USABLE (SCRATCH_BYTES / 2) /* of each of the two: result, and what was there */

static bool wanted(const struct call *c, const struct arg_spec *s, int i)
{
	if (!c->a[i] || c->a[i] >= STUB_BASE)
		return false;
	if (s->kind == ARG_FIXED)
		return s->dir != DIR_IN;
	/* Arrays that are read and written belong to calls that can be repeated. */
	return (s->kind == ARG_COUNTED || s->kind == ARG_PLUS || s->kind == ARG_SIZED) &&
	       s->dir == DIR_OUT;
}

static uint64_t bytes_of(const struct call *c, const struct arg_spec *s)
{
	uint64_t n = s->size;

	if (s->kind == ARG_COUNTED)
		return c->a[s->by] > SCRATCH_BYTES ? SCRATCH_BYTES : c->a[s->by] * n;
	if (s->kind == ARG_PLUS)
		return c->a[s->by] > SCRATCH_BYTES ? SCRATCH_BYTES : c->a[s->by] + n;
	if (s->kind == ARG_SIZED) {
		int64_t k = c->a[s->by] ? guest_load32(c->a[s->by]) : 0;

		return k < 0 ? SCRATCH_BYTES : (uint64_t)k;
	}
	return n;
}

void bounce_in(struct call *c, const struct call_desc *d, struct bounce *b)
{
	uint64_t sizes[6] = {0}, used = 0;

	b->n = 0;
	/* Sizes first: they may stand in memory that is bounced itself. */
	for (int i = 0; i < 6; i++) {
		if (wanted(c, &d->arg[i], i))
			sizes[i] = bytes_of(c, &d->arg[i]);
	}
	for (int i = 0; i < 6; i++) {
		struct bounced *x = &b->list[b->n];

		if (!sizes[i] || used + sizes[i] > SCRATCH_USABLE)
			continue;
		x->arg = i;
		x->guest = c->a[i];
		x->bytes = sizes[i];
		x->mem = thread_scratch(c->t) + used;
		x->before = x->mem + SCRATCH_USABLE;
		if (d->arg[i].kind == ARG_FIXED || d->arg[i].kind == ARG_SIZED) {
			if (guest_read(x->mem, x->guest, x->bytes))
				continue;
			memcpy(x->before, x->mem, x->bytes);
		}
		used += (sizes[i] + 63) & ~63ull;
		c->a[i] = sys_ptr(x->mem);
		b->n++;
	}
}

static int64_t carry(const struct bounced *x, const struct arg_spec *s, int64_t r)
{
	uint64_t n = x->bytes;

	if (s->kind == ARG_FIXED || s->kind == ARG_SIZED)
		return memcmp(x->mem, x->before, n) ? guest_write(x->guest, x->mem, n) : 0;
	if (r < 0 || (r == 0 && s->kind == ARG_COUNTED))
		return 0;
	if (s->kind == ARG_PLUS)
		n = (uint64_t)r + s->size < n ? (uint64_t)r + s->size : n;
	else
		n = (uint64_t)r < n / s->size ? (uint64_t)r * s->size : n;
	return guest_write(x->guest, x->mem, n);
}

int64_t bounce_out(struct call *c, const struct call_desc *d, struct bounce *b, int64_t r)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct bounced *x = &b->list[i];

		c->a[x->arg] = x->guest;
		if (r != RESTART && carry(x, &d->arg[x->arg], r) && r >= 0)
			r = -EFAULT;
	}
	return r;
}
