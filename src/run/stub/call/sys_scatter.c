/* SPDX-License-Identifier: MIT */
/*
 * sys_scatter.c: readv and recvmsg into memory that other threads may flush (bounce.c says why):
 * one buffer of the stub's, scattered by probes.  Larger ones than the scratch go to the kernel as
 * they are: streams and files lose nothing by a fault.
 */
#include "run/stub/base/area.h"
#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/call/huge_io.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch_args.h"
#include "run/wire/sys.h"

#define IOV_MAX_HERE 64u
#define NAME_MAX_HERE 256u
#define CONTROL_MAX_HERE 8192u
#define DATA_MAX_HERE (SCRATCH_BYTES - CONTROL_MAX_HERE - 4096)

/* Total bytes, or -1: not for us. */
static int64_t take_iovec(uint64_t addr, uint64_t n, struct iovec v[IOV_MAX_HERE])
{
	uint64_t sum = 0;

	if (n > IOV_MAX_HERE || guest_read(v, addr, n * sizeof(*v)))
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		if (v[i].bytes > DATA_MAX_HERE || !guest_range(v[i].base, v[i].bytes))
			return -1;
		sum += v[i].bytes;
	}
	return sum <= DATA_MAX_HERE ? (int64_t)sum : -1;
}

static int64_t scatter(const struct iovec *v, uint64_t n, const char *from, uint64_t bytes)
{
	for (uint64_t i = 0; i < n && bytes; i++) {
		uint64_t k = v[i].bytes < bytes ? v[i].bytes : bytes;

		if (guest_write(v[i].base, from, k))
			return -EFAULT;
		from += k;
		bytes -= k;
	}
	return 0;
}

int64_t sys_readv(struct call *c)
{
	struct iovec v[IOV_MAX_HERE], one;
	uint64_t addr = c->a[1], n = c->a[2];
	int64_t total, r = huge_read(c, true);

	if (r != RESTART)
		return r;
	if (!others_may_flush())
		return call_native(c);
	total = take_iovec(addr, n, v);
	if (total <= 0 || !touch_iovec(c->t, addr, n, DIR_OUT))
		return call_native(c);
	one = (struct iovec){sys_ptr(thread_scratch(c->t)), (uint64_t)total};
	c->a[1] = sys_ptr(&one);
	c->a[2] = 1;
	r = call_native(c);
	if (r > 0 && scatter(v, n, thread_scratch(c->t), (uint64_t)r))
		return -EFAULT;
	return r;
}

/* What the kernel wrote into our header and around it. */
static int64_t give_back(uint64_t addr, const struct msghdr *guest, const struct msghdr *ours)
{
	uint64_t name = guest->namelen < ours->namelen ? guest->namelen : ours->namelen;
	int64_t err = 0;

	if (guest->name && name)
		err |= guest_write(guest->name, (void *)ours->name, name);
	if (guest->name)
		err |= guest_write(addr + offsetof(struct msghdr, namelen), &ours->namelen, 4);
	if (guest->control && ours->controllen)
		err |= guest_write(guest->control, (void *)ours->control, ours->controllen);
	err |= guest_write(addr + offsetof(struct msghdr, controllen), &ours->controllen, 8);
	err |= guest_write(addr + offsetof(struct msghdr, flags), &ours->flags, 4);
	return err ? -EFAULT : 0;
}

int64_t sys_recvmsg(struct call *c)
{
	char *scratch = thread_scratch(c->t);
	struct iovec v[IOV_MAX_HERE], one;
	struct msghdr guest, ours;
	uint64_t addr = c->a[1];
	int64_t total, r;

	if (!others_may_flush() || guest_read(&guest, addr, sizeof(guest)))
		return call_native(c);
	total = take_iovec(guest.iov, guest.iovlen, v);
	if (total < 0 || guest.namelen > NAME_MAX_HERE || guest.controllen > CONTROL_MAX_HERE ||
	    !touch_args(c, &call_table[c->nr], true))
		return call_native(c);
	one = (struct iovec){sys_ptr(scratch), (uint64_t)total};
	ours = guest;
	ours.iov = sys_ptr(&one);
	ours.iovlen = guest.iovlen ? 1 : 0;
	if (guest.name)
		ours.name = sys_ptr(scratch + DATA_MAX_HERE);
	if (guest.control)
		ours.control = sys_ptr(scratch + DATA_MAX_HERE + NAME_MAX_HERE);
	c->a[1] = sys_ptr(&ours);
	r = call_native(c);
	if (r < 0)
		return r;
	if (scatter(v, guest.iovlen, scratch,
		    (uint64_t)r < (uint64_t)total ? (uint64_t)r : (uint64_t)total) ||
	    give_back(addr, &guest, &ours))
		return -EFAULT;
	return r;
}
