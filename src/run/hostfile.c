/* SPDX-License-Identifier: MIT */
/*
 * hostfile.c: descriptors of the host's files that guests map, one per file however many processes
 * map it: a thousand shells need three descriptors, not three thousand.
 *
 * Two descriptors are of one file if device, inode, way of opening and name are the same; only
 * regular files are shared.
 *
 * Owns the table, under its lock (leaf: releases come from RCU callbacks).
 */
#include "run/engine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS 256u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hostfile *table[BUCKETS];

static struct hostfile **bucket(uint64_t dev, uint64_t ino)
{
	return &table[(ino * 31 + dev) % BUCKETS];
}

static bool same(const struct hostfile *h, const struct stat *st, bool writable, const char *path)
{
	return h->shared && h->dev == st->st_dev && h->ino == st->st_ino &&
	       h->writable == writable && !strcmp(h->path, path);
}

static struct hostfile *find_locked(const struct stat *st, bool writable, const char *path)
{
	struct hostfile *h = *bucket(st->st_dev, st->st_ino);

	while (h && !same(h, st, writable, path))
		h = h->next;
	return h;
}

static struct hostfile *make(int fd, const struct stat *st, bool writable, const char *path)
{
	size_t len = strlen(path);
	struct hostfile *h = malloc(sizeof(*h) + len + 1);

	if (!h)
		return NULL;
	*h = (struct hostfile){.fd = fd,
			       .refs = 1,
			       .dev = st->st_dev,
			       .ino = st->st_ino,
			       .mode = st->st_mode,
			       .writable = writable,
			       .shared = S_ISREG(st->st_mode)};
	memcpy(h->path, path, len + 1);
	return h;
}

struct hostfile *hostfile_get(int fd, const char *path)
{
	bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR, used = false;
	struct hostfile *h, **b;
	struct stat st;

	if (fstat(fd, &st)) {
		close(fd);
		return NULL;
	}
	b = bucket(st.st_dev, st.st_ino);
	pthread_mutex_lock(&lock);
	h = find_locked(&st, writable, path);
	if (h) {
		h->refs++;
	} else {
		h = make(fd, &st, writable, path);
		used = h;
		if (h) {
			h->next = *b;
			*b = h;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!used)
		close(fd);
	return h;
}

void hostfile_put(struct hostfile *h)
{
	struct hostfile **p = bucket(h->dev, h->ino);
	bool last;

	pthread_mutex_lock(&lock);
	last = !--h->refs;
	while (last && *p != h)
		p = &(*p)->next;
	if (last)
		*p = h->next;
	pthread_mutex_unlock(&lock);
	if (!last)
		return;
	close(h->fd);
	free(h);
}
