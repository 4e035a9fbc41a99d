/* SPDX-License-Identifier: MIT */
/*
 * far.h: frame numbers for pages that a window does not show.
 */
#ifndef RUN_FAR_H
#define RUN_FAR_H

#include <stdint.h>

struct request;
struct run;
struct window;

int far_create(struct run *run);
/* Pages [first, first + pages) of the file have numbers from now on. */
int far_extend(struct window *w, uint64_t pages);
/* The number of the page that many behind the window's first; 0: none. */
uint64_t far_frame(const struct window *w, uint64_t distance);
void far_release(struct window *w);
void op_far(struct request *q);

#endif
