/* SPDX-License-Identifier: MIT */
/*
 * closer.c: closes what guests have sent.
 *
 * The last close of such a descriptor may take long: a socket that lingers, a file of FUSE.  A
 * thread of its own waits for that, so that nobody does it under a lock, or on the main thread.
 *
 * Owns the queue, under D' (a leaf).  A thread that finds it full closes the descriptor itself.
 */
#include "run/fd/closer.h"

#include "quire/quire.h"
#include "run/base/run.h"

#include <stdbool.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_QUEUE 4096u

struct closer {
	pthread_mutex_t lock;     /* D' */
	pthread_cond_t more;      /* D' */
	int queue[MAX_QUEUE];     /* D': a ring */
	unsigned head, nr_queued; /* D' */
};

int closer_create(struct run *run)
{
	struct closer *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	run->closer = c;
	return 0;
}

void close_later(struct run *run, int fd)
{
	struct closer *c = run->closer;
	bool queued;

	pthread_mutex_lock(&c->lock);
	queued = c->nr_queued < MAX_QUEUE;
	if (queued)
		c->queue[(c->head + c->nr_queued++) % MAX_QUEUE] = fd;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	if (!queued)
		close(fd);
}

static int next(struct closer *c)
{
	int fd;

	pthread_mutex_lock(&c->lock);
	while (!c->nr_queued)
		pthread_cond_wait(&c->more, &c->lock);
	fd = c->queue[c->head++ % MAX_QUEUE];
	c->nr_queued--;
	pthread_mutex_unlock(&c->lock);
	return fd;
}

static void *closer(void *arg)
{
	for (;;)
		close(next(arg));
	return NULL;
}

int closer_start(struct run *run)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, closer, run->closer);

	if (!err)
		pthread_detach(t);
	return -err;
}
