/* SPDX-License-Identifier: MIT */
/*
 * inode.c: which windows there are of one file of the host, by whichever open file and in whichever
 * space, so that what a guest takes from the file goes from all of them.
 *
 * Owns the table and run_info's `mapped`, under I' (a leaf, inside H).
 *
 *   1  A window is in the table while some space has it in its own, and so holds a reference on
 *      its file.
 *   2  A bit of `mapped` is set before anything of the file can be mapped, and is clear only if no
 *      window of a file with that bit is in the table.
 */
#include "run/file/inode.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/fd/ctl.h"
#include "run/file/huge_file.h"
#include "run/file/window.h"
#include "run/guest/request.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_ONCE 64u

struct inodes {
	pthread_mutex_t lock;                  /* I' */
	struct window *table[RUN_MAPPED_BITS]; /* I' */
	uint64_t next_serial;                  /* I' */
};

int inodes_create(struct run *run)
{
	run->inodes = calloc(1, sizeof(*run->inodes));
	if (!run->inodes)
		return -ENOMEM;
	pthread_mutex_init(&run->inodes->lock, NULL);
	return 0;
}

static uint64_t bucket(const struct window *w)
{
	return RUN_MAPPED_BIT(w->dev, w->ino);
}

static void set_mapped(struct run_info *info, uint64_t bit, bool mapped)
{
	uint32_t mask = 1u << (bit % 32);

	if (mapped)
		atomic_store(&info->mapped[bit / 32], info->mapped[bit / 32] | mask);
	else
		atomic_store(&info->mapped[bit / 32], info->mapped[bit / 32] & ~mask);
}

void inode_enter(struct window *w)
{
	struct inodes *in = w->run->inodes;
	uint64_t b = bucket(w);

	pthread_mutex_lock(&in->lock);
	if (!w->tables++) {
		w->serial = in->next_serial++;
		w->prev = NULL;
		w->next = in->table[b];
		if (w->next)
			w->next->prev = w;
		in->table[b] = w;
		set_mapped(w->run->info, b, true);
	}
	pthread_mutex_unlock(&in->lock);
}

void inode_leave(struct window *w)
{
	struct inodes *in = w->run->inodes;
	uint64_t b = bucket(w);

	pthread_mutex_lock(&in->lock);
	if (!--w->tables) {
		if (w->prev)
			w->prev->next = w->next;
		else
			in->table[b] = w->next;
		if (w->next)
			w->next->prev = w->prev;
		set_mapped(w->run->info, b, in->table[b] != NULL);
	}
	pthread_mutex_unlock(&in->lock);
}

/* The next of the file's after `before`, referenced; how many.  Older ones have lower serials. */
static unsigned find(struct inodes *in, const struct stat *st, uint64_t before,
		     struct quire_file *out[AT_ONCE])
{
	unsigned n = 0;

	pthread_mutex_lock(&in->lock);
	for (struct window *w = in->table[RUN_MAPPED_BIT(st->st_dev, st->st_ino)]; w && n < AT_ONCE;
	     w = w->next) {
		if (w->serial >= before || w->dev != st->st_dev || w->ino != st->st_ino)
			continue;
		quire_file_get(w->file);
		out[n++] = w->file;
	}
	pthread_mutex_unlock(&in->lock);
	return n;
}

/* From where on private copies go; UINT64_MAX: they stay. */
static uint64_t cut_from(const struct request *q, int fd, const struct stat *st)
{
	if (q->a[1] == CUT_END)
		return (uint64_t)st->st_size;
	if (q->a[1] == CUT_MOVED && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return PAGE_DOWN(q->a[2]);
	return UINT64_MAX;
}

static void cut(const struct request *q, struct quire_file *file, uint64_t from, uint64_t size)
{
	atomic_store(&file_window(file)->size, size);
	if (from != UINT64_MAX)
		quire_file_truncate(file, from);
	else if (q->a[1] == CUT_PUNCH)
		quire_file_punch(file, q->a[2], q->a[3]);
	quire_file_put(file);
}

/*
 * A guest that says so without having done it harms nobody: beyond the end there is nothing, and
 * what is moved is moved by those who may write.
 */
static void cut_all(const struct request *q, int fd)
{
	struct quire_file *files[AT_ONCE];
	uint64_t before = UINT64_MAX;
	struct stat st;
	unsigned n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	do {
		n = find(q->run->inodes, &st, before, files);
		for (unsigned i = 0; i < n; i++) {
			before = file_window(files[i])->serial;
			cut(q, files[i], cut_from(q, fd, &st), (uint64_t)st.st_size);
		}
	} while (n == AT_ONCE);
}

/* Its length is the core's: what the caller says, if it may say so, else the placeholder's. */
static void cut_huge(const struct request *q, int fd)
{
	struct huge_file *h = q->a[1] == CUT_END ? huge_file_of(q->run, fd) : NULL;
	int access = fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH), seals = fcntl(fd, F_GET_SEALS);
	bool free = (access == O_RDWR || access == O_WRONLY) &&
		    (seals < 0 || !(seals & (F_SEAL_SHRINK | F_SEAL_GROW)));
	uint64_t bytes;
	struct stat st;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	if (!fstat(fd, &st)) {
		bytes = free ? q->a[2] : (uint64_t)st.st_size;
		if (!(bytes & (h->page - 1)))
			quire_file_truncate(h->file, bytes);
	}
	pthread_mutex_unlock(&h->lock);
	huge_file_put(q->run, h);
}

/* Closed before the guest goes on: nobody holds its file longer than it does. */
void op_file_cut(struct request *q)
{
	int fd = ctl_take(q->run, q->slot->index, q->a[0]);

	q->ret = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	cut_all(q, fd);
	cut_huge(q, fd);
	close(fd);
}
