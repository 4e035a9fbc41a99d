/* SPDX-License-Identifier: MIT */
/*
 * lib.c: the few functions of a libc that the stub (and the compiler) needs.
 */
#include "run/stub/base/lib.h"

#include "run/wire/sys.h"

#include <asm/errno.h>
#include <linux/mman.h>

void *memcpy(void *to, const void *from, size_t n)
{
	void *ret = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return ret;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *d = to;
	const char *s = from;

	if (d <= s || d >= s + n)
		return memcpy(to, from, n);
	d += n - 1;
	s += n - 1;
	__asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return to;
}

void *memset(void *to, int c, size_t n)
{
	void *ret = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return ret;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

size_t str_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool str_starts(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

bool str_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool str_number(const char **s, int64_t *out)
{
	const char *p = *s;
	bool minus = *p == '-';
	int64_t n = 0;

	if (minus)
		p++;
	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9' && n < INT64_MAX / 10 - 10)
		n = n * 10 + (*p++ - '0');
	*s = p;
	*out = minus ? -n : n;
	return true;
}

char *str_put(char *to, const char *s)
{
	while (*s)
		*to++ = *s++;
	*to = 0;
	return to;
}

char *str_put_number(char *to, uint64_t n)
{
	char digits[24];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while (n /= 10);
	while (i)
		*to++ = digits[--i];
	*to = 0;
	return to;
}

void fd_path(char path[FD_PATH], uint64_t fd)
{
	str_put_number(str_put(path, "/proc/thread-self/fd/"), fd);
}

int64_t remap_to(uint64_t from, uint64_t old, uint64_t bytes, uint64_t to)
{
	int64_t got = sys(__NR_mremap, from, old, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	return got == (int64_t)to ? 0 : got < 0 ? got : -EFAULT;
}

static char *put_hex(char *to, uint64_t n)
{
	to = str_put(to, "0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		if (n >> shift || !shift)
			*to++ = "0123456789abcdef"[(n >> shift) & 15];
	}
	*to = 0;
	return to;
}

void say(const char *what, uint64_t number)
{
	char line[256];
	char *p = str_put(line, "quire: ");

	if (str_len(what) > 200)
		what = "?";
	p = str_put(p, what);
	*p++ = ' ';
	p = put_hex(p, number);
	*p++ = '\n';
	sys(__NR_write, 2, line, p - line);
}

static char *put_line(char line[256], const char *why)
{
	return str_put(str_put(line, "quire: "), str_len(why) > 200 ? "?" : why);
}

/* Does not use the thread struct: it may be what is broken. */
static _Noreturn void die_with(char *line, char *end)
{
	*end++ = '\n';
	sys(__NR_write, 2, line, end - line);
	for (;;)
		sys(__NR_exit_group, 127);
}

void die(const char *why)
{
	char line[256];

	die_with(line, put_line(line, why));
}

void die_error(const char *why, int64_t err)
{
	char line[256];
	char *p = str_put(put_line(line, why), err < 0 ? ": error " : ": answer ");

	die_with(line, str_put_number(p, (uint64_t)(err < 0 ? -err : err)));
}
