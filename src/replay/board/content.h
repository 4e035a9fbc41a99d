/* SPDX-License-Identifier: MIT */
/*
 * content.h: what files begin with, and how bytes that were read are told: the same for all who
 * execute scripts.
 */
#ifndef REPLAY_CONTENT_H
#define REPLAY_CONTENT_H

#include "replay/board/board.h"

/* The content that a script's file begins with: the byte at an offset. */
static inline uint8_t file_pattern(uint64_t off)
{
	return (uint8_t)(off / REPLAY_PAGE * 7 + off % 251 + 1);
}

/* A page of it; returns how much of that belongs to a file of so many bytes. */
static inline uint64_t pattern_page(uint64_t off, uint64_t bytes, uint8_t page[REPLAY_PAGE])
{
	uint64_t n = bytes - off < REPLAY_PAGE ? bytes - off : REPLAY_PAGE;

	for (uint64_t i = 0; i < n; i++)
		page[i] = file_pattern(off + i);
	return n;
}

/* How the bytes that were read are summed up, in order. */
static inline uint64_t sum_byte(uint64_t sum, uint8_t byte)
{
	return sum * 31 + byte;
}

/* Keeps the first bytes and the sum of all. */
static inline void result_byte(struct result *r, uint8_t byte)
{
	if (r->nr_data < sizeof(r->data))
		r->data[r->nr_data++] = byte;
	r->sum = sum_byte(r->sum, byte);
}

/* Pages go in turn to the nodes of a set.  An empty one: 0. */
static inline int node_in_turn(uint64_t set, unsigned turn)
{
	if (!set)
		return 0;
	for (turn %= (unsigned)__builtin_popcountll(set); turn--;)
		set &= set - 1;
	return __builtin_ctzll(set);
}

/* What a status of move_pages(2) is before the call. */
#define STATUS_BEFORE INT8_MAX

/* What result.contents holds of a page that could not be read. */
enum { CONTENT_SEGV = 1, CONTENT_BUS = 2, CONTENT_FIRST = 16 };

/* And of one that could: of the sum of its bytes. */
static inline uint16_t content_of_sum(uint64_t sum)
{
	sum ^= sum >> 32;
	return (uint16_t)((sum ^ sum >> 16) | CONTENT_FIRST);
}

#endif
