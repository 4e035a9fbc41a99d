/* SPDX-License-Identifier: MIT */
/*
 * huge_file.c: files of huge pages, as guests have them open.
 *
 * A guest's descriptor is one of a memfd of the host's that has no content, its placeholder.  So
 * offset and flags, locks, seals, and the ways from one process to another are the host's.  The
 * content is a file of the core's.  Which that is the placeholder's inode says: calls that concern
 * the content are sent here, with the descriptor (call/huge_call.c).
 *
 *   1  Nobody here keeps a placeholder open.  The host tells when its last descriptor is closed,
 *      wherever that was (IN_DELETE_SELF): then the core's file goes, too, or with its last
 *      mapping.
 *   2  A number is not used again while a placeholder of it is in the table: it is watched.
 *   3  run_info's bit of a file is set before a guest has its descriptor, and is clear only if no
 *      file with that bit is in the table.
 *   4  Who says that a file is one has it open for reading and writing, and it is an empty memfd:
 *      no guest makes one of what is another's.  Or it lies in a mounted file system of huge pages
 *      (huge_mount.c): there every file is one, as long as it has a name or is open.
 *
 * Owns the table and run_info's `huge`, under T' (leaf).
 */
#include "run/file/huge_file.h"

#include "run/base/run.h"
#include "run/file/huge_mount.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS 256u
#define NAME 64

struct huge_files {
	pthread_mutex_t making;           /* X': outside T': one file is made after the other */
	pthread_mutex_t lock;             /* T' */
	struct huge_file *table[BUCKETS]; /* T' */
	int inotify;                      /* A: once there is a file; before: -1 */
};

int huge_files_create(struct run *run)
{
	run->huge_files = calloc(1, sizeof(*run->huge_files));
	if (!run->huge_files)
		return -ENOMEM;
	run->huge_files->inotify = -1;
	pthread_mutex_init(&run->huge_files->lock, NULL);
	pthread_mutex_init(&run->huge_files->making, NULL);
	return 0;
}

/* ---- the table ------------------------------------------------------------------ */

static uint64_t bit_of(const struct huge_file *h)
{
	return RUN_MAPPED_BIT(h->dev, h->ino);
}

static struct huge_file **bucket(struct run *run, uint64_t bit)
{
	return &run->huge_files->table[bit % BUCKETS];
}

/* T'. */
static void set_bit(struct run *run, uint64_t bit)
{
	uint32_t *word = &run->info->huge[bit / 32], mask = 1u << (bit % 32), value = *word & ~mask;

	for (struct huge_file *h = *bucket(run, bit); h; h = h->next)
		if (bit_of(h) == bit)
			value |= mask;
	atomic_store(word, value);
}

static void enter(struct run *run, struct huge_file *h)
{
	struct huge_file **head = bucket(run, bit_of(h));

	pthread_mutex_lock(&run->huge_files->lock);
	h->next = *head;
	*head = h;
	set_bit(run, bit_of(h));
	atomic_store(&run->info->huge_files, 1u);
	pthread_mutex_unlock(&run->huge_files->lock);
}

