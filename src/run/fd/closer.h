/* SPDX-License-Identifier: MIT */
/*
 * closer.h: the last close of a guest's descriptor, which may take long.
 */
#ifndef RUN_CLOSER_H
#define RUN_CLOSER_H

struct run;

int closer_create(struct run *run);
int closer_start(struct run *run);
void close_later(struct run *run, int fd);

#endif
