/* SPDX-License-Identifier: MIT */
/*
 * parse.h: the values of options.  Each returns false for text that is not
 * wholly such a value, and then leaves *out alone.
 */
#ifndef TOOL_PARSE_H
#define TOOL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* "4096", "512M", "1.5G", "2GiB": bytes, K M G T as powers of 1024. */
bool parse_size(const char *text, uint64_t *out);
/* "2", "2:1G,512M": a number from 1 to max, and as many sizes, or none: then bytes[] is 0. */
bool parse_nodes(const char *text, uint64_t *bytes, unsigned max, unsigned *nodes);
/* "2M=64,1G=1": how many of each of the n sizes, no size twice; 0 of one that is not named. */
bool parse_counts(const char *text, const uint64_t *sizes, unsigned n, uint64_t *counts);
/* "1", "0.5": seconds, above 0 and at most a day. */
bool parse_seconds(const char *text, double *out);

struct run_hugetlbfs;
/* "/mnt/huge,size=64M,min_size=2M,pagesize=2M,mode=1777" (parse_hugetlbfs.c). */
bool parse_hugetlbfs(const char *text, struct run_hugetlbfs *out);

struct points {
	uint64_t *v; /* ascending, without repetition; from malloc */
	unsigned n;
};
/* "3", "1,7,12": adds to *out.  Numbers start at 1. */
bool parse_points(const char *text, struct points *out);

#endif
