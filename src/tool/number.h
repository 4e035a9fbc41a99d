/* SPDX-License-Identifier: MIT */
/*
 * number.h: options whose value is a number, for every program of the tool.
 */
#ifndef TOOL_NUMBER_H
#define TOOL_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * False for text that is not wholly a number from min to max, without sign or blank; *out is then
 * left alone.  base: as strtoull() has it.
 */
static inline bool parse_number(const char *text, int base, uint64_t min, uint64_t max,
				uint64_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, base);
	if (*text < '0' || *text > '9' || *end || errno || n < min || n > max)
		return false;
	*out = n;
	return true;
}

#endif
