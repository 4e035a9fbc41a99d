/* SPDX-License-Identifier: MIT */
/*
 * huge_call.c: calls that concern the content of files of huge pages (file/huge_file.c): mmap,
 * read, fallocate, seals.
 *
 *   1  Who calls has sent the descriptor.  It says what its holder may do, as the host has it.
 *   2  The file's length is the core's.  The placeholder's follows as far as the host lets it, so
 *      that the host judges truncation by it.
 *
 * Owns nothing.
 */
#include "run/call/huge_call.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/call/shm.h"
#include "run/fd/ctl.h"
#include "run/file/files_leave.h"
#include "run/file/guest_mem.h"
#include "run/file/huge_file.h"
#include "run/file/huge_mount.h"
#include "run/guest/request.h"
#include "run/huge/history.h"
#include "run/huge/unpromised.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_ONCE 65536u
#define ANY_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* ---- what a descriptor allows ----------------------------------------------------- */

static int access_of(int fd)
{
	return fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH);
}

static unsigned seals_of(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals < 0 ? 0u : (unsigned)seals;
}

/* Invariant 2. */
static void follow(const struct huge_file *h, int fd)
{
	uint64_t bytes = quire_file_size(h->file);
	struct stat st;

	if (!fstat(fd, &st) && (uint64_t)st.st_size < bytes && ftruncate(fd, (off_t)bytes))
		errno = 0;
}

/* ---- mmap -------------------------------------------------------------------------- */

static int may_map(const struct request *q, int fd)
{
	bool shared = (q->a[4] & MAP_TYPE) != MAP_PRIVATE;

	switch (access_of(fd)) {
	case O_RDWR:
		return 0;
	case O_RDONLY:
		return shared && (q->a[3] & PROT_WRITE) ? -EACCES : 0;
	case O_WRONLY:
		return -EACCES;
	}
	return -EBADF;
}

static int64_t map_locked(struct request *q, struct huge_file *h, int fd)
{
	unsigned limits = (access_of(fd) == O_RDWR ? 0u : (unsigned)QUIRE_MAP_READ_ONLY) |
			  (seals_of(fd) & ANY_WRITE ? (unsigned)QUIRE_MAP_SEALED : 0u);
	uint64_t at = 0;
	int err = quire_mmap_limited(q->space->mm, q->a[1], q->a[2], (int)q->a[3],
				     wide_flags(q->a[4]), h->file, q->a[6], limits, &at);

	follow(h, fd);
	return err ? err : (int64_t)at;
}

static int64_t map(struct request *q, struct huge_file *h, int fd)
{
	uint64_t since = huge_notes_nr(q->run);
	struct watch watch = {0};
	int64_t r = may_map(q, fd);

	if (r)
		return r;
	if (q->a[4] & MAP_FIXED)
		watch_range(q, q->a[1], (q->a[2] + h->page - 1) & ~(h->page - 1), &watch);
	pthread_mutex_lock(&h->lock);
	r = map_locked(q, h, fd);
	pthread_mutex_unlock(&h->lock);
	watch_end(q, &watch);
	if (r == -ENOMEM)
		huge_mmap_refused(q->run, q->proc, since);
	return r;
}

/* ---- read --------------------------------------------------------------------------- */

static int64_t read_some(struct request *q, struct huge_file *h, char *buf, uint64_t done)
{
	uint64_t rest = q->a[3] - done;
	int64_t n = quire_file_read(h->file, q->a[4] + done, buf, rest < AT_ONCE ? rest : AT_ONCE);

	return n <= 0 ? n : guest_write(q->space, q->a[2] + done, buf, (uint64_t)n);
}

static int64_t read_all(struct request *q, struct huge_file *h)
{
	char *buf = malloc(AT_ONCE);
	uint64_t done = 0;
	int64_t n = buf ? 1 : -ENOMEM;

	while (n > 0 && done < q->a[3]) {
		n = read_some(q, h, buf, done);
		if (n > 0)
			done += (uint64_t)n;
	}
	free(buf);
	return done ? (int64_t)done : n < 0 ? n : 0;
}

static int64_t read_file(struct request *q, struct huge_file *h, int fd)
{
	int access = access_of(fd);

	if ((access & O_PATH) || access == O_WRONLY)
		return -EBADF;
	return q->a[4] > INT64_MAX ? -EINVAL : read_all(q, h);
}

/* ---- fallocate ------------------------------------------------------------------------ */

