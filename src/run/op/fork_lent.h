/* SPDX-License-Identifier: MIT */
/*
 * fork_lent.h: a fork of the requester's space, which names what other threads' calls work with.
 */
#ifndef RUN_FORK_LENT_H
#define RUN_FORK_LENT_H

struct request;
struct space;

int fork_space(struct request *q, struct space **out);

#endif
