/* SPDX-License-Identifier: MIT */
/*
 * actor_copy.c: the kernel reads or writes memory on behalf of the process itself.
 */
#include "replay/calls/call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_COPY (64u << 10)

static uint8_t buf[MAX_COPY];

/* write(2) from memory, and what has come of it. */
int64_t call_get(struct call *c)
{
	int fd = memfd_create("replay-copy", MFD_CLOEXEC);
	int64_t n;

	if (c->a[1] > sizeof(buf) || fd < 0)
		return fd < 0 ? -errno : -E2BIG;
	n = call_sys(SYS_pwrite64, (uint64_t)fd, c->a[0], c->a[1], 0, 0, 0);
	if (n > 0 && pread(fd, buf, (size_t)n, 0) == n)
		for (int64_t i = 0; i < n; i++)
			result_byte(c->r, buf[i]);
	close(fd);
	return n;
}

/* read(2) into memory. */
int64_t call_put(struct call *c)
{
	int fd = memfd_create("replay-copy", MFD_CLOEXEC);
	int64_t n = -EIO;

	if (c->a[1] > sizeof(buf) || fd < 0)
		return fd < 0 ? -errno : -E2BIG;
	memset(buf, (int)c->a[2], c->a[1]);
	if (pwrite(fd, buf, c->a[1], 0) == (ssize_t)c->a[1])
		n = call_sys(SYS_pread64, (uint64_t)fd, c->a[0], c->a[1], 0, 0, 0);
	close(fd);
	return n;
}

/* By /proc/self/mem, which asks for no right to write. */
int64_t call_poke(struct call *c)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	int64_t n;

	if (c->a[1] > sizeof(buf) || fd < 0)
		return fd < 0 ? -errno : -E2BIG;
	memset(buf, (int)c->a[2], c->a[1]);
	n = call_sys(SYS_pwrite64, (uint64_t)fd, (uint64_t)buf, c->a[1], c->a[0], 0, 0);
	close(fd);
	return n;
}
