/* SPDX-License-Identifier: MIT */
/*
 * parse.c: the values of options.  No locale: the tool never calls setlocale().
 */
#include "tool/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Powers of 1024 that the suffix stands for, -1 if it is none. */
static int suffix_power(const char *s)
{
	static const char letters[] = "KMGT";
	const char *p;

	if (!*s || !strcasecmp(s, "B"))
		return 0;
	p = strchr(letters, toupper((unsigned char)*s));
	if (!p)
		return -1;
	if (s[1] && strcasecmp(s + 1, "B") && strcasecmp(s + 1, "iB"))
		return -1;
	return (int)(p - letters) + 1;
}

/* Digits and one point at most; strtod alone would take "nan", "1e9", "0x10" and leading blanks. */
static bool plain_number(const char *text, double *value, char **end)
{
	size_t digits = strspn(text, "0123456789.");

	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtod(text, end);
	return *end == text + digits && isfinite(*value);
}

bool parse_size(const char *text, uint64_t *out)
{
	double value;
	char *end;
	int power;

	if (!plain_number(text, &value, &end))
		return false;
	power = suffix_power(end);
	if (power < 0)
		return false;
	value *= (double)(1ull << (10 * power));
	if (value >= 0x1p63)
		return false;
	*out = (uint64_t)value;
	return true;
}

/* One size of several, up to a comma or the end. */
static bool next_size(const char **text, uint64_t *out)
{
	size_t len = strcspn(*text, ",");
	char one[32];

	if (len >= sizeof(one))
		return false;
	memcpy(one, *text, len);
	one[len] = 0;
	*text += len + ((*text)[len] == ',' && (*text)[len + 1]);
	return parse_size(one, out) && *out;
}

bool parse_nodes(const char *text, uint64_t *bytes, unsigned max, unsigned *nodes)
{
	uint64_t sizes[64] = {0};
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text) || max > sizeof(sizes) / sizeof(sizes[0]))
		return false;
	n = strtoul(text, &end, 10);
	if (!n || n > max || (*end && *end != ':'))
		return false;
	text = end + (*end == ':');
	for (unsigned i = 0; *end && i < n; i++)
		if (!next_size(&text, &sizes[i]))
			return false;
	if (*text)
		return false;
	memcpy(bytes, sizes, max * sizeof(*bytes));
	*nodes = (unsigned)n;
	return true;
}

#define MOST_SIZES 8

/* The number of the size that the n bytes of text are, or `of`. */
static unsigned size_named(const char *text, size_t n, const uint64_t *sizes, unsigned of)
{
	char one[32] = "";
	uint64_t bytes;
	unsigned i = 0;

	if (n >= sizeof(one))
		return of;
	memcpy(one, text, n);
	if (!parse_size(one, &bytes))
		return of;
	while (i < of && sizes[i] != bytes)
		i++;
	return i;
}

/* "2M=64", and where it ends; NULL: it is none, or of a size that was seen. */
static const char *one_count(const char *text, const uint64_t *sizes, unsigned n, uint64_t *counts,
			     unsigned *seen)
{
	size_t len = strcspn(text, "=,");
	unsigned i = size_named(text, len, sizes, n);
	char *end;

	if (i == n || (*seen >> i & 1) || text[len] != '=' ||
	    !isdigit((unsigned char)text[len + 1]))
		return NULL;
	*seen |= 1u << i;
	errno = 0;
	counts[i] = strtoull(text + len + 1, &end, 10);
	return errno || (*end && *end != ',') ? NULL : end;
}

bool parse_counts(const char *text, const uint64_t *sizes, unsigned n, uint64_t *counts)
{
	uint64_t found[MOST_SIZES] = {0};
	unsigned seen = 0;

	if (n > MOST_SIZES)
		return false;
	for (;;) {
		text = one_count(text, sizes, n, found, &seen);
		if (!text)
			return false;
		if (!*text)
			break;
		text++;
	}
	memcpy(counts, found, n * sizeof(*counts));
	return true;
}

bool parse_seconds(const char *text, double *out)
{
	double value;
	char *end;

	if (!plain_number(text, &value, &end) || (*end && strcmp(end, "s")))
		return false;
	if (value < 0.01 || value > 86400)
		return false;
	*out = value;
	return true;
}

static bool add_point(struct points *p, uint64_t point)
{
	unsigned at = 0;
	uint64_t *v;

	while (at < p->n && p->v[at] < point)
		at++;
	if (at < p->n && p->v[at] == point)
		return true;
	v = reallocarray(p->v, p->n + 1ull, sizeof(*v));
	if (!v)
		return false;
	memmove(v + at + 1, v + at, (p->n - at) * sizeof(*v));
	v[at] = point;
	p->v = v;
	p->n++;
	return true;
}

bool parse_points(const char *text, struct points *out)
{
	for (;;) {
		unsigned long long point;
		char *end;

		if (!isdigit((unsigned char)*text))
			return false;
		errno = 0;
		point = strtoull(text, &end, 10);
		if (errno || !point || (*end && *end != ','))
			return false;
		if (!add_point(out, point))
			return false;
		if (!*end)
			return true;
		text = end + 1;
	}
}
