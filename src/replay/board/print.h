/* SPDX-License-Identifier: MIT */
/*
 * print.h: what came of a step, as text.
 */
#ifndef REPLAY_PRINT_H
#define REPLAY_PRINT_H

#include "replay/board/board.h"

#define RESULT_LEN 160

/* "= 0", "= -1 ENOMEM", "SIGSEGV MAPERR a+4K": addresses relative to variables of the board. */
void result_print(const struct board *b, const struct step *step, const struct result *r, char *out,
		  size_t len);
/* What told_counters() makes: "T4 F3 R2 S0". */
void counters_print(int64_t told, char *out, size_t len);
/* An address: "arena+0x3000", or plain. */
void address_print(const struct board *b, uint64_t addr, char *out, size_t len);
/* What told_policy() makes: "bind,static n0,n1". */
void policy_print(uint64_t policy, char *out, size_t len);
/* One VMA of a view, one line, and its pages. */
void vma_print(const struct board *b, const struct view *v, unsigned i, char *out, size_t len);

#endif
