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

#include <stdbool.h>
#include <pthread.h>
#include <unistd.h>

#define MAX_QUEUE 4096u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* D' */
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;   /* D' */
static int queue[MAX_QUEUE];                             /* D': a ring */
static unsigned head, nr_queued;                         /* D' */

void close_later(int fd)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = nr_queued < MAX_QUEUE;
	if (queued)
		queue[(head + nr_queued++) % MAX_QUEUE] = fd;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	if (!queued)
		close(fd);
}

static int next(void)
{
	int fd;

	pthread_mutex_lock(&lock);
	while (!nr_queued)
		pthread_cond_wait(&more, &lock);
	fd = queue[head++ % MAX_QUEUE];
	nr_queued--;
	pthread_mutex_unlock(&lock);
	return fd;
}

static void *closer(void *arg)
{
	(void)arg;
	for (;;)
		close(next());
	return NULL;
}

int closer_start(void)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, closer, NULL);

	if (!err)
		pthread_detach(t);
	return -err;
}
