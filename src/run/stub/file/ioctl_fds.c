/* SPDX-License-Identifier: MIT */
/*
 * ioctl_fds.c: ioctls that are given descriptors of files to read and write on somebody's behalf:
 * none of ours.
 *
 *   1. A structure that has been checked is what the host gets: copied, for another thread could
 *      change the guest's own.
 */
#include "run/stub/file/ioctl_fds.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/wire/sys.h"

#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/loop.h>
#include <linux/nbd.h>
#include <linux/udmabuf.h>

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
#endif
#define BACKING_OPEN 0x4010e501u /* FUSE_DEV_IOC_BACKING_OPEN */

/* The same as 32-bit programs say it. */
#define SEND_32_BYTES 68
#define SEND_32 _IOC(_IOC_WRITE, BTRFS_IOCTL_MAGIC, 38, SEND_32_BYTES)

/*
 * bytes 0: the argument is the descriptor; else it is the first word of so many bytes.  What takes
 * only files of the file system for which it is called, or what none of ours is (eventfds, pipes to
 * write to, dma-bufs), is not in the list.
 */
static const struct {
	uint32_t cmd, bytes;
} known[] = {
    {LOOP_SET_FD, 0},
    {LOOP_CHANGE_FD, 0},
    {LOOP_CONFIGURE, 304},
    {NBD_SET_SOCK, 0},
    {FICLONE, 0},
    {FICLONERANGE, sizeof(struct file_clone_range)},
    {UDMABUF_CREATE, sizeof(struct udmabuf_create)},
    {BACKING_OPEN, 16},
    {BTRFS_IOC_SEND, sizeof(struct btrfs_ioctl_send_args)},
    {SEND_32, SEND_32_BYTES},
};

static bool first_is_ours(const char *copy)
{
	int32_t fd;

	memcpy(&fd, copy, sizeof(fd));
	return fd_is_ours((uint32_t)fd);
}

static int64_t check_list(struct call *c, char *copy)
{
	const struct udmabuf_create_list *list = (const struct udmabuf_create_list *)copy;
	uint64_t room = SCRATCH_BYTES - sizeof(*list), n;

	if (guest_read(copy, c->a[2], sizeof(*list)))
		return -EFAULT;
	n = list->count;
	if (n > room / sizeof(list->list[0]))
		return -EINVAL;
	if (guest_read(copy + sizeof(*list), c->a[2] + sizeof(*list), n * sizeof(list->list[0])))
		return -EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		if (fd_is_ours(list->list[i].memfd))
			return -EBADF;
	}
	c->a[2] = sys_ptr(copy);
	return 0;
}

int64_t ioctl_check_fds(struct call *c)
{
	char *copy = thread_scratch(c->t);
	uint32_t cmd = (uint32_t)c->a[1];

	if (cmd == UDMABUF_CREATE_LIST)
		return check_list(c, copy);
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].cmd != cmd)
			continue;
		if (!known[i].bytes)
			return fd_is_ours(c->a[2]) ? -EBADF : 0;
		if (guest_read(copy, c->a[2], known[i].bytes))
			return -EFAULT;
		c->a[2] = sys_ptr(copy);
		return first_is_ours(copy) ? -EBADF : 0;
	}
	return 0;
}
