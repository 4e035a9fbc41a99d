/* SPDX-License-Identifier: MIT */
/*
 * worker.h: the threads that answer guests.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

struct run;

int workers_start(struct run *run);
void workers_stop(struct run *run);

#endif
