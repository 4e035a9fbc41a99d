/* SPDX-License-Identifier: MIT */
/*
 * inode.c: which windows there are of one file of the host, by whichever open file and in whichever
 * space, so that what a guest takes from the file goes from all of them.
 *
 * Owns the table and run_info's `mapped`, under I' (a leaf, inside W).
 *
 *   1  A window is in the table while some space has it in its own, and so holds a reference on
 *      its file.
 *   2  A bit of `mapped` is set before anything of the file can be mapped, and is clear only if no
 *      window of a file with that bit is in the table.
 */
#include "run/engine.h"

#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* I' */
static struct window *table[RUN_MAPPED_BITS];            /* I' */
static struct run_info *info;                            /* C */

void inodes_create(struct run *run)
{
	info = run->info;
}

static uint64_t bucket(const struct window *w)
{
	return RUN_MAPPED_BIT(w->dev, w->ino);
}

static void set_mapped(uint64_t bit, bool mapped)
{
	uint32_t mask = 1u << (bit % 32);

	if (mapped)
		at_store(&info->mapped[bit / 32], info->mapped[bit / 32] | mask);
	else
		at_store(&info->mapped[bit / 32], info->mapped[bit / 32] & ~mask);
}

void inode_enter(struct window *w)
{
	uint64_t b = bucket(w);

	pthread_mutex_lock(&lock);
	if (!w->tables++) {
		w->prev = NULL;
		w->next = table[b];
		if (w->next)
			w->next->prev = w;
		table[b] = w;
		set_mapped(b, true);
	}
	pthread_mutex_unlock(&lock);
}

void inode_leave(struct window *w)
{
	uint64_t b = bucket(w);

	pthread_mutex_lock(&lock);
	if (!--w->tables) {
		if (w->prev)
			w->prev->next = w->next;
		else
			table[b] = w->next;
		if (w->next)
			w->next->prev = w->prev;
		set_mapped(b, table[b] != NULL);
	}
	pthread_mutex_unlock(&lock);
}

/* Those of the file, referenced. */
static unsigned find(uint64_t dev, uint64_t ino, struct quire_file ***out)
{
	struct quire_file **list = NULL;
	unsigned n = 0, cap = 0;

	pthread_mutex_lock(&lock);
	for (struct window *w = table[RUN_MAPPED_BIT(dev, ino)]; w; w = w->next) {
		if (w->dev != dev || w->ino != ino)
			continue;
		if (n == cap) {
			struct quire_file **more;

			cap = cap ? 2 * cap : 16;
			more = realloc(list, cap * sizeof(struct quire_file *));
			if (!more)
				break;
			list = more;
		}
		quire_file_get(w->file);
		list[n++] = w->file;
	}
	pthread_mutex_unlock(&lock);
	*out = list;
	return n;
}

static void cut(const struct request *q, struct quire_file *file)
{
	at_store(&file_window(file)->size, q->a[5]);
	if (q->a[2] == CUT_PUNCH)
		quire_file_punch(file, q->a[3], q->a[4]);
	else
		quire_file_truncate(file, q->a[3]);
	quire_file_put(file);
}

void op_file_cut(struct request *q)
{
	struct quire_file **files;
	unsigned n = find(q->a[0], q->a[1], &files);

	q->ret = 0;
	for (unsigned i = 0; i < n; i++)
		cut(q, files[i]);
	free(files);
}
