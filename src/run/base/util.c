/* SPDX-License-Identifier: MIT */
/*
 * util.c: what every file of the supervisor needs: the clock, futexes, small files of /proc.  Owns
 * no state.
 */
#include "run/base/util.h"

#include "quire/quire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t run_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void futex_wait(uint32_t *addr, uint32_t val, unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	syscall(SYS_futex, addr, FUTEX_WAIT, val, &t, NULL, 0);
}

void futex_wake(uint32_t *addr, int n)
{
	syscall(SYS_futex, addr, FUTEX_WAKE, n, NULL, NULL, 0);
}

uint64_t host_number(const char *path, uint64_t otherwise)
{
	char text[32], *end;
	uint64_t n;

	if (read_text(path, text, sizeof(text)) <= 0)
		return otherwise;
	n = strtoull(text, &end, 10);
	return end == text ? otherwise : n;
}

long read_text(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	buf[0] = 0;
	if (fd < 0)
		return -errno;
	while (n + 1 < len) {
		ssize_t k = read(fd, buf + n, len - 1 - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	buf[n] = 0;
	close(fd);
	return (long)n;
}

static char *read_all(int fd, size_t *len)
{
	size_t cap = 8192, used = 0;
	char *buf = malloc(cap);

	while (buf) {
		ssize_t n = read(fd, buf + used, cap - used - 1);
		char *bigger;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
		if (cap - used > 4096)
			continue;
		cap *= 2;
		bigger = realloc(buf, cap);
		if (!bigger)
			free(buf);
		buf = bigger;
	}
	if (buf) {
		buf[used] = 0;
		*len = used;
	}
	return buf;
}

char *host_proc_read(const char *rest, size_t *len)
{
	char path[64];
	char *text;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s", rest);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = read_all(fd, len);
	close(fd);
	if (text && !*len) {
		free(text);
		return NULL;
	}
	return text;
}
