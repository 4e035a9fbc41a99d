/* SPDX-License-Identifier: MIT */
/*
 * life.h: the main thread's loop: signals, deaths, the live line.
 */
#ifndef RUN_LIFE_H
#define RUN_LIFE_H

struct run;

int life_create(struct run *run);
void life_loop(struct run *run);
/* SIGTERM and SIGHUP are not passed on any more, and end us. */
void life_let_go(struct run *run);
void life_destroy(struct run *run);

#endif
