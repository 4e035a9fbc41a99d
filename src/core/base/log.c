/* SPDX-License-Identifier: MIT */
/*
 * log.c: text without libc: formatting, log lines, panics.
 *
 * Owns nothing and takes no lock.
 */
#include "core/base/machine.h"

struct sink {
	char *buf;
	size_t len; /* of buf, with the NUL */
	size_t pos; /* characters written */
};

struct spec {
	unsigned width, base;
	char pad;
	bool wide;
};

static void put(struct sink *s, char c)
{
	if (s->pos + 1 < s->len)
		s->buf[s->pos++] = c;
}

static void put_str(struct sink *s, const char *str, unsigned width)
{
	size_t n = 0;

	while (str[n])
		n++;
	for (size_t i = n; i < width; i++)
		put(s, ' ');
	while (*str)
		put(s, *str++);
}

static void put_number(struct sink *s, const struct spec *spec, uint64_t v, bool negative)
{
	char digits[24];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % spec->base];
		v /= spec->base;
	} while (v);
	if (negative && spec->pad == '0')
		put(s, '-');
	for (unsigned i = n + negative; i < spec->width; i++)
		put(s, spec->pad);
	if (negative && spec->pad != '0')
		put(s, '-');
	while (n)
		put(s, digits[--n]);
}

/* "08lx": width and length; returns the conversion's place. */
static const char *parse_spec(const char *p, struct spec *spec)
{
	*spec = (struct spec){.base = 10, .pad = ' '};
	if (*p == '0')
		spec->pad = *p++;
	while (*p >= '0' && *p <= '9')
		spec->width = spec->width * 10 + (unsigned)(*p++ - '0');
	while (*p == 'l' || *p == 'z') {
		spec->wide = true;
		p++;
	}
	return p;
}

static void put_integer(struct sink *s, struct spec *spec, char conv, uint64_t v)
{
	bool negative = conv == 'd' && (int64_t)v < 0;

	if (conv == 'x' || conv == 'p')
		spec->base = 16;
	put_number(s, spec, negative ? 0 - v : v, negative);
}

static void format(struct sink *s, const char *fmt, __builtin_va_list ap)
{
	struct spec spec;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(s, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec);
		if (*fmt == 's')
			put_str(s, __builtin_va_arg(ap, const char *), spec.width);
		else if (*fmt == 'c')
			put(s, (char)__builtin_va_arg(ap, int));
		else if (*fmt == 'p' || spec.wide)
			put_integer(s, &spec, *fmt, __builtin_va_arg(ap, uint64_t));
		else if (*fmt == 'd')
			put_integer(s, &spec, 'd', (uint64_t)(int64_t) __builtin_va_arg(ap, int));
		else if (*fmt == 'u' || *fmt == 'x')
			put_integer(s, &spec, *fmt, __builtin_va_arg(ap, unsigned));
		else
			put(s, *fmt);
		if (!*fmt)
			break;
	}
	if (s->len)
		s->buf[s->pos] = 0;
}

size_t q_vformat(char *buf, size_t len, const char *fmt, __builtin_va_list ap)
{
	struct sink s = {.buf = buf, .len = len};

	format(&s, fmt, ap);
	return s.pos;
}

size_t q_format(char *buf, size_t len, const char *fmt, ...)
{
	struct sink s = {.buf = buf, .len = len};
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	format(&s, fmt, ap);
	__builtin_va_end(ap);
	return s.pos;
}

void q_log(struct quire_machine *m, enum quire_log_level level, const char *fmt, ...)
{
	char line[256];
	struct sink s = {.buf = line, .len = sizeof(line)};
	__builtin_va_list ap;

	if (!m->port.log)
		return;
	__builtin_va_start(ap, fmt);
	format(&s, fmt, ap);
	__builtin_va_end(ap);
	m->port.log(m->port.ctx, level, line);
}

void q_panic(const struct quire_machine *m, const char *what)
{
	if (m->port.panic)
		m->port.panic(m->port.ctx, what);
	__builtin_trap();
}
