/* SPDX-License-Identifier: MIT */
/*
 * lib_file.c: a script's files, for the library: a memfd is shmem, a file of the disk a page cache
 * over an array.
 */
#include "replay/lib/lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISK_BYTES (4ull << 20)

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	const uint8_t *disk = priv;

	if (pgoff >= DISK_BYTES / REPLAY_PAGE)
		memset(mem, 0, REPLAY_PAGE);
	else
		memcpy(mem, disk + pgoff * REPLAY_PAGE, REPLAY_PAGE);
	return 0;
}

static int write_page(void *priv, uint64_t pgoff, const void *mem)
{
	uint8_t *disk = priv;

	if (pgoff >= DISK_BYTES / REPLAY_PAGE)
		return -ENOSPC;
	memcpy(disk + pgoff * REPLAY_PAGE, mem, REPLAY_PAGE);
	return 0;
}

static int punch_hole(void *priv, uint64_t off, uint64_t len)
{
	uint8_t *disk = priv;

	if (off < DISK_BYTES)
		memset(disk + off, 0, len < DISK_BYTES - off ? len : DISK_BYTES - off);
	return 0;
}

static const struct quire_file_ops disk_ops = {
    .read_page = read_page,
    .write_page = write_page,
    .punch_hole = punch_hole,
};

static int64_t fill_file(struct quire_file *file, uint64_t bytes)
{
	uint8_t page[REPLAY_PAGE];

	for (uint64_t off = 0; off < bytes && off < ARENA_PAGES * REPLAY_PAGE;
	     off += sizeof(page)) {
		uint64_t n = pattern_page(off, bytes, page);
		int64_t done = quire_file_write(file, off, page, n);

		if (done != (int64_t)n)
			return done < 0 ? done : -EIO;
	}
	return quire_file_sync(file);
}

static const enum quire_file_kind kinds[NR_FILE_KINDS] = {
    [FILE_MEMFD] = QUIRE_FILE_SHMEM,
    [FILE_DISK] = QUIRE_FILE_PAGECACHE,
    [FILE_HUGETLB] = QUIRE_FILE_HUGETLB,
    [FILE_MOUNTED] = QUIRE_FILE_HUGETLB,
};

/* A file of huge pages cannot be written to: it begins with zeros. */
int64_t lib_file_create(struct lib *l)
{
	struct lib_file *f = &l->files[l->step->target];
	struct quire_file_options o = {.size = sizeof(o), .writable = true, .dev = LIB_DEV};
	int err;

	if (l->a[0] >> 63)
		return -EINVAL;
	o.kind = kinds[l->step->words[0]];
	if (o.kind == QUIRE_FILE_HUGETLB && l->a[0] % REPLAY_HUGE)
		return -EINVAL;
	if (l->step->words[0] == FILE_MOUNTED && !l->mount)
		return -EBADF;
	if (l->step->words[0] == FILE_MOUNTED)
		o.subpool = l->mount;
	o.bytes = l->a[0];
	o.ino = (uint64_t)l->step->target + 1;
	o.name = l->board->script.file_names[l->step->target];
	o.noreserve = true;
	if (o.kind == QUIRE_FILE_PAGECACHE) {
		f->disk = calloc(1, DISK_BYTES);
		o.ops = &disk_ops;
		o.priv = f->disk;
		if (!f->disk)
			return -ENOMEM;
	}
	err = quire_file_create(l->machine, &o, &f->file);
	return err || o.kind == QUIRE_FILE_HUGETLB ? err : fill_file(f->file, l->a[0]);
}

void lib_file_end(struct lib_file *f)
{
	if (f->file)
		quire_file_put(f->file);
	free(f->disk);
	*f = (struct lib_file){0};
}

static int64_t do_pread(struct lib *l, struct quire_file *file)
{
	static uint8_t buf[MAX_COPY];
	int64_t n;

	if (l->a[1] > sizeof(buf))
		return -E2BIG;
	if (l->a[0] >> 63)
		return -EINVAL;
	n = quire_file_read(file, l->a[0], buf, l->a[1]);
	for (int64_t i = 0; i < n; i++)
		result_byte(l->result, buf[i]);
	return n;
}

static int64_t do_pwrite(struct lib *l, struct quire_file *file)
{
	static uint8_t buf[MAX_COPY];

	if (l->a[1] > sizeof(buf))
		return -E2BIG;
	if (l->a[0] >> 63)
		return -EINVAL;
	memset(buf, (int)l->a[2], l->a[1]);
	return quire_file_write(file, l->a[0], buf, l->a[1]);
}

/* A disk, too, forgets what lies beyond the end. */
static int64_t do_truncate(struct lib *l, const struct lib_file *f)
{
	uint64_t bytes = l->a[0];
	int err = bytes >> 63 ? -EINVAL : quire_file_truncate(f->file, bytes);

	if (!err && f->disk && bytes < DISK_BYTES)
		memset(f->disk + bytes, 0, DISK_BYTES - bytes);
	return err;
}

/* A store whose dirty bit was lost is not on the disk: -EIO.  Else what fsync returns. */
int64_t lib_file_sync(const struct lib_file *f)
{
	int64_t err = quire_file_sync(f->file), n;
	uint8_t page[REPLAY_PAGE];

	for (uint64_t off = 0; !err && f->disk && off < DISK_BYTES; off += REPLAY_PAGE) {
		n = quire_file_read(f->file, off, page, sizeof(page));
		if (n <= 0)
			return n;
		if (memcmp(page, f->disk + off, (size_t)n))
			return -EIO;
	}
	return err;
}

static int64_t do_punch(struct lib *l, struct quire_file *file)
{
	if (l->a[0] >> 63 || !l->a[1] || l->a[1] >> 63)
		return -EINVAL;
	return lib_is_huge_file(l) ? quire_file_punch(file, l->a[0], l->a[1])
				   : quire_file_remove(file, l->a[0], l->a[1]);
}

int64_t lib_file_call(struct lib *l)
{
	struct quire_file *file = l->files[l->step->target].file;

	if (!file)
		return -EBADF;
	switch (l->step->verb) {
	case VERB_TRUNCATE:
		return do_truncate(l, &l->files[l->step->target]);
	case VERB_PUNCH:
		return do_punch(l, file);
	case VERB_FALLOCATE:
		return lib_fallocate(l, file);
	case VERB_STATFS:
		return lib_statfs(l);
	case VERB_SIZE:
		return (int64_t)quire_file_size(file);
	case VERB_PREAD:
		return do_pread(l, file);
	case VERB_PWRITE:
		return do_pwrite(l, file);
	default:
		return lib_file_sync(&l->files[l->step->target]);
	}
}
