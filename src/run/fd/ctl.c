/* SPDX-License-Identifier: MIT */
/*
 * ctl.c: the socket on which guests send descriptors.
 *
 * A guest sends the packet before the request that names its token, so whoever serves the request
 * finds it in the socket: nobody has to watch the socket while there is a listener, and a guest
 * that finds it full kicks for no slot.  Without one, kicks are packets too (token 0) and idle
 * workers wait here.
 *
 * Owns the table of descriptors not yet asked for and the kicks not yet served, under T.
 *
 *   1  The table is bounded: what a hostile guest sends beyond it is closed, oldest first.
 *   2  A slot that becomes free, or begins a program, has nothing left in the table or the socket.
 *   3  Of two descriptors of one slot and token the later one counts: tokens begin anew with each
 *      thread and program.  So the socket is emptied before the table is looked at.
 */
#include "run/fd/ctl.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/fd/closer.h"
#include "run/fd/fds.h"
#include "run/fd/life_pipe.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_TOKENS 1024
#define MAX_KICKS 8192 /* no fewer than slots */

struct token {
	uint32_t slot;
	uint64_t token;
	int fd; /* -1: free */
};

struct ctl_table {
	pthread_mutex_t lock;            /* T */
	struct token tokens[MAX_TOKENS]; /* T */
	unsigned next_victim;            /* T */
	uint32_t kicks[MAX_KICKS];       /* T: a ring */
	bool kicked[MAX_KICKS];          /* T: the slot is in the ring */
	unsigned kick_head, nr_kicks;    /* T */
	bool open_slots[RUN_MAX_SLOTS];  /* A: a thread has the slot */
	int kick_event;                  /* C */
};

int ctl_create(struct run *run, int *guest_end)
{
	struct ctl_table *c = calloc(1, sizeof(*c));
	int sv[2];

	if (!c)
		return -ENOMEM;
	run->ctl_table = c;
	pthread_mutex_init(&c->lock, NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	for (unsigned i = 0; i < MAX_TOKENS; i++)
		c->tokens[i].fd = -1;
	c->kick_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	run->ctl = sv[0];
	*guest_end = sv[1];
	return c->kick_event < 0 ? -errno : 0;
}

static int table_take(struct ctl_table *c, uint32_t slot, uint64_t token, bool any)
{
	for (unsigned i = 0; i < MAX_TOKENS; i++) {
		struct token *t = &c->tokens[i];
		int fd = t->fd;

		if (fd < 0 || t->slot != slot || (!any && t->token != token))
			continue;
		t->fd = -1;
		return fd;
	}
	return -1;
}

static void table_add(struct run *run, uint32_t slot, uint64_t token, int fd)
{
	struct ctl_table *c = run->ctl_table;
	int old = table_take(c, slot, token, false);
	unsigned i;

	if (old >= 0)
		close_later(run, old);
	for (i = 0; i < MAX_TOKENS && c->tokens[i].fd >= 0; i++)
		;
	if (i == MAX_TOKENS) {
		i = c->next_victim++ % MAX_TOKENS;
		close_later(run, c->tokens[i].fd);
	}
	c->tokens[i] = (struct token){slot, token, fd};
}

static void set_listener(struct run *run, int fd)
{
	struct ctl_table *c = run->ctl_table;
	uint64_t wake_all = 1u << 20;

	if (atomic_load(&run->listener) >= 0) {
		close_later(run, fd);
		return;
	}
	atomic_store(&run->listener, fd);
	atomic_store(&run->info->use_notify, 1);
	/* Whoever waits for kicks here shall wait on the listener instead. */
	if (write(c->kick_event, &wake_all, sizeof(wake_all)) < 0)
		return;
}

static void queue_kick(struct ctl_table *c, uint32_t slot)
{
	uint64_t one = 1;

	/* Once is enough, so that none is lost: a guest may wait for it without end. */
	if (slot >= MAX_KICKS || c->kicked[slot])
		return;
	c->kicked[slot] = true;
	c->kicks[(c->kick_head + c->nr_kicks++) % MAX_KICKS] = slot;
	if (write(c->kick_event, &one, sizeof(one)) < 0)
		return;
}

static void packet(struct run *run, const struct ctl_packet *p, int fd)
{
	struct ctl_table *c = run->ctl_table;
	if (fd < 0) {
		if (!p->token && p->slot < run->nr_slots)
			queue_kick(run->ctl_table, p->slot);
	} else if (p->token == RUN_TOKEN_LISTENER) {
		set_listener(run, fd);
	} else if (p->slot < run->nr_slots && atomic_load(&c->open_slots[p->slot])) {
		table_add(run, p->slot, p->token, fd);
	} else {
		close_later(run, fd); /* nobody will ask for it */
	}
}

/* The descriptors of a message: the first is kept, surplus ones are closed. */
static int message_fd(struct run *run, struct msghdr *msg)
{
	int found = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (found < 0)
				found = fd;
			else
				close_later(run, fd);
		}
	}
	return found;
}

