/* SPDX-License-Identifier: MIT */
/*
 * machine_tree.c: files that tell of the run's machine, as the host's of /sys and /proc/sys tell of
 * its own.
 *
 * A directory of the run's, made when a program first asks for one of these files, and taken away
 * at the run's end.  A stub looks for their names there (stub/guard/machine_path.c): so programs
 * can list it, and open what is in it by whatever way.
 *
 *     node/                 /sys/devices/system/node; without --nodes only nodeN/hugepages
 *     devices/              /sys/bus/node/devices
 *     cpu/cpuN/             of /sys/devices/system/cpu/cpuN the link to its node
 *     weighted_interleave/  /sys/kernel/mm/mempolicy/weighted_interleave
 *     hugepages/            /sys/kernel/mm/hugepages
 *     vm/                   /proc/sys/vm
 *
 *   1  Files whose text changes are kept open, and written to when a guest has opened one.  So
 *      nothing that a program may put in their place is followed or waited for.
 *   2  What a guest writes to a file never gets there: its stub sends it, and whoever made the
 *      file says what becomes of it (take; stub/guard/machine_file.c).
 *   3  Who may write the host says when the file is opened: its mode is that of the host's.  To a
 *      user who is not root, whose the directory is, it allows no more than to others.
 */
#include "run/procfs/machine_tree.h"

#include "run/base/say.h"
#include "run/procfs/machine_dir.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH 256u

struct machine_tree {
	pthread_mutex_t lock;       /* N': leaf: who makes the tree, or writes to a file of it */
	bool made;                  /* N' */
	int dir;                    /* C once made: machine_dir.h; -1: none */
	struct machine_file *files; /* C once made */
	unsigned nr_files;
};

/* ---- making it --------------------------------------------------------------- */

/* A name below the directory. */
__attribute__((format(printf, 3, 0))) static void name_of(const struct run *run, char path[PATH],
							  const char *fmt, va_list ap)
{
	size_t len = (size_t)snprintf(path, PATH, "%s/", run->info->machine_dir);

	vsnprintf(path + len, PATH - len, fmt, ap);
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? -errno : chmod(path, 0755) ? -errno : 0;
}

int machine_mkdir(struct run *run, const char *fmt, ...)
{
	char path[PATH];
	va_list ap;

	va_start(ap, fmt);
	name_of(run, path, fmt, ap);
	va_end(ap);
	return make_dir(path);
}

int machine_link(struct run *run, const char *to, const char *fmt, ...)
{
	char path[PATH];
	va_list ap;

	va_start(ap, fmt);
	name_of(run, path, fmt, ap);
	va_end(ap);
	return symlink(to, path) ? -errno : 0;
}

/* Invariant 3. */
static mode_t mode_of(mode_t mode)
{
	return geteuid() ? mode & 0444 : mode;
}

static int put_text(int fd, const char *text, size_t len)
{
	return pwrite(fd, text, len, 0) != (ssize_t)len || ftruncate(fd, (off_t)len) ? -EIO : 0;
}

/* N'. */
static int tell(struct run *run, const struct machine_file *file)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f)
		return -ENOMEM;
	file->tell(f, run, file);
	err = fclose(f) ? -ENOMEM : put_text(file->fd, text, len);
	free(text);
	return err;
}

/* N': one more file, open. */
static int enter(struct machine_tree *tree, const struct machine_file *file, int fd)
{
	struct machine_file *more = tree->files;
	struct stat st;

	if (tree->nr_files % 64 == 0)
		more = reallocarray(tree->files, tree->nr_files + 64, sizeof(*more));
	if (!more)
		return -ENOMEM;
	tree->files = more;
	if (fstat(fd, &st))
		return -errno;
	more[tree->nr_files] = *file;
	more[tree->nr_files].ino = st.st_ino;
	more[tree->nr_files++].fd = file->tell ? fd : -1;
	return 0;
}

static int make_file(struct run *run, const struct machine_file *file, const char *path,
		     const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	err = fchmod(fd, mode_of(file->mode)) ? -errno : put_text(fd, text, strlen(text));
	if (!err)
		err = enter(run->machine_tree, file, fd);
	if (err || !file->tell)
		close(fd);
	return err || !file->tell
		   ? err
		   : tell(run, &run->machine_tree->files[run->machine_tree->nr_files - 1]);
}

int machine_constant(struct run *run, const char *text, const char *fmt, ...)
{
	const struct machine_file file = {.mode = 0444};
	char path[PATH];
	va_list ap;

	va_start(ap, fmt);
	name_of(run, path, fmt, ap);
	va_end(ap);
	return make_file(run, &file, path, text);
}

