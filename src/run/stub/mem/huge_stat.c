/* SPDX-License-Identifier: MIT */
/*
 * huge_stat.c: what stat and its like, fstatfs and lseek tell of files of huge pages: length and
 * pages are the supervisor's, the rest is the placeholder's.
 */
#include "run/stub/mem/huge_stat.h"

#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/huge_file.h"
#include "run/stub/link/rpc.h"
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

/* max: pages that the file system may have; 0: that is not limited. */
static void put_statfs(uint64_t buf, uint64_t page, uint64_t max, uint64_t left)
{
	struct statfs fs;

	if (guest_read(&fs, buf, sizeof(fs)))
		return;
	fs.f_type = HUGETLBFS_MAGIC;
	fs.f_bsize = fs.f_frsize = (int64_t)page;
	fs.f_blocks = (int64_t)max;
	fs.f_bfree = fs.f_bavail = (int64_t)left;
	fs.f_files = fs.f_ffree = max ? -1 : 0;
	guest_write(buf, &fs, sizeof(fs));
}

/* It is of that file system. */
static bool statfs_mounted(struct thread *t, uint64_t dev, uint64_t buf)
{
	const uint64_t *v = t->answer->v;

	if (!huge_system_is(dev) || rpc(t, OP_HUGE_FILE, HUGE_STATFS, dev))
		return false;
	put_statfs(buf, v[0], v[1], v[2]);
	return true;
}

void huge_statfs_told(struct call *c, uint64_t name, uint64_t buf)
{
	struct stat st;

	if (INFO->huge_mounts && !sys(__NR_stat, name, &st))
		statfs_mounted(c->t, st.st_dev, buf);
}

int64_t sys_fstatfs(struct call *c)
{
	int64_t fd = (int)c->a[0], r;
	uint64_t buf = c->a[1];
	struct huge_look look;
	struct stat st;

	r = call_native(c);
	if (r || (!INFO->huge_mounts && !INFO->huge_files) || sys(__NR_fstat, fd, &st))
		return r;
	if (!statfs_mounted(c->t, st.st_dev, buf) && huge_file_look(c->t, fd, &look))
		put_statfs(buf, look.page, 0, 0);
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
