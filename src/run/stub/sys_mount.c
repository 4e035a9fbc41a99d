/* SPDX-License-Identifier: MIT */
/*
 * sys_mount.c: options of file systems that are numbers of descriptors (9p's rfdno and wfdno, fd of
 * others): the host reads and writes what is open there.  None of ours.
 *
 *   1. The host gets the copy that has been looked at: another thread could change the guest's own.
 */
#include "probe.h"
#include "table.h"

#define DATA_BYTES PAGE /* the host takes no more */
#define KEY_BYTES 256u
#define SET_STRING 1u

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

int64_t sys_mount(struct call *c)
{
	char *copy = thread_scratch(c->t);

	if (c->a[4] && c->a[4] < GUEST_TASK_SIZE) {
		if (!copy_data(copy, c->a[4]))
			return -EFAULT;
		if (names_ours(copy))
			return -EBADF;
		c->a[4] = sys_ptr(copy);
	}
	return call_native(c);
}

/* A string of the guest's, or -EFAULT; longer ones are none of those that matter. */
static int64_t take_text(char *to, uint64_t from)
{
	int64_t n = guest_strnlen(from, KEY_BYTES);

	if (n < 0 || guest_read(to, from, (uint64_t)n))
		return -EFAULT;
	to[n] = 0;
	return n;
}

int64_t sys_fsconfig(struct call *c)
{
	char *key = thread_scratch(c->t), *value = key + KEY_BYTES + 1;
	int64_t n;

	if ((uint32_t)c->a[1] != SET_STRING || !c->a[2] || !c->a[3])
		return call_native(c);
	n = take_text(key, c->a[2]);
	if (n < 0)
		return n;
	c->a[2] = sys_ptr(key);
	if (!is_fd_key(key, (uint64_t)n))
		return call_native(c);
	if (take_text(value, c->a[3]) < 0)
		return -EFAULT;
	c->a[3] = sys_ptr(value);
	return value_is_ours(value) ? -EBADF : call_native(c);
}