int machine_file(struct run *run, const struct machine_file *file, const char *fmt, ...)
{
	char path[PATH];
	va_list ap;

	va_start(ap, fmt);
	name_of(run, path, fmt, ap);
	va_end(ap);
	return make_file(run, file, path, "");
}

/* In memory, if there is such a place. */
static int make_root(struct run *run)
{
	static const char *const places[] = {"/dev/shm", "/tmp"};
	int err = -ENOENT;

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *dir = run->info->machine_dir;

		run->machine_tree->dir = err = machine_dir_make(places[i], dir, RUN_MACHINE_DIR);
		if (err >= 0)
			return make_dir(dir);
		*dir = 0;
	}
	return err;
}

/* N'. */
static void unmake(struct run *run)
{
	struct machine_tree *tree = run->machine_tree;

	for (unsigned i = 0; i < tree->nr_files; i++)
		if (tree->files[i].tell)
			close(tree->files[i].fd);
	free(tree->files);
	tree->files = NULL;
	tree->nr_files = 0;
	if (tree->dir >= 0)
		machine_dir_remove(run->info->machine_dir, tree->dir);
	tree->dir = -1;
}

/* N'. */
static int make_all(struct run *run)
{
	struct stat st;
	int err = make_root(run);

	if (!err && run->info->nodes)
		err = machine_nodes_make(run);
	if (!err)
		err = machine_huge_make(run);
	if (!err && fstat(run->machine_tree->dir, &st))
		err = -errno;
	if (err) {
		run_say(run, "cannot make a directory that tells of the machine: %s",
			strerror(-err));
		unmake(run);
		return err;
	}
	run->machine_tree->made = true;
	run->info->machine_dev = st.st_dev;
	atomic_store(&run->info->machine_made, 1u);
	return 0;
}

int machine_tree_make(struct run *run)
{
	int err = 0;

	pthread_mutex_lock(&run->machine_tree->lock);
	if (!run->machine_tree->made)
		err = make_all(run);
	pthread_mutex_unlock(&run->machine_tree->lock);
	return err;
}

/* ---- its files are used --------------------------------------------------------- */

/* One of a tree that is made, and so constant. */
static struct machine_file *find(struct run *run, uint64_t ino)
{
	struct machine_tree *tree = run->machine_tree;

	if (!atomic_load(&run->info->machine_made))
		return NULL;
	for (unsigned i = 0; i < tree->nr_files; i++)
		if (tree->files[i].ino == ino)
			return &tree->files[i];
	return NULL;
}

int64_t machine_tree_opened(struct run *run, uint64_t ino, bool to_write)
{
	const struct machine_file *file = find(run, ino);
	int err = 0;

	if (!file)
		return RUN_NATIVE;
	if (to_write)
		atomic_store(&run->info->machine_written, 1u);
	pthread_mutex_lock(&run->machine_tree->lock);
	if (file->tell)
		err = tell(run, file);
	pthread_mutex_unlock(&run->machine_tree->lock);
	return err;
}

/* Who has one of them open can read it again, without opening it. */
static void tell_all(struct run *run)
{
	struct machine_tree *tree = run->machine_tree;

	pthread_mutex_lock(&tree->lock);
	for (unsigned i = 0; i < tree->nr_files; i++)
		if (tree->files[i].tell)
			tell(run, &tree->files[i]);
	pthread_mutex_unlock(&tree->lock);
}

int64_t machine_tree_written(struct request *q, uint64_t ino, const struct machine_write *w)
{
	const struct machine_file *file = find(q->run, ino);
	int64_t r;

	if (!file)
		return RUN_NATIVE;
	if (!w->all)
		return 0;
	r = file->take ? file->take(q, file, w) : -EACCES;
	if (r >= 0)
		tell_all(q->run);
	return r;
}

/* ---- the whole ---------------------------------------------------------------- */

int machine_tree_create(struct run *run)
{
	run->machine_tree = calloc(1, sizeof(*run->machine_tree));
	if (!run->machine_tree)
		return -ENOMEM;
	run->machine_tree->dir = -1;
	pthread_mutex_init(&run->machine_tree->lock, NULL);
	return 0;
}

void machine_tree_destroy(struct run *run)
{
	if (!run->machine_tree)
		return;
	unmake(run);
	free(run->machine_tree);
	run->machine_tree = NULL;
}
