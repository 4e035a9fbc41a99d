/* SPDX-License-Identifier: MIT */
/*
 * window.c: one file of the host as the core sees it: an external file.
 *
 * The guest maps it once into a window, from which its stub fills; frame numbers are window
 * addresses.  The descriptor that the guest sent serves copies (private writes) and tells size and
 * name.
 *
 *   1  The frame number of page p is (window + (p - first) * 4096) / 4096.
 *   2  The struct lives as long as the core's file, and is constant.
 */
#include "run/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x77696e64u

/* ---- the core's callbacks ---------------------------------------------------- */

static int window_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	const struct window *w = priv;

	if (pgoff < w->first || pgoff - w->first >= w->bytes / PAGE)
		return -ENXIO;
	*frame = w->addr / PAGE + (pgoff - w->first);
	return 0;
}

static int window_copy(void *priv, uint64_t pgoff, void *mem)
{
	const struct window *w = priv;
	size_t done = 0;

	while (done < PAGE) {
		ssize_t n = pread(w->host->fd, (char *)mem + done, PAGE - done,
				  (off_t)(pgoff * PAGE + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EIO;
		if (!n)
			break;
		done += (size_t)n;
	}
	if (!done)
		return -ENXIO;
	memset((char *)mem + done, 0, PAGE - done);
	return 0;
}

static uint64_t window_size(void *priv)
{
	const struct window *w = priv;
	struct stat st;
	uint64_t bytes;

	if (S_ISBLK(w->host->mode))
		return ioctl(w->host->fd, BLKGETSIZE64, &bytes) ? 0 : bytes;
	if (!S_ISREG(w->host->mode))
		return UINT64_MAX;
	return fstat(w->host->fd, &st) ? 0 : (uint64_t)st.st_size;
}

static void window_release(void *priv)
{
	struct window *w = priv;

	hostfile_put(w->host);
	free(w);
}

static const struct quire_file_ops window_ops = {
    .frame = window_frame,
    .copy_page = window_copy,
    .file_size = window_size,
    .release = window_release,
};

/* ---- names ------------------------------------------------------------------- */

struct window *file_window(struct quire_file *file)
{
	struct window *w = quire_file_priv(file);

	return w && w->magic == MAGIC ? w : NULL;
}

static ssize_t fd_path(int fd, char *buf, size_t len)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, len - 1);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

void file_path(struct quire_file *file, char *buf, size_t len)
{
	struct window *w = file_window(file);

	if (!w || fd_path(w->host->fd, buf, len) < 0)
		snprintf(buf, len, "%s", quire_file_name(file));
}

/* ---- making -------------------------------------------------------------- */

static bool window_ok(const struct request *q)
{
	uint64_t addr = q->a[1], bytes = q->a[2];

	return !(addr % PAGE) && !(bytes % PAGE) && bytes && addr >= WINDOWS_BASE &&
	       addr < WINDOWS_END && bytes <= WINDOWS_END - addr && q->a[3] < (1ull << 51);
}

static struct window *window_new(const struct request *q, struct hostfile *host)
{
	struct window *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct window){.magic = MAGIC,
			     .host = host,
			     .addr = q->a[1],
			     .bytes = q->a[2],
			     .first = q->a[3],
			     .dev = host->dev,
			     .ino = host->ino,
			     .writable = q->a[4] == 1,
			     .noexec = q->a[5] == 1};
	return w;
}

static int create(const struct request *q, struct window *w, struct quire_file **out)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_EXTERNAL};

	o.ops = &window_ops;
	o.priv = w;
	o.writable = w->writable;
	o.noexec = w->noexec;
	o.name = w->host->path;
	o.dev = w->dev;
	o.ino = w->ino;
	return quire_file_create(q->run->machine, &o, out);
}

int window_create(const struct request *q, int fd, struct quire_file **out)
{
	char path[4096 + 16] = "";
	struct hostfile *host;
	struct window *w;
	int err;

	if (!window_ok(q)) {
		close(fd);
		return -EINVAL;
	}
	fd_path(fd, path, sizeof(path));
	host = hostfile_get(fd, path);
	w = host ? window_new(q, host) : NULL;
	if (!w) {
		if (host)
			hostfile_put(host);
		return -ENOMEM;
	}
	err = create(q, w, out);
	if (err)
		window_release(w);
	return err;
}
