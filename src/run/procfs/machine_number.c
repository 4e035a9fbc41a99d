/* SPDX-License-Identifier: MIT */
/*
 * machine_number.c: see machine_number.h.  All of it as a host was seen to read these texts
 * (tests/run/huge_files.c).
 */
#include "run/procfs/machine_number.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SYSCTL_DIGITS 20 /* a number's text is not longer */

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (unsigned)((c | 0x20) - 'a') + 10;
	return 16;
}

/* The base that the number's beginning says; *p behind that. */
static unsigned base_of(const char **p)
{
	if (**p != '0')
		return 10;
	if (((*p)[1] | 0x20) != 'x' || digit((*p)[2]) == 16)
		return 8;
	*p += 2;
	return 16;
}

/* Where the digits end; p: there are none.  *over: there are more than 64 bits. */
static const char *digits(const char *p, unsigned base, uint64_t *out, bool *over)
{
	*out = 0;
	*over = false;
	for (; digit(*p) < base; p++)
		*over |= __builtin_mul_overflow(*out, base, out) ||
			 __builtin_add_overflow(*out, digit(*p), out);
	return p;
}

int machine_number(const struct machine_write *w, unsigned base, uint64_t *out)
{
	const char *p = w->text + (*w->text == '+'), *end;
	bool over;

	if (!base)
		base = base_of(&p);
	end = digits(p, base, out, &over);
	if (end == p)
		return -EINVAL;
	if (over)
		return -ERANGE;
	end += *end == '\n';
	return *end ? -EINVAL : 0;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	return p;
}

int64_t machine_sysctl_number(const struct machine_write *w, uint64_t *out)
{
	const char *start = skip_blanks(w->text), *p = start, *end;
	unsigned base = base_of(&p);
	bool over;

	end = digits(p, base, out, &over);
	if (end == p || over || end - start > SYSCTL_DIGITS)
		return -EINVAL;
	if (end < w->text + w->n && *end != ' ' && *end != '\t' && *end != '\n')
		return -EINVAL;
	end = skip_blanks(end);
	return end == w->text + w->n ? (int64_t)w->all : end - w->text;
}

uint64_t machine_size(const struct machine_write *w)
{
	static const char units[] = "KMGTPE";
	const char *p = w->text, *end, *unit;
	unsigned base = base_of(&p);
	uint64_t size;
	bool over;

	end = digits(p, base, &size, &over);
	unit = *end & ~0x20 ? strchr(units, *end & ~0x20) : NULL; /* neither the end nor ' ' */
	if (unit)
		over |= __builtin_mul_overflow(size, 1ull << 10 * (unit - units + 1), &size);
	return over ? 0 : size;
}
