/* SPDX-License-Identifier: MIT */
/*
 * report_units.c: numbers as people read them.  No locale.
 */
#include "quire/quire.h"
#include "run/report/parts.h"

#include <string.h>

const char *report_count(uint64_t n, report_buf buf)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *p = buf;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = 0;
	return buf;
}

/* No libm for this. */
static uint64_t tenths_up(double v)
{
	uint64_t tenths = (uint64_t)(v * 10);

	return (double)tenths < v * 10 ? tenths + 1 : tenths;
}

static const char *size_text(uint64_t bytes, bool up, report_buf buf)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	unsigned u = 0;

	while (v >= 1023.95 && u < 6) {
		v /= 1024;
		u++;
	}
	/* Pages make kibibytes come out whole. */
	if (up && u >= 2)
		v = (double)tenths_up(v) / 10;
	snprintf(buf, sizeof(report_buf), u < 2 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return buf;
}

const char *report_size(uint64_t bytes, report_buf buf)
{
	return size_text(bytes, false, buf);
}

const char *report_size_up(uint64_t bytes, report_buf buf)
{
	return size_text(bytes, true, buf);
}

const char *report_duration(uint64_t ns, report_buf buf)
{
	double s = (double)ns / 1e9;

	if (ns < 10000000)
		snprintf(buf, sizeof(report_buf), "%.1f ms", s * 1e3);
	else if (ns < 1000000000)
		snprintf(buf, sizeof(report_buf), "%.0f ms", s * 1e3);
	else if (s < 60)
		snprintf(buf, sizeof(report_buf), "%.2f s", s);
	else
		snprintf(buf, sizeof(report_buf), "%llu min %02llu s", (unsigned long long)(s / 60),
			 (unsigned long long)s % 60);
	return buf;
}

const char *report_noun(uint64_t n, const char *noun, report_buf buf)
{
	report_buf count;
	int len = (int)strlen(noun);
	const char *ending = "s";

	if (n == 1) {
		ending = "";
	} else if (noun[len - 1] == 's') {
		ending = "es";
	} else if (noun[len - 1] == 'y') {
		ending = "ies";
		len--;
	}
	snprintf(buf, sizeof(report_buf), "%s %.*s%s", report_count(n, count), len, noun, ending);
	return buf;
}
