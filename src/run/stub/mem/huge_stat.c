/* SPDX-License-Identifier: MIT */
/*
 * huge_stat.c: what stat and its like, fstatfs and lseek tell of files of huge pages: length and
 * pages are the supervisor's, the rest is the placeholder's.
 */
#include "run/stub/mem/huge_stat.h"

#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/huge_file.h"
#include "run/stub/mem/special.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>

static void stat_told(struct call *c, uint64_t buf)
{
	struct huge_look look;
	struct stat st;

	if (guest_read(&st, buf, sizeof(st)) ||
	    !huge_file_numbered(c->t, st.st_dev, st.st_ino, &look))
		return;
	st.st_size = (int64_t)look.bytes;
	st.st_blksize = (int64_t)look.page;
	st.st_blocks = (int64_t)look.blocks;
	guest_write(buf, &st, sizeof(st));
}

/* One number of the two that statx tells, as stat has it. */
static uint64_t dev_of(const struct statx *st)
{
	uint64_t minor = st->stx_dev_minor;

	return (minor & 0xff) | (uint64_t)st->stx_dev_major << 8 | (minor & ~0xffull) << 12;
}

static void statx_told(struct call *c, uint64_t buf)
{
	struct huge_look look;
	struct statx st;

	if (guest_read(&st, buf, sizeof(st)) ||
	    !huge_file_numbered(c->t, dev_of(&st), st.stx_ino, &look))
		return;
	st.stx_size = look.bytes;
	st.stx_blksize = (uint32_t)look.page;
	st.stx_blocks = look.blocks;
	guest_write(buf, &st, sizeof(st));
}

void huge_stat_told(struct call *c, uint64_t buf)
{
	if (!INFO->huge_files)
		return;
	if (c->nr == __NR_statx)
		statx_told(c, buf);
	else
		stat_told(c, buf);
}

int64_t sys_fstat(struct call *c)
{
	uint64_t buf = c->a[1];
	int64_t r = call_native(c);

	if (!r)
		huge_stat_told(c, buf);
	return r;
}

static void statfs_told(uint64_t buf, const struct huge_look *look)
{
	struct statfs fs;

	if (guest_read(&fs, buf, sizeof(fs)))
		return;
	fs.f_type = HUGETLBFS_MAGIC;
	fs.f_bsize = fs.f_frsize = (int64_t)look->page;
	fs.f_blocks = fs.f_bfree = fs.f_bavail = fs.f_files = fs.f_ffree = 0;
	guest_write(buf, &fs, sizeof(fs));
}

int64_t sys_fstatfs(struct call *c)
{
	int64_t fd = (int)c->a[0], r;
	uint64_t buf = c->a[1];
	struct huge_look look;

	r = call_native(c);
	if (!r && huge_file_look(c->t, fd, &look))
		statfs_told(buf, &look);
	return r;
}

/* All of it is data, and behind it is a hole. */
int64_t huge_seek(struct call *c)
{
	uint64_t whence = (uint32_t)c->a[2];
	struct huge_look look;

	if (whence < SEEK_END || whence > SEEK_HOLE || !huge_file_look(c->t, (int)c->a[0], &look))
		return 0;
	c->a[2] = SEEK_SET;
	if (whence == SEEK_END)
		c->a[1] += look.bytes;
	else if (c->a[1] >= look.bytes)
		return -ENXIO;
	else if (whence == SEEK_HOLE)
		c->a[1] = look.bytes;
	return 0;
}
