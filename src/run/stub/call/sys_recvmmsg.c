/* SPDX-License-Identifier: MIT */
/*
 * sys_recvmmsg.c: recvmmsg where other threads may flush (bounce.c says why): the host's own call
 * would lose a message whose buffer went away, so each is received by itself, by way of the
 * stub's memory.
 *
 *   1. A failure after the first message ends the call; as natively the messages that came count.
 *   2. The time is looked at after a message only, as the host does it.
 */
#include "run/stub/base/area.h"
#include "run/stub/base/guest_abi.h"
#include "run/stub/base/probe.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/sys.h"

#include <linux/time.h>

#define MESSAGES_MAX 1024u /* UIO_MAXIOV */
#define NS 1000000000ll

struct moment {
	int64_t sec, nsec;
};

static struct moment now(void)
{
	struct moment t = {0, 0};

	sys(__NR_clock_gettime, CLOCK_MONOTONIC, &t);
	return t;
}

static struct moment left_until(const struct moment *end)
{
	struct moment t = now();

	t.sec = end->sec - t.sec;
	t.nsec = end->nsec - t.nsec;
	if (t.nsec < 0) {
		t.sec--;
		t.nsec += NS;
	}
	return t.sec < 0 ? (struct moment){0, 0} : t;
}

/* When the guest's time is over; one beyond counting is for ever. */
static int64_t take_timeout(uint64_t from, struct moment *end)
{
	struct moment t, at = now();

	if (guest_read(&t, from, sizeof(t)))
		return -EFAULT;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= NS)
		return -EINVAL;
	end->nsec = at.nsec + t.nsec;
	if (__builtin_add_overflow(at.sec, t.sec + end->nsec / NS, &end->sec))
		end->sec = INT64_MAX;
	end->nsec %= NS;
	return 0;
}

/* One message into the element at `to`; its flags in *seen. */
static int64_t receive(const struct call *c, uint64_t to, uint64_t flags, int64_t *seen)
{
	struct call one = {c->t, c->uc, __NR_recvmsg, {c->a[0], to, flags}};
	int64_t r = sys_recvmsg(&one);

	if (r < 0)
		return r;
	*seen = guest_load32(to + offsetof(struct msghdr, flags));
	return guest_store32(to + offsetof(struct mmsghdr, len), (uint32_t)r);
}

static int64_t receive_all(const struct call *c, const struct moment *end, struct moment *left)
{
	uint64_t count = (uint32_t)c->a[2], flags = (uint32_t)c->a[3];
	uint64_t more = flags & MSG_WAITFORONE ? MSG_DONTWAIT : 0, n;

	if (count > MESSAGES_MAX)
		count = MESSAGES_MAX;
	flags &= ~(uint64_t)MSG_WAITFORONE;
	for (n = 0; n < count;) {
		int64_t seen = 0;
		int64_t r = receive(c, c->a[1] + n * sizeof(struct mmsghdr), flags, &seen);

		if (r < 0)
			return n ? (int64_t)n : r;
		n++;
		flags |= more;
		if (end)
			*left = left_until(end);
		if ((end && !left->sec && !left->nsec) || (seen & MSG_OOB))
			break;
	}
	return (int64_t)n;
}

int64_t sys_recvmmsg(struct call *c)
{
	struct moment end, left = {0, 0};
	bool timed = c->a[4];
	int64_t r;

	if (!others_may_flush() || !(uint32_t)c->a[2])
		return call_native(c);
	r = timed ? take_timeout(c->a[4], &end) : 0;
	if (r)
		return r;
	r = receive_all(c, timed ? &end : NULL, &left);
	if (r > 0 && timed && guest_write(c->a[4], &left, sizeof(left)))
		return -EFAULT;
	return r;
}