/* Looked at before descriptors are lent, which costs more.  An empty packet reads as the end. */
static bool packet_waits(struct run *run)
{
	struct pollfd p = {.fd = run->ctl};
	char c;
	ssize_t n = recv(run->ctl, &c, sizeof(c), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN && errno != ECONNRESET && errno != ENOTCONN;
	return n > 0 || (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP));
}

/* One packet out of the socket; T held.  False: there is none. */
static bool receive_locked(struct run *run)
{
	struct ctl_packet p;
	struct iovec iov = {&p, sizeof(p)};
	union {
		char buf[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	bool more, room;
	ssize_t n;
	int fd;

	if (!packet_waits(run))
		return false;
	fds_lend(run);
	do
		n = recvmsg(run->ctl, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	/* ETOOMANYREFS, EMFILE and the like lose a descriptor, not the socket. */
	more = n >= 0 || (errno != EAGAIN && errno != ECONNRESET && errno != ENOTCONN);
	fd = n < 0 ? -1 : message_fd(run, &msg);
	/* Of what was promised only life pipes come here. */
	room = fds_take_back(run, 0);
	if (n == (ssize_t)sizeof(p) && (fd < 0 || room || life_is_pipe(fd)))
		packet(run, &p, fd);
	else if (fd >= 0)
		close_later(run, fd);
	return more;
}

static void drain_locked(struct run *run)
{
	for (unsigned i = 0; i < 2 * MAX_TOKENS && receive_locked(run); i++)
		;
}

static int take(struct run *run, uint32_t slot, uint64_t token, bool any)
{
	struct ctl_table *c = run->ctl_table;
	int fd;

	pthread_mutex_lock(&c->lock);
	drain_locked(run);
	fd = table_take(c, slot, token, any);
	pthread_mutex_unlock(&c->lock);
	return fd < 0 ? -EBADF : fd;
}

int ctl_take(struct run *run, uint32_t slot, uint64_t token)
{
	return take(run, slot, token, false);
}

int ctl_take_any(struct run *run, uint32_t slot)
{
	return take(run, slot, 0, true);
}

void ctl_forget(struct run *run, uint32_t slot)
{
	struct ctl_table *c = run->ctl_table;
	int fd;

	pthread_mutex_lock(&c->lock);
	drain_locked(run);
	while ((fd = table_take(c, slot, 0, true)) >= 0)
		close_later(run, fd);
	pthread_mutex_unlock(&c->lock);
}

void ctl_open(struct run *run, uint32_t slot)
{
	struct ctl_table *c = run->ctl_table;
	atomic_store(&c->open_slots[slot], true);
}

void ctl_close(struct run *run, uint32_t slot)
{
	struct ctl_table *c = run->ctl_table;
	atomic_store(&c->open_slots[slot], false);
	ctl_forget(run, slot);
}

void ctl_drain(struct run *run)
{
	struct ctl_table *c = run->ctl_table;
	pthread_mutex_lock(&c->lock);
	drain_locked(run);
	pthread_mutex_unlock(&c->lock);
}

static int pop_kick(struct ctl_table *c)
{
	uint64_t one;
	int slot = -1;

	pthread_mutex_lock(&c->lock);
	if (c->nr_kicks) {
		slot = (int)c->kicks[c->kick_head++ % MAX_KICKS];
		c->nr_kicks--;
		c->kicked[slot] = false;
	}
	/* The event is a hint: too many or too few of them do no harm. */
	if (read(c->kick_event, &one, sizeof(one)) < 0)
		one = 0;
	pthread_mutex_unlock(&c->lock);
	return slot;
}

int ctl_wait_kick(struct run *run)
{
	struct ctl_table *c = run->ctl_table;
	struct pollfd p[2] = {{.fd = run->ctl, .events = POLLIN},
			      {.fd = c->kick_event, .events = POLLIN}};
	int slot = pop_kick(c);

	if (slot >= 0 || poll(p, 2, -1) < 0)
		return slot;
	if (p[0].revents)
		ctl_drain(run);
	return pop_kick(c);
}
