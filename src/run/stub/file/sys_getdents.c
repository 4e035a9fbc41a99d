/* SPDX-License-Identifier: MIT */
/*
 * sys_getdents.c: lists in /proc: of descriptors, in which ours, which are EBADF everywhere, are
 * not shown; of mappings (map_files), which is empty: what is in it cannot be opened (magic.c), and
 * the supervisor's addresses are nobody's business.
 *
 * The host's entries go by way of the thread's scratch.
 */
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/proc_path.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#define SHORT_PATH 64
#define RECLEN_AT 16
#define NAME_AT 18    /* struct linux_dirent */
#define NAME_AT_64 19 /* struct linux_dirent64 */

/* Is it the open directory /proc/PID/fd, or its kin, of a guest? */
static bool lists_descriptors(struct thread *t, uint64_t fd)
{
	char link[FD_PATH], path[SHORT_PATH];
	int64_t pid, n;

	fd_path(link, (uint32_t)fd);
	n = sys(__NR_readlink, link, path, SHORT_PATH - 1);
	if (n <= 0 || n >= SHORT_PATH - 1)
		return false;
	path[n] = 0;
	return proc_lists_fds(path, &pid) && rpc(t, OP_IS_GUEST, (uint64_t)pid) == 0;
}

static bool is_shown(const char *name, bool fds)
{
	const char *p = name;
	int64_t fd;

	if (proc_is_range(name))
		return false;
	return !fds || !str_number(&p, &fd) || *p || !fd_is_ours((uint64_t)fd);
}

/* Closes the gaps that ours leave.  Bytes that are left. */
static uint64_t without_ours(char *list, uint64_t bytes, unsigned name_at, bool fds)
{
	uint64_t to = 0;
	uint16_t len;

	for (uint64_t at = 0; at < bytes; at += len) {
		memcpy(&len, list + at + RECLEN_AT, sizeof(len));
		if (!is_shown(list + at + name_at, fds))
			continue;
		memmove(list + to, list + at, len);
		to += len;
	}
	return to;
}

int64_t sys_getdents(struct call *c)
{
	char *list = thread_scratch(c->t);
	uint64_t to = c->a[1];
	unsigned name_at = c->nr == __NR_getdents64 ? NAME_AT_64 : NAME_AT;
	int64_t r, left = 0;
	bool fds;

	if (!fd_in_proc((int64_t)c->a[0]))
		return call_native(c);
	fds = lists_descriptors(c->t, c->a[0]);
	if ((uint32_t)c->a[2] > SCRATCH_BYTES)
		c->a[2] = SCRATCH_BYTES;
	if (!touch_range(c->t, to, (uint32_t)c->a[2], TOUCH_WRITE))
		return -EFAULT;
	c->a[1] = sys_ptr(list);
	/* Nothing is the end of the list: there may be more behind ours. */
	do {
		r = call_native(c);
		if (r > 0)
			left = (int64_t)without_ours(list, (uint64_t)r, name_at, fds);
	} while (r > 0 && !left);
	if (r > 0 && guest_write(to, list, (uint64_t)left))
		return -EFAULT;
	return r > 0 ? left : r;
}
