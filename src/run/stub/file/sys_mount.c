/* SPDX-License-Identifier: MIT */
/*
 * sys_mount.c: what file systems are told to read and write.
 *
 *   1. Options that are numbers of descriptors (9p's rfdno and wfdno, fd of others): none of ours.
 *   2. The host gets the copy that has been looked at: another thread could change the guest's own.
 *   3. Options and sources that are names: the host opens them itself, through links of /proc also,
 *      and what they lead to may have changed since somebody looked.  All file systems but the
 *      refused ones open only directories and devices that way, and none of ours is one.
 */
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/mount.h>

#define DATA_BYTES PAGE /* the host takes no more */
#define KEY_BYTES 256u
#define TYPE_BYTES 64u
#define SET_STRING 1u
/* Of a mount that is there already: the type is not looked at. */
#define NO_TYPE (MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* "fd", "rfdno", .. */
static bool is_fd_key(const char *key, uint64_t n)
{
	return (n >= 2 && !memcmp(key + n - 2, "fd", 2)) ||
	       (n >= 4 && !memcmp(key + n - 4, "fdno", 4));
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | ('a' - 'A'));
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* As the host reads numbers: decimal, 0x.., 0.. */
static bool value_is_ours(const char *value)
{
	unsigned base = 10;
	uint64_t fd = 0;

	value += *value == '+';
	if (*value == '0') {
		base = value[1] == 'x' || value[1] == 'X' ? 16 : 8;
		value += base == 16 ? 2 : 1;
	}
	for (; digit_of(*value) < base; value++)
		fd = fd * base + digit_of(*value);
	return fd_is_ours(fd);
}

/* "key=value,key,..": may be anything else, for some file systems. */
static bool names_ours(const char *data)
{
	const char *key = data;

	for (const char *p = data; *p; p++) {
		if (*p == ',')
			key = p + 1;
		else if (*p == '=' && is_fd_key(key, (uint64_t)(p - key)) && value_is_ours(p + 1))
			return true;
	}
	return false;
}

/* As much as is there of a page, followed by zeros. */
static bool copy_data(char *to, uint64_t from)
{
	uint64_t n = DATA_BYTES, first = PAGE_UP(from + 1) - from;

	memset(to, 0, DATA_BYTES + 1);
	if (!guest_read(to, from, n))
		return true;
	memset(to, 0, DATA_BYTES);
	return first < n && !guest_read(to, from, first);
}

static int64_t check_data(struct call *c, char *copy)
{
	if (!c->a[4] || c->a[4] >= GUEST_TASK_SIZE)
		return 0;
	if (!copy_data(copy, c->a[4]))
		return -EFAULT;
	c->a[4] = sys_ptr(copy);
	return names_ours(copy) ? -EBADF : 0;
}

/* A string of the guest's, or -EFAULT; longer ones are none of those that matter. */
static int64_t take_text(char *to, uint64_t from, uint64_t most)
{
	int64_t n = guest_strnlen(from, most);

	if (n < 0 || guest_read(to, from, (uint64_t)n))
		return -EFAULT;
	to[n] = 0;
	return n;
}

/* Its images, and more of them by its options, may be files. */
static int64_t check_type(struct call *c, int arg, char *copy)
{
	int64_t r;

	if (!c->a[arg])
		return 0;
	r = take_text(copy, c->a[arg], TYPE_BYTES);
	if (r < 0)
		return r;
	c->a[arg] = sys_ptr(copy);
	if (!str_equal(copy, "erofs"))
		return 0;
	rpc_unsupported(c->t, c->nr, NOTE_EROFS);
	return -ENODEV;
}

int64_t sys_mount(struct call *c)
{
	char type[TYPE_BYTES + 1];
	int64_t r = check_data(c, thread_scratch(c->t));

	if (r == 0 && !(c->a[3] & NO_TYPE))
		r = check_type(c, 2, type);
	return r ? r : call_native(c);
}

int64_t sys_fsopen(struct call *c)
{
	char type[TYPE_BYTES + 1];
	int64_t r = check_type(c, 0, type);

	return r ? r : call_native(c);
}

/* Whatever the command is: a key may stand in the options as it is, "fd=1" also. */
int64_t sys_fsconfig(struct call *c)
{
	char *key = thread_scratch(c->t), *value = key + KEY_BYTES + 1;
	int64_t n;

	if (!c->a[2])
		return call_native(c);
	n = take_text(key, c->a[2], KEY_BYTES);
	if (n < 0)
		return n;
	c->a[2] = sys_ptr(key);
	if (names_ours(key))
		return -EBADF;
	if ((uint32_t)c->a[1] != SET_STRING || !c->a[3] || !is_fd_key(key, (uint64_t)n))
		return call_native(c);
	n = take_text(value, c->a[3], KEY_BYTES);
	if (n < 0)
		return n;
	c->a[3] = sys_ptr(value);
	return value_is_ours(value) ? -EBADF : call_native(c);
}
