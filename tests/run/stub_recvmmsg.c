/* SPDX-License-Identifier: MIT */
/*
 * stub_recvmmsg.c: recvmmsg, alone and while another thread's forks take its buffers' pages away.
 */
#include "stub_test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define NR 8
#define ROUNDS 1500

struct batch {
	struct mmsghdr h[NR];
	struct iovec v[NR];
	struct sockaddr_un name[NR];
	char data[NR][64];
};

static void *batch_page; /* written all over, so that every fork takes it from the parent */
static int end_forking;

static struct batch *fresh(void)
{
	struct batch *b = batch_page;

	memset(b, 0, sizeof(*b));
	for (int i = 0; i < NR; i++) {
		b->v[i] = (struct iovec){b->data[i], sizeof(b->data[i])};
		b->h[i].msg_hdr.msg_iov = &b->v[i];
		b->h[i].msg_hdr.msg_iovlen = 1;
		b->h[i].msg_hdr.msg_name = &b->name[i];
		b->h[i].msg_hdr.msg_namelen = sizeof(b->name[i]);
	}
	return b;
}

static void send_numbers(int fd, int first, int n)
{
	for (int i = first; i < first + n; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%d", i);

		CHECK(send(fd, text, (size_t)len, 0) == len);
	}
}

static void check_numbers(const struct batch *b, int first, int n)
{
	for (int i = 0; i < n; i++) {
		CHECK(atoi(b->data[i]) == first + i);
		CHECK(b->h[i].msg_len == strlen(b->data[i]));
		CHECK(b->h[i].msg_hdr.msg_flags == 0);
	}
}

static void meanings(void)
{
	struct timespec t = {100, 0}, none = {0, 0};
	struct batch *b = fresh();
	int sv[2];

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) == 0);
	FAILS(recvmmsg(sv[1], b->h, NR, MSG_DONTWAIT, NULL), EAGAIN);
	send_numbers(sv[0], 0, 3);
	CHECK(recvmmsg(sv[1], b->h, NR, MSG_WAITFORONE, NULL) == 3);
	check_numbers(b, 0, 3);
	CHECK(b->h[0].msg_hdr.msg_namelen == 0 && b->h[3].msg_len == 0);
	b = fresh();
	send_numbers(sv[0], 10, 5);
	CHECK(recvmmsg(sv[1], b->h, 2, 0, NULL) == 2);
	check_numbers(b, 10, 2);
	CHECK(recvmmsg(sv[1], b->h, NR, MSG_DONTWAIT, NULL) == 3);
	check_numbers(b, 12, 3);
	send_numbers(sv[0], 20, 2);
	CHECK(recvmmsg(sv[1], b->h, NR, 0, &none) == 1); /* over with the first */
	CHECK(recvmmsg(sv[1], b->h, 1, 0, &t) == 1 && t.tv_sec >= 90 && t.tv_sec <= 100);
	t.tv_nsec = 1000000000;
	FAILS(recvmmsg(sv[1], b->h, NR, MSG_DONTWAIT, &t), EINVAL);
	FAILS(recvmmsg(sv[1], b->h, NR, MSG_DONTWAIT, (void *)8), EFAULT);
	FAILS(recvmmsg(sv[1], (void *)8, NR, MSG_DONTWAIT, NULL), EFAULT);
	FAILS(recvmmsg(-1, b->h, NR, 0, NULL), EBADF);
	FAILS(recvmmsg(0, b->h, NR, 0, NULL), ENOTSOCK);
	CHECK(recvmmsg(sv[1], b->h, 0, 0, NULL) == 0);
	send_numbers(sv[0], 30, 2);
	b->h[1].msg_hdr.msg_iov = (void *)8;
	CHECK(recvmmsg(sv[1], b->h, 2, 0, NULL) == 1);
	close(sv[0]);
	close(sv[1]);
}

static void *fork_on(void *arg)
{
	while (!__atomic_load_n(&end_forking, __ATOMIC_SEQ_CST)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return arg;
}

static void with_threads(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fork_on, NULL) == 0);
	meanings();
	__atomic_store_n(&end_forking, 1, __ATOMIC_SEQ_CST);
	pthread_join(t, NULL);
}

/* No message is lost: each batch begins where the last ended. */
static void nothing_lost(void)
{
	pthread_t t;
	int sv[2];

	end_forking = 0;
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) == 0);
	CHECK(pthread_create(&t, NULL, fork_on, NULL) == 0);
	for (int i = 0; i < ROUNDS && !failures; i++) {
		struct batch *b = fresh();

		send_numbers(sv[0], i * NR, NR);
		CHECK(recvmmsg(sv[1], b->h, NR, 0, NULL) == NR);
		check_numbers(b, i * NR, NR);
	}
	__atomic_store_n(&end_forking, 1, __ATOMIC_SEQ_CST);
	pthread_join(t, NULL);
	close(sv[0]);
	close(sv[1]);
}

int main(void)
{
	batch_page = anon(1 << 16);
	RUN(meanings);
	RUN(with_threads);
	RUN(nothing_lost);
	return failures != 0;
}
