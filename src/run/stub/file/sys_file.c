/* SPDX-License-Identifier: MIT */
/*
 * sys_file.c: descriptor calls whose pointers depend on a command, and those that must not
 * touch the stub's own descriptors.
 */
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/file/ioctl_fds.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/link/huge_file.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch_args.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/major.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/userfaultfd.h>

static int64_t close_noted(struct call *c, uint64_t fd)
{
	int64_t r;

	fds_closing_begin(c->t, (uint32_t)fd, (uint32_t)fd);
	r = call_native(c);
	fds_closing_end();
	return r;
}

int64_t sys_close(struct call *c)
{
	return fd_is_ours(c->a[0]) ? -EBADF : close_noted(c, c->a[0]);
}

int64_t sys_dup2(struct call *c)
{
	return close_noted(c, c->a[1]); /* the table has refused ours, as source and as target */
}

/* In two pieces, around ours; unsharing once is enough. */
static int64_t close_around_ours(struct call *c)
{
	uint64_t first = (uint32_t)c->a[0], last = (uint32_t)c->a[1];
	uint64_t ours = INFO->fd_base, end = ours + RUN_NR_FDS;
	int64_t r;

	if (first > last || last < ours || first >= end)
		return call_native(c);
	if (first < ours) {
		c->a[1] = ours - 1;
	} else {
		if (last < end)
			return c->a[2] & ~(uint64_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)
				   ? -EINVAL
				   : 0;
		c->a[0] = end;
	}
	r = call_native(c);
	if (r == 0 && first < ours && last >= end) {
		c->a[0] = end;
		c->a[1] = last;
		c->a[2] &= CLOSE_RANGE_CLOEXEC;
		r = call_native(c);
	}
	return r;
}

int64_t sys_close_range(struct call *c)
{
	bool unshare = c->a[2] & CLOSE_RANGE_UNSHARE;
	int64_t r;

	fds_closing_begin(c->t, (uint32_t)c->a[0], (uint32_t)c->a[1]);
	r = close_around_ours(c);
	fds_closing_end();
	if (r == 0 && unshare)
		fd_table_take_new(c->t);
	return r;
}

static uint64_t fcntl_bytes(uint64_t cmd)
{
	switch (cmd) {
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return 32;
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_GETOWNER_UIDS:
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
	case F_GET_FILE_RW_HINT:
	case F_SET_FILE_RW_HINT:
		return 8;
	}
	return 0;
}

int64_t sys_fcntl(struct call *c)
{
	struct huge_look look;

	/* The host knows of no mapping that is written to. */
	if ((uint32_t)c->a[1] == F_ADD_SEALS && huge_file_look(c->t, (int)c->a[0], &look))
		return huge_file_call(c->t, (int)c->a[0], HUGE_SEAL, (uint32_t)c->a[2], 0, 0);
	hide_pointer(&c->a[2]);
	touch_any(c->t, c->a[2], fcntl_bytes((uint32_t)c->a[1]));
	return call_native(c);
}

/* The size is in the number, but for old ones. */
static uint64_t ioctl_bytes(uint64_t cmd)
{
	uint64_t n = (cmd >> 16) & 0x3fff, type = (cmd >> 8) & 0xff;

	if (cmd >> 30 && n)
		return n;
	switch (type) {
	case 'T':
		return 64; /* termios and smaller */
	case 0x89:
		return 40; /* ifreq and smaller */
	case 0x12:
		return 8; /* block devices */
	case 0x03:
	case 'V':
		return 64;
	}
	return 0;
}

static void touch_inner(struct thread *t, uint64_t cmd, uint64_t addr)
{
	struct {
		int32_t len, pad;
		uint64_t buf;
	} conf;
	uint64_t data;

	if (cmd == SIOCGIFCONF && !guest_read(&conf, addr, sizeof(conf)) && conf.buf &&
	    conf.len > 0)
		touch_any(t, conf.buf, (uint64_t)conf.len);
	if (cmd == SIOCETHTOOL && !guest_read(&data, addr + 16, 8))
		touch_any(t, data, 1024);
}

#define IOMMU_IOAS_MAP_FILE_ 0x3b8fu

static bool is_misc_device(uint64_t fd)
{
	struct stat st;

	return !sys(__NR_fstat, fd, &st) && S_ISCHR(st.st_mode) &&
	       (st.st_rdev >> 8 & 0xfff) == MISC_MAJOR;
}

int64_t sys_ioctl(struct call *c)
{
	uint64_t cmd = (uint32_t)c->a[1];
	int64_t err;

	/* It would watch over the host's mappings, which are not the program's. */
	if (cmd == (uint64_t)USERFAULTFD_IOC_NEW && is_misc_device(c->a[0]))
		return call_refuse(c, ENOTTY, cmd);
	/* It takes pages of a file for a device to write to, and tells through its argument. */
	if (cmd == IOMMU_IOAS_MAP_FILE_)
		return call_refuse(c, ENOTTY, cmd);
	hide_pointer(&c->a[2]);
	err = ioctl_check_fds(c);
	if (err)
		return err;
	/* Numbers below the first page are no pointers. */
	if (c->a[2] >= PAGE && c->a[2] < GUEST_TASK_SIZE) {
		touch_any(c->t, c->a[2], ioctl_bytes(cmd));
		touch_inner(c->t, cmd, c->a[2]);
	}
	return call_native(c);
}
