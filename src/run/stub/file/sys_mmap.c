/* SPDX-License-Identifier: MIT */
/*
 * sys_mmap.c: mmap.  Anonymous memory is the supervisor's affair alone; a file gets a window first,
 * and what the host says of mapping it is what the guest hears.
 */
#include "run/stub/base/stub.h"
#include "run/stub/file/window.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/guard/proc_fds.h"
#include "run/stub/link/huge_file.h"
#include "run/stub/link/rpc.h"
#include "run/stub/link/window_told.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define DEV_ZERO 0x105ull

static bool shared_type(uint64_t flags)
{
	uint64_t type = flags & MAP_TYPE;

	return type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
}

/* Everything that can be said against the call before the file is looked at. */
static int64_t check_numbers(const uint64_t a[6])
{
	uint64_t type = a[3] & MAP_TYPE, bytes = PAGE_UP(a[1]);

	if (a[5] & (PAGE - 1) || !a[1])
		return -EINVAL;
	if (!bytes || bytes > GUEST_TASK_SIZE)
		return -ENOMEM;
	if ((a[5] >> 12) + (bytes >> 12) > (1ull << 51))
		return -EOVERFLOW;
	if (type != MAP_PRIVATE && !shared_type(a[3]))
		return -EINVAL;
	return 0;
}

static int64_t check_access(const uint64_t a[6], int64_t open_flags)
{
	uint64_t mode = (uint64_t)open_flags & O_ACCMODE;

	if (mode == O_WRONLY)
		return -EACCES;
	if (!shared_type(a[3]) || !(a[2] & PROT_WRITE))
		return 0;
	return mode == O_RDWR ? 0 : -EACCES;
}

static int64_t map_zero_device(struct call *c, int64_t open_flags)
{
	const uint64_t *a = c->a;

	int64_t r = rpc(c->t, OP_MMAP_ZERO, (uint64_t)open_flags & O_ACCMODE, a[0], a[1], a[2],
			a[3], a[4], a[5]);

	windows_gone(c->t);
	return r;
}

/* The host's texts of /proc cannot be mapped; ours are files that could. */
static int64_t check_text(const struct thread *t, int fd)
{
	int64_t pid;
	int which;

	if (!proc_fd_find(t, fd, &which, &pid))
		return 0;
	return which == PROC_MEMINFO || which == PROC_SYSVIPC_SHM ? -EIO : -ENODEV;
}

/* Its pages, if it has any, are no file's: what the host would map is refused with a line. */
static int64_t refuse_file(struct call *c, uint64_t mode)
{
	int64_t r = window_ask(c->a);

	return r ? r : call_refuse(c, ENODEV, mode & S_IFMT);
}

static int64_t map_window(struct call *c, int64_t open_flags)
{
	const uint64_t *a = c->a;
	bool for_all = shared_type(a[3]);
	struct file_map m = {.t = c->t,
			     .fd = (int)a[4],
			     .shared = for_all,
			     .written = for_all && (a[2] & PROT_WRITE),
			     .first = a[5] / PAGE,
			     .pages = PAGE_UP(a[1]) / PAGE};
	int64_t r = file_map_look(&m, open_flags);

	return r ? r : window_map(&m, a);
}

static bool is_synchronous(int fd)
{
	struct statx st;

	return !sys(__NR_statx, fd, "", AT_EMPTY_PATH, 0, &st) &&
	       (st.stx_attributes & STATX_ATTR_DAX);
}

static int64_t map_huge(struct call *c)
{
	const uint64_t *a = c->a;
	int64_t token = rpc_send_fd(c->t, (int)a[4]), r;

	if (token < 0)
		return token;
	r = rpc(c->t, OP_MMAP_HUGE, (uint64_t)token, a[0], a[1], a[2], a[3], a[4], a[5]);
	windows_gone(c->t);
	return r;
}

static int64_t map_file(struct call *c)
{
	int64_t flags = sys(__NR_fcntl, c->a[4], F_GETFL), r;
	struct huge_look look;
	struct stat st;

	if (flags < 0 || (flags & O_PATH) || fd_is_ours(c->a[4]))
		return -EBADF;
	r = check_numbers(c->a);
	if (r == 0 && huge_file_look(c->t, (int)c->a[4], &look))
		return map_huge(c);
	if (r == 0 && (c->a[3] & MAP_HUGETLB))
		r = -EINVAL;
	if (r == 0)
		r = sys(__NR_fstat, c->a[4], &st);
	if (r)
		return r;
	if (S_ISCHR(st.st_mode) && st.st_rdev == DEV_ZERO)
		return map_zero_device(c, flags);
	r = check_access(c->a, flags);
	if (r == 0)
		r = check_text(c->t, (int)c->a[4]);
	if (r)
		return r;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse_file(c, st.st_mode);
	/* Where the file system ignores it, so do we; where it means something, we cannot. */
	if (c->a[3] & MAP_SYNC)
		r = is_synchronous((int)c->a[4]) ? -EOPNOTSUPP : window_ask(c->a);
	return r ? r : map_window(c, flags);
}

int64_t sys_mmap(struct call *c)
{
	if (c->a[5] & (PAGE - 1))
		return -EINVAL;
	return c->a[3] & MAP_ANONYMOUS ? call_memory(c) : map_file(c);
}
