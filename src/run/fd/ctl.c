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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* T */
static struct token tokens[MAX_TOKENS];                  /* T */
static unsigned next_victim;                             /* T */
static uint32_t kicks[MAX_KICKS];                        /* T: a ring */
static bool kicked[MAX_KICKS];                           /* T: the slot is in the ring */
static unsigned kick_head, nr_kicks;                     /* T */
static bool open_slots[RUN_MAX_SLOTS];                   /* A: a thread has the slot */
static int kick_event = -1;

int ctl_create(struct run *run, int *guest_end)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	for (unsigned i = 0; i < MAX_TOKENS; i++)
		tokens[i].fd = -1;
	kick_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	run->ctl = sv[0];
	*guest_end = sv[1];
	return kick_event < 0 ? -errno : 0;
}

static int table_take(uint32_t slot, uint64_t token, bool any)
{
	for (unsigned i = 0; i < MAX_TOKENS; i++) {
		struct token *t = &tokens[i];
		int fd = t->fd;

		if (fd < 0 || t->slot != slot || (!any && t->token != token))
			continue;
		t->fd = -1;
		return fd;
	}
	return -1;
}

static void table_add(uint32_t slot, uint64_t token, int fd)
{
	int old = table_take(slot, token, false);
	unsigned i;

	if (old >= 0)
		close_later(old);
	for (i = 0; i < MAX_TOKENS && tokens[i].fd >= 0; i++)
		;
	if (i == MAX_TOKENS) {
		i = next_victim++ % MAX_TOKENS;
		close_later(tokens[i].fd);
	}
	tokens[i] = (struct token){slot, token, fd};
}

static void set_listener(struct run *run, int fd)
{
	uint64_t wake_all = 1u << 20;

	if (at_load(&run->listener) >= 0) {
		close_later(fd);
		return;
	}
	at_store(&run->listener, fd);
	at_store(&run->info->use_notify, 1);
	/* Whoever waits for kicks here shall wait on the listener instead. */
	if (write(kick_event, &wake_all, sizeof(wake_all)) < 0)
		return;
}

static void queue_kick(uint32_t slot)
{
	uint64_t one = 1;

	/* Once is enough, so that none is lost: a guest may wait for it without end. */
	if (slot >= MAX_KICKS || kicked[slot])
		return;
	kicked[slot] = true;
	kicks[(kick_head + nr_kicks++) % MAX_KICKS] = slot;
	if (write(kick_event, &one, sizeof(one)) < 0)
		return;
}

static void packet(struct run *run, const struct ctl_packet *p, int fd)
{
	if (fd < 0) {
		if (!p->token && p->slot < run->nr_slots)
			queue_kick(p->slot);
	} else if (p->token == RUN_TOKEN_LISTENER) {
		set_listener(run, fd);
	} else if (p->slot < run->nr_slots && at_load(&open_slots[p->slot])) {
		table_add(p->slot, p->token, fd);
	} else {
		close_later(fd); /* nobody will ask for it */
	}
}

/* The descriptors of a message: the first is kept, surplus ones are closed. */
static int message_fd(struct msghdr *msg)
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
				close_later(fd);
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
	fds_lend();
	do
		n = recvmsg(run->ctl, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	/* ETOOMANYREFS, EMFILE and the like lose a descriptor, not the socket. */
	more = n >= 0 || (errno != EAGAIN && errno != ECONNRESET && errno != ENOTCONN);
	fd = n < 0 ? -1 : message_fd(&msg);
	/* Of what was promised only life pipes come here. */
	room = fds_take_back(run, 0);
	if (n == (ssize_t)sizeof(p) && (fd < 0 || room || life_is_pipe(fd)))
		packet(run, &p, fd);
	else if (fd >= 0)
		close_later(fd);
	return more;
}

static void drain_locked(struct run *run)
{
	for (unsigned i = 0; i < 2 * MAX_TOKENS && receive_locked(run); i++)
		;
}

static int take(struct run *run, uint32_t slot, uint64_t token, bool any)
{
	int fd;

	pthread_mutex_lock(&lock);
	drain_locked(run);
	fd = table_take(slot, token, any);
	pthread_mutex_unlock(&lock);
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
	int fd;

	pthread_mutex_lock(&lock);
	drain_locked(run);
	while ((fd = table_take(slot, 0, true)) >= 0)
		close_later(fd);
	pthread_mutex_unlock(&lock);
}

void ctl_open(struct run *run, uint32_t slot)
{
	(void)run;
	at_store(&open_slots[slot], true);
}

void ctl_close(struct run *run, uint32_t slot)
{
	at_store(&open_slots[slot], false);
	ctl_forget(run, slot);
}

void ctl_drain(struct run *run)
{
	pthread_mutex_lock(&lock);
	drain_locked(run);
	pthread_mutex_unlock(&lock);
}

static int pop_kick(void)
{
	uint64_t one;
	int slot = -1;

	pthread_mutex_lock(&lock);
	if (nr_kicks) {
		slot = (int)kicks[kick_head++ % MAX_KICKS];
		nr_kicks--;
		kicked[slot] = false;
	}
	/* The event is a hint: too many or too few of them do no harm. */
	if (read(kick_event, &one, sizeof(one)) < 0)
		one = 0;
	pthread_mutex_unlock(&lock);
	return slot;
}

int ctl_wait_kick(struct run *run)
{
	struct pollfd p[2] = {{.fd = run->ctl, .events = POLLIN},
			      {.fd = kick_event, .events = POLLIN}};
	int slot = pop_kick();

	if (slot >= 0 || poll(p, 2, -1) < 0)
		return slot;
	if (p[0].revents)
		ctl_drain(run);
	return pop_kick();
}
