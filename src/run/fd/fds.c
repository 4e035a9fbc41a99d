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

#include <fcntl.h>
#include <unistd.h>

#define SPARE 4u
#define MAX_HELD 8192u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* D */
static int dummies[MAX_HELD];                            /* D: [0, held) */
static unsigned held, promised;                          /* D */

/* Rule 2; false: it cannot be had. */
static bool adjust_locked(struct run *run)
{
	unsigned want = promised + SPARE;

	while (held > want)
		close(dummies[--held]);
	while (held < want && held < MAX_HELD) {
		int fd = fcntl(run->ctl, F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return false;
		dummies[held++] = fd;
	}
	return held == want;
}

bool fds_promise(struct run *run, unsigned n)
{
	bool ok;

	pthread_mutex_lock(&lock);
	promised += n;
	ok = adjust_locked(run);
	if (!ok) {
		promised -= n;
		adjust_locked(run);
	}
	pthread_mutex_unlock(&lock);
	return ok;
}

void fds_settle(struct run *run, unsigned n)
{
	pthread_mutex_lock(&lock);
	promised -= n;
	adjust_locked(run);
	pthread_mutex_unlock(&lock);
}

/* The spare ones too: other threads open files for a moment, and must not take the only one. */
void fds_lend(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i <= SPARE && held; i++)
		close(dummies[--held]);
}

bool fds_take_back(struct run *run, unsigned came)
{
	bool ok;

	promised -= came;
	adjust_locked(run);
	ok = held >= promised;
	pthread_mutex_unlock(&lock);
	return ok;
}
