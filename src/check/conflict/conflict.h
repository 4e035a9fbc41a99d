/* SPDX-License-Identifier: MIT */
/*
 * conflict.h: which cache lines two actors share while they do what is meant to scale.
 */
#ifndef CHECK_CONFLICT_H
#define CHECK_CONFLICT_H

#include <stdbool.h>

/* Prints the lines of each case.  0: none but those that are known; 1: others. */
int conflicts(void);

/* ---- line_name.c: of the line that begins at p */
struct world;
void line_name(const struct world *w, const char *p, char *buf, unsigned long len);
/* Metadata of a page table. */
bool line_of_tables(const struct world *w, const char *p);
/* Counters of the mm for a CPU. */
bool line_of_stripe(const struct world *w, const char *p);

/* ---- symbol.c: the function of an address in this program. */
void symbol_name(const void *where, char *buf, unsigned long len);

#endif
