/* SPDX-License-Identifier: MIT */
/*
 * proc_text_buf.c: a buffered writer to a descriptor, for texts of any length.
 */
#include "quire/quire.h"
#include "run/procfs/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void text_init(struct text *t, int fd)
{
	t->fd = fd;
	t->err = 0;
	t->len = 0;
}

static void flush(struct text *t)
{
	size_t done = 0;

	while (done < t->len && !t->err) {
		ssize_t n = write(t->fd, t->buf + done, t->len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			t->err = -errno;
		else if (!n)
			t->err = -EIO;
	}
	t->len = 0;
}

void text_bytes(struct text *t, const char *s, size_t len)
{
	while (len && !t->err) {
		size_t n = sizeof(t->buf) - t->len;

		if (n > len)
			n = len;
		memcpy(t->buf + t->len, s, n);
		t->len += n;
		s += n;
		len -= n;
		if (t->len == sizeof(t->buf))
			flush(t);
	}
}

void text_str(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		text_bytes(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void text_escaped(struct text *t, const char *s, const char *escape)
{
	for (; *s; s++) {
		if (strchr(escape, *s))
			text_printf(t, "\\%03o", (unsigned char)*s);
		else
			text_bytes(t, s, 1);
	}
}

int text_finish(struct text *t)
{
	flush(t);
	return t->err;
}
