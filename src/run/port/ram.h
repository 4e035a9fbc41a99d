/* SPDX-License-Identifier: MIT */
/*
 * ram.h: the memory objects.
 */
#ifndef RUN_RAM_H
#define RUN_RAM_H

#include <stdbool.h>
#include <stdint.h>

struct run;

int ram_create(struct run *run);
/* Bytes of RAM where nobody names them, at least; of the largest file that then is made. */
uint64_t ram_least(void);
uint64_t ram_least_file(void);
/* The frame is about to be touched: has the host allocate it together with its neighbours. */
void ram_expect(struct run *run, uint64_t frame);
bool ram_discard(void *ctx, uint64_t first, uint64_t count);

#endif