/* The last reference. */
static void end(struct huge_file *h)
{
	if (h->file)
		quire_file_put(h->file);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void huge_file_put(struct run *run, struct huge_file *h)
{
	bool last;

	pthread_mutex_lock(&run->huge_files->lock);
	last = !--h->refs;
	pthread_mutex_unlock(&run->huge_files->lock);
	if (last)
		end(h);
}

/* T'. */
static void leave(struct run *run, struct huge_file **at)
{
	struct huge_file *h = *at;

	*at = h->next;
	set_bit(run, bit_of(h));
}

static struct huge_file *take_watched(struct run *run, int watch)
{
	struct huge_files *all = run->huge_files;
	struct huge_file *h = NULL;

	pthread_mutex_lock(&all->lock);
	for (unsigned i = 0; i < BUCKETS && !h; i++)
		for (struct huge_file **at = &all->table[i]; *at && !h; at = &(*at)->next)
			if ((*at)->watch == watch) {
				h = *at;
				leave(run, at);
				break;
			}
	pthread_mutex_unlock(&all->lock);
	return h;
}

struct huge_file *huge_file_find(struct run *run, uint64_t dev, uint64_t ino)
{
	struct huge_file *h;

	pthread_mutex_lock(&run->huge_files->lock);
	h = *bucket(run, RUN_MAPPED_BIT(dev, ino));
	while (h && (h->dev != dev || h->ino != ino))
		h = h->next;
	if (h)
		h->refs++;
	pthread_mutex_unlock(&run->huge_files->lock);
	return h;
}

struct huge_file *huge_file_of(struct run *run, int fd)
{
	struct stat st;

	return fstat(fd, &st) ? NULL : huge_file_find(run, st.st_dev, st.st_ino);
}

/* ---- the end of a placeholder ---------------------------------------------------- */

static void ended(struct run *run, int watch)
{
	struct huge_file *h = take_watched(run, watch);

	if (h)
		huge_file_put(run, h);
}

void huge_files_look(struct run *run)
{
	_Alignas(struct inotify_event) char buf[4096];
	int fd = atomic_load(&run->huge_files->inotify);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (const char *at = buf; at < buf + n;) {
			const struct inotify_event *e = (const void *)at;

			if (e->mask & (IN_DELETE_SELF | IN_UNMOUNT))
				ended(run, e->wd);
			at += sizeof(*e) + e->len;
		}
}

void huge_files_destroy(struct run *run)
{
	struct huge_files *all = run->huge_files;

	for (unsigned i = 0; i < BUCKETS; i++)
		while (all->table[i]) {
			struct huge_file *h = all->table[i];

			all->table[i] = h->next;
			end(h);
		}
	if (all->inotify >= 0)
		close(all->inotify);
	all->inotify = -1;
}

/* T'. */
static int watch_begin(struct run *run)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = WATCH_HUGE_FILES};
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &e)) {
		close(fd);
		return -ENOMEM;
	}
	atomic_store(&run->huge_files->inotify, fd);
	return 0;
}

static int watch(struct run *run, struct huge_file *h, int fd)
{
	char path[NAME];
	int err = 0;

	pthread_mutex_lock(&run->huge_files->lock);
	if (run->huge_files->inotify < 0)
		err = watch_begin(run);
	pthread_mutex_unlock(&run->huge_files->lock);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	h->watch = inotify_add_watch(run->huge_files->inotify, path, IN_DELETE_SELF);
	return h->watch < 0 ? -errno : 0;
}

/* ---- making ----------------------------------------------------------------------- */

/* Invariant 4. */
static int check(struct run *run, int fd, struct stat *st)
{
	struct stat ram;

	if (fstat(fd, st) || !S_ISREG(st->st_mode) || fstat(run->fd_ram, &ram))
		return -EINVAL;
	if (huge_mount_of(run, st->st_dev))
		return 0;
	return (fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDWR && st->st_dev == ram.st_dev &&
		       !st->st_nlink && !st->st_size
		   ? 0
		   : -EINVAL;
}

static int create_file(struct run *run, struct huge_file *h, int fd, enum quire_huge size)
{
	const struct huge_mount *mount = huge_mount_of(run, h->dev);
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = QUIRE_FILE_HUGETLB,
				       .huge = size,
				       .writable = true,
				       .dev = h->dev,
				       .ino = h->ino};
	char path[NAME], name[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	o.name = name;
	if (mount)
		o.subpool = mount->pages;
	return quire_file_create(run->machine, &o, &h->file);
}

/* Of a file that may be one of a mounted file system. */
static uint64_t page_of(struct run *run, int fd, uint64_t page)
{
	struct stat st;
	const struct huge_mount *m = fstat(fd, &st) ? NULL : huge_mount_of(run, st.st_dev);

	return m ? m->said->page : page;
}

/* X'. */
static int make(struct run *run, int fd, enum quire_huge size)
{
	struct huge_file *h, *there = huge_file_of(run, fd);
	struct stat st;
	int err = check(run, fd, &st);

	if (there)
		huge_file_put(run, there);
	if (!err && there)
		return huge_mount_of(run, st.st_dev) ? 0 : -EINVAL;
	if (err)
		return err;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct huge_file){
	    .refs = 1, .dev = st.st_dev, .ino = st.st_ino, .page = quire_huge_bytes(size)};
	pthread_mutex_init(&h->lock, NULL);
	err = create_file(run, h, fd, size);
	if (!err)
		err = watch(run, h, fd);
	if (!err)
		enter(run, h);
	else
		end(h);
	return err;
}

int huge_file_make(struct run *run, int fd, uint64_t page)
{
	enum quire_huge size = quire_huge_of_bytes(page_of(run, fd, page));
	int err;

	if (size == QUIRE_NR_HUGE)
		return -ENODEV;
	pthread_mutex_lock(&run->huge_files->making);
	err = make(run, fd, size);
	pthread_mutex_unlock(&run->huge_files->making);
	return err;
}
