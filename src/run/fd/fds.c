/* SPDX-License-Identifier: MIT */
/*
 * fds.c: descriptors that are kept back, so that none is missing when a promised one comes.
 *
 * A process takes two for as long as it lives, its life pipe and its pidfd: without them nobody
 * would notice its death.  They come some time after fork was granted; others want descriptors
 * meanwhile. So fork keeps two back, by dummies that are open in their stead, and a dummy is closed
 * just before a promised one may come.
 *
 * Owns the dummies and the count of promises, under D.
 *
 *   1  `promised` is the sum of what the living processes (proc->promised) have yet to get.
 *
 *   2  `held` is promised + SPARE while D is free, unless the last ones came when no more could be
 *      had: then no fork is granted, and no file taken in.  D is held while some are lent.
 */
#include "run/fd/fds.h"

#include "quire/quire.h"
#include "run/base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SPARE 4u
#define MAX_HELD 8192u

struct fds {
	pthread_mutex_t lock;    /* D */
	int dummies[MAX_HELD];   /* D: [0, held) */
	unsigned held, promised; /* D */
};

int fds_create(struct run *run)
{
	run->fds = calloc(1, sizeof(*run->fds));
	if (!run->fds)
		return -ENOMEM;
	pthread_mutex_init(&run->fds->lock, NULL);
	return 0;
}

/* Rule 2; false: it cannot be had. */
static bool adjust_locked(struct run *run)
{
	struct fds *f = run->fds;
	unsigned want = f->promised + SPARE;

	while (f->held > want)
		close(f->dummies[--f->held]);
	while (f->held < want && f->held < MAX_HELD) {
		int fd = fcntl(run->ctl, F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return false;
		f->dummies[f->held++] = fd;
	}
	return f->held == want;
}

bool fds_promise(struct run *run, unsigned n)
{
	struct fds *f = run->fds;
	bool ok;

	pthread_mutex_lock(&f->lock);
	f->promised += n;
	ok = adjust_locked(run);
	if (!ok) {
		f->promised -= n;
		adjust_locked(run);
	}
	pthread_mutex_unlock(&f->lock);
	return ok;
}

void fds_settle(struct run *run, unsigned n)
{
	struct fds *f = run->fds;
	pthread_mutex_lock(&f->lock);
	f->promised -= n;
	adjust_locked(run);
	pthread_mutex_unlock(&f->lock);
}

/* The spare ones too: other threads open files for a moment, and must not take the only one. */
void fds_lend(struct run *run)
{
	struct fds *f = run->fds;
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i <= SPARE && f->held; i++)
		close(f->dummies[--f->held]);
}

bool fds_take_back(struct run *run, unsigned came)
{
	struct fds *f = run->fds;
	bool ok;

	f->promised -= came;
	adjust_locked(run);
	ok = f->held >= f->promised;
	pthread_mutex_unlock(&f->lock);
	return ok;
}