static int64_t allocate(struct request *q, struct huge_file *h, int fd, int mode, uint64_t off,
			uint64_t bytes)
{
	bool grow = !(mode & FALLOC_FL_KEEP_SIZE);

	if (mode & FALLOC_FL_PUNCH_HOLE)
		return seals_of(fd) & ANY_WRITE ? -EPERM : quire_file_punch(h->file, off, bytes);
	if ((seals_of(fd) & F_SEAL_GROW) && grow && off + bytes > quire_file_size(h->file))
		return -EPERM;
	return quire_file_allocate(h->file, q->space->mm, off, bytes, grow);
}

/* What else there is needs more than zeros. */
static bool is_mode(int mode)
{
	return mode == 0 || mode == FALLOC_FL_KEEP_SIZE ||
	       mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static int64_t fallocate_file(struct request *q, struct huge_file *h, int fd)
{
	uint64_t off = q->a[3], bytes = q->a[4];
	int access = access_of(fd), mode = (int)q->a[2];
	int64_t r;

	if (access & O_PATH)
		return -EBADF;
	if (off > INT64_MAX || bytes > INT64_MAX || !bytes)
		return -EINVAL;
	if (!is_mode(mode))
		return -EOPNOTSUPP;
	if (access == O_RDONLY)
		return -EBADF;
	if (off + bytes > INT64_MAX)
		return -EFBIG;
	pthread_mutex_lock(&h->lock);
	r = allocate(q, h, fd, mode, off, bytes);
	follow(h, fd);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* ---- seals ----------------------------------------------------------------------------- */

/* W': so nobody maps it meanwhile. */
static int64_t seal_locked(struct request *q, struct huge_file *h, int fd)
{
	bool may = access_of(fd) != O_RDONLY && !(seals_of(fd) & F_SEAL_SEAL);

	if (may && (q->a[2] & F_SEAL_WRITE) && shm_written(q->run, h->file))
		return -EBUSY;
	return fcntl(fd, F_ADD_SEALS, (int)q->a[2]) ? -errno : 0;
}

static int64_t seal(struct request *q, struct huge_file *h, int fd)
{
	int64_t r;

	pthread_mutex_lock(&h->lock);
	r = seal_locked(q, h, fd);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* ---- the requests ------------------------------------------------------------------------ */

/* Does it with the descriptor that was sent, and the file that it is of.  -EBADF: it is of none. */
static int64_t with_file(struct request *q, uint64_t token,
			 int64_t (*fn)(struct request *q, struct huge_file *h, int fd))
{
	int fd = ctl_take(q->run, q->slot->index, token);
	struct huge_file *h = fd < 0 ? NULL : huge_file_of(q->run, fd);
	int64_t r = h ? fn(q, h, fd) : -EBADF;

	if (h)
		huge_file_put(q->run, h);
	if (fd >= 0)
		close(fd);
	return r;
}

void op_mmap_huge(struct request *q)
{
	huge_files_look(q->run);
	q->ret = with_file(q, q->a[0], map);
}

static int64_t make(struct request *q)
{
	int fd = ctl_take(q->run, q->slot->index, q->a[1]);
	uint64_t page =
	    q->a[2] ? q->a[2] < 64 ? 1ull << q->a[2] : 0 : quire_huge_bytes(QUIRE_HUGE_2M);
	int64_t r = fd < 0 ? fd : huge_file_make(q->run, fd, page);

	if (fd >= 0)
		close(fd);
	return r;
}

static int64_t look(struct request *q)
{
	struct huge_file *h = huge_file_find(q->run, q->a[1], q->a[2]);

	if (!h)
		return -ENOENT;
	q->v[0] = h->page;
	q->v[1] = quire_file_size(h->file);
	q->v[2] = quire_file_resident(h->file) / 512;
	huge_file_put(q->run, h);
	return 0;
}

static int64_t look_at_system(struct request *q)
{
	const struct huge_mount *m = huge_mount_of(q->run, q->a[1]);
	uint64_t max = 0, left = 0;

	if (!m)
		return -ENOENT;
	if (m->pages)
		quire_huge_subpool_usage(m->pages, &max, &left);
	q->v[0] = m->said->page;
	q->v[1] = max;
	q->v[2] = left;
	return 0;
}

void op_huge_file(struct request *q)
{
	static int64_t (*const calls[])(struct request *, struct huge_file *, int) = {
	    [HUGE_READ] = read_file, [HUGE_FALLOCATE] = fallocate_file, [HUGE_SEAL] = seal};

	if (q->a[0] == HUGE_CREATE)
		q->ret = make(q);
	else if (q->a[0] == HUGE_LOOK)
		q->ret = look(q);
	else if (q->a[0] == HUGE_STATFS)
		q->ret = look_at_system(q);
	else if (q->a[0] < sizeof(calls) / sizeof(calls[0]) && calls[q->a[0]])
		q->ret = with_file(q, q->a[1], calls[q->a[0]]);
	else
		q->ret = -EINVAL;
}
