/* SPDX-License-Identifier: MIT */
/*
 * sys_send.c: sending, and the options of sockets that say how.  Descriptors of ours are sent to
 * nobody, and no socket keeps pages of the guest's when the call is over.
 *
 *   1. What is checked is what is sent: the header and the control data go by way of the thread's
 *      scratch, for another thread could change the guest's own after the check.
 */
#include "run/stub/base/guest_abi.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/stub/mem/touch_args.h"
#include "run/wire/addresses.h"
#include "run/wire/sys.h"

#include <linux/if_xdp.h>

#define SEND_CONTROL_MAX SCRATCH_BYTES /* the host takes hardly more */
#define MESSAGES_MAX 1024u
#define TRIES 4
_Static_assert(MESSAGES_MAX * sizeof(struct mmsghdr) <= SCRATCH_BYTES, "all at once");

struct control {
	uint64_t bytes;
	int32_t level, type;
};

/* The option belongs to the socket, which may have come with it.  Without it the host ignores the
 * flag. */
static bool keeps_pages(struct call *c, uint64_t flags)
{
	int32_t on = 0, len = sizeof(on);

	return (flags & MSG_ZEROCOPY) &&
	       !sys(__NR_getsockopt, c->a[0], SOL_SOCKET, SO_ZEROCOPY, &on, &len) && on;
}

int64_t sys_sendto(struct call *c)
{
	if (keeps_pages(c, c->a[3]))
		return call_refuse(c, EOPNOTSUPP, MSG_ZEROCOPY);
	return call_native(c);
}

static bool sends_ours(const char *data, uint64_t bytes)
{
	for (uint64_t i = 0; i + sizeof(int32_t) <= bytes; i += sizeof(int32_t)) {
		int32_t fd;

		memcpy(&fd, data + i, sizeof(fd));
		if (fd_is_ours((uint32_t)fd))
			return true;
	}
	return false;
}

/* As far as the host reads it. */
static bool check_control(const char *control, uint64_t bytes)
{
	struct control head;

	for (uint64_t at = 0; bytes - at >= sizeof(head); at += (head.bytes + 7) & ~7ull) {
		memcpy(&head, control + at, sizeof(head));
		if (head.bytes < sizeof(head) || head.bytes > bytes - at)
			break;
		if (head.level == SOL_SOCKET && head.type == SCM_RIGHTS &&
		    sends_ours(control + at + sizeof(head), head.bytes - sizeof(head)))
			return false;
		if (((head.bytes + 7) & ~7ull) > bytes - at)
			break;
	}
	return true;
}

/* The guest's memory that its own message names is there; false: some of it is not the guest's. */
static bool touch_message(struct call *c, uint64_t addr)
{
	c->a[1] = addr;
	c->t->names_stub = false;
	touch_args(c, &call_table[c->nr], true);
	return !c->t->names_stub;
}

/* What was copied goes in the place of the guest's own. */
static int64_t send_copy(struct call *c, const void *copy)
{
	uint64_t addr = c->a[1];
	int64_t r = -EFAULT;

	for (int i = 0; i < TRIES && r == -EFAULT; i++) {
		if (!touch_message(c, addr))
			return -EFAULT;
		c->a[1] = sys_ptr(copy);
		r = call_native(c);
	}
	return r;
}

int64_t sys_sendmsg(struct call *c)
{
	char *control = thread_scratch(c->t);
	struct msghdr m;

	if (keeps_pages(c, c->a[2]))
		return call_refuse(c, EOPNOTSUPP, MSG_ZEROCOPY);
	/* What cannot be read now is not there for the host either; it may say something else
	 * first. */
	if (guest_read(&m, c->a[1], sizeof(m))) {
		c->a[1] = NOWHERE;
		return call_native(c);
	}
	if (m.controllen > SEND_CONTROL_MAX)
		return -ENOBUFS;
	if (m.controllen) {
		if (guest_read(control, m.control, m.controllen))
			return -EFAULT;
		if (!check_control(control, m.controllen))
			return -EBADF;
		m.control = sys_ptr(control);
	}
	if (m.name >= GUEST_TASK_SIZE)
		m.name = NOWHERE;
	return send_copy(c, &m);
}

static bool plain_messages(struct mmsghdr *m, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		if (m[i].msg.controllen)
			return false;
		if (m[i].msg.name >= GUEST_TASK_SIZE)
			m[i].msg.name = NOWHERE;
	}
	return true;
}

static int64_t send_each(struct call *c, uint64_t addr, uint64_t n)
{
	uint64_t sent;

	for (sent = 0; sent < n; sent++) {
		uint64_t at = addr + sent * sizeof(struct mmsghdr);
		struct call one = {c->t, c->uc, __NR_sendmsg, {c->a[0], at, c->a[3]}};
		int64_t r = sys_sendmsg(&one);

		if (r >= 0)
			r = guest_store32(at + offsetof(struct mmsghdr, len), (uint32_t)r);
		if (r < 0)
			return sent ? (int64_t)sent : r;
	}
	return (int64_t)sent;
}

int64_t sys_sendmmsg(struct call *c)
{
	struct mmsghdr *copy = (struct mmsghdr *)thread_scratch(c->t);
	uint64_t addr = c->a[1], n = (uint32_t)c->a[2];
	int64_t r;

	if (keeps_pages(c, c->a[3]))
		return call_refuse(c, EOPNOTSUPP, MSG_ZEROCOPY);
	if (n > MESSAGES_MAX)
		n = MESSAGES_MAX;
	if (guest_read(copy, addr, n * sizeof(*copy)) || !plain_messages(copy, n))
		return send_each(c, addr, n);
	r = send_copy(c, copy);
	for (int64_t i = 0; i < r; i++) {
		if (guest_store32(addr + (uint64_t)i * sizeof(*copy) +
				      offsetof(struct mmsghdr, len),
				  copy[i].len))
			return -EFAULT;
	}
	return r;
}

/* ---- options ------------------------------------------------------------------------ */

#define SOL_XDP_ 283

int64_t sys_setsockopt(struct call *c)
{
	struct {
		uint16_t n;
		uint64_t filter;
	} prog;

	uint32_t name = (uint32_t)c->a[2];

	if ((uint32_t)c->a[1] == SOL_SOCKET) {
		/* Pages that the device still reads would have to stay put. */
		if (name == SO_ZEROCOPY)
			return call_refuse(c, EOPNOTSUPP, SO_ZEROCOPY);
		if ((name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF) &&
		    !guest_read(&prog, c->a[3], sizeof(prog)))
			touch_range(c->t, prog.filter, prog.n * 8ull, TOUCH_READ);
	}
	if ((uint32_t)c->a[1] == SOL_XDP_ && name == XDP_UMEM_REG)
		return call_refuse(c, EOPNOTSUPP, SOL_XDP_);
	return call_native(c);
}
